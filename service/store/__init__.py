"""Where facts are kept: SQLite or PostgreSQL behind one protocol. Knows nothing of the law."""
