"""The change log in the database: what was written at each revision, each entry marked.

The mark of an entry is a hash of the mark before it and of all that the entry says. It tells one
history from another (protocol.py), and an entry that was edited, removed or put in does not fit.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from service.errors import RevisionConflict
from service.store.protocol import LogEntry, Position
from service.store.tables import head, log


class Author(NamedTuple):
    """Who makes a write, for whom, and by which key they know it again."""

    caller: str
    subject: str | None
    idempotency_key: str | None


def locked_head(connection: sa.Connection) -> Position:
    """The newest position, which nobody else can move until this transaction ends."""
    return _position(connection, sa.select(head).with_for_update())


def newest(connection: sa.Connection) -> Position:
    return _position(connection, sa.select(head))


def _position(connection: sa.Connection, query: sa.Select) -> Position:
    row = connection.execute(query).one()
    return Position(row.epoch, row.revision, row.mark)


def leads_to(connection: sa.Connection, position: Position, head: Position) -> bool:
    """Whether `position` is a former or the present state of this database, now at `head`.

    INVARIANT (one history) is kept by asking this before facts are brought forward.
    """
    if position.epoch != head.epoch or position.revision > head.revision:
        return False
    if position.revision == head.revision or position.revision == 0:
        return position.mark == (head.mark if position.revision else head.epoch)
    mark = connection.scalar(sa.select(log.c.mark).where(log.c.revision == position.revision))
    return mark == position.mark


def earlier(connection: sa.Connection, author: Author) -> tuple[int, str] | None:
    """The revision and the content of the caller's write under the same idempotency key."""
    if author.idempotency_key is None:
        return None
    row = connection.execute(
        sa.select(log.c.revision, log.c.content)
        .where(log.c.caller == author.caller)
        .where(log.c.idempotency_key == author.idempotency_key)
    ).one_or_none()
    return None if row is None else (row.revision, row.content)


def append(
    connection: sa.Connection, before: Position, author: Author, changes: str, content: str | None
) -> Position:
    """Write the next entry, move the head to it, and give its position."""
    entry = {
        "revision": before.revision + 1,
        "at": datetime.now(UTC).isoformat(),
        **author._asdict(),
        "changes": changes,
        "content": content,
    }
    after = Position(before.epoch, before.revision + 1, marked(before.mark, entry))
    connection.execute(sa.insert(log).values(**entry, mark=after.mark))
    moved = connection.execute(
        sa.update(head)
        .where(head.c.revision == before.revision)
        .values(revision=after.revision, mark=after.mark)
    )
    if moved.rowcount != 1:  # somebody has moved it in spite of the lock
        raise RevisionConflict(before.revision, newest(connection).revision)
    return after


_FIELDS = ("revision", "at", "caller", "subject", "idempotency_key", "changes", "content")


def marked(before: str, entry: Any) -> str:
    """The mark of an entry that follows the mark `before`."""
    return sha256(orjson.dumps([before, *(entry[field] for field in _FIELDS)])).hexdigest()


def rows(connection: sa.Connection, after: int = 0) -> Iterator[Any]:
    """The rows of all entries after a revision, in order."""
    query = sa.select(log).where(log.c.revision > after).order_by(log.c.revision)
    return connection.execute(query, execution_options={"yield_per": 1000}).mappings()


def entries(connection: sa.Connection, after: int, limit: int) -> Sequence[LogEntry]:
    query = sa.select(log).where(log.c.revision > after).order_by(log.c.revision).limit(limit)
    return tuple(
        LogEntry(
            row.revision,
            datetime.fromisoformat(row.at),
            row.caller,
            row.subject,
            tuple(orjson.loads(row.changes)),
        )
        for row in connection.execute(query)
    )
