"""HTTP: how the service spells what it is asked and what it answers. Decides nothing itself."""
