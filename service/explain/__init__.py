"""Why a decision is as it is, what would change it, and what a change of the facts would do."""
