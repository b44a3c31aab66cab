"""The tables of the first version: head, facts, history, log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "watershed_head",
        sa.Column("row", sa.Integer, sa.CheckConstraint("row = 1"), primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
    )
    op.create_table(
        "watershed_facts",
        sa.Column("kind", text, primary_key=True),
        sa.Column("id", text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("watershed_facts_since", "watershed_facts", ["since"])
    op.create_table(
        "watershed_history",
        sa.Column("kind", text, primary_key=True),
        sa.Column("id", text, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("watershed_history_until", "watershed_history", ["until"])
    op.create_table(
        "watershed_log",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("caller", text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("idempotency_key", text),
        sa.Column("content", sa.Text),
        sa.Column("mark", sa.Text, nullable=False),
        sa.UniqueConstraint("caller", "idempotency_key", name="watershed_log_idempotency"),
    )
