"""The verbs of `watershed`, one module a family. They ask and print; nothing is decided here."""
