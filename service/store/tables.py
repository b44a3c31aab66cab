"""The tables, one shape for both databases. How they came to be: `migrations/versions`.

`facts` holds one row an entity as it is now; `history` each earlier row with the revisions
[since, until) at which it held. So a start reads `facts` and replays nothing, and the world at any
revision is a selection from both, exact and as quick as a start. A change of a user costs some 550
bytes of SQLite file: its row of history, its entry in the log, and their indexes. Nothing is ever
deleted.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

# Compared byte by byte in both databases: ids that differ by case, or by how a language sorts, are
# different ids. It is what SQLite does by itself.
Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

HEAD_ROW = 1

head = sa.Table(
    "watershed_head",
    metadata,
    sa.Column("row", sa.Integer, sa.CheckConstraint("row = 1"), primary_key=True),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("mark", sa.Text, nullable=False),
)

facts = sa.Table(
    "watershed_facts",
    metadata,
    sa.Column("kind", Id, primary_key=True),
    sa.Column("id", Id, primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("watershed_facts_since", "since"),
    sqlite_with_rowid=False,
)

history = sa.Table(
    "watershed_history",
    metadata,
    sa.Column("kind", Id, primary_key=True),
    sa.Column("id", Id, primary_key=True),
    sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("watershed_history_until", "until"),
    sqlite_with_rowid=False,
)

log = sa.Table(
    "watershed_log",
    metadata,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("caller", Id, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("idempotency_key", Id),
    sa.Column("content", sa.Text),
    sa.Column("mark", sa.Text, nullable=False),
    sa.UniqueConstraint("caller", "idempotency_key", name="watershed_log_idempotency"),
)
