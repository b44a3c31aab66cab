"""One write: what it comes to, before it holds the lock, and what it does while it does."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.schema import Schema
from service.domain.touched import touched
from service.errors import IdempotencyKeyReused
from service.store import facts, log
from service.store.database import Database
from service.store.log import Author
from service.store.protocol import Changes, Held, Judge, Written
from service.store.rows import spelled


class Outcome(NamedTuple):
    """What changes come to: the facts after them, and the rows that they take away and bring."""

    after: Directory
    old: facts.Rows
    new: facts.Rows


def outcome(before: Directory, changes: Changes, schema: Schema, judge: Judge | None) -> Outcome:
    """What the changes come to on these facts. Raises InvalidChanges, and what `judge` raises."""
    if judge is not None:
        judge(before, changes)
    after = apply_changes(before, changes, schema)
    old, new = {}, {}
    for key in touched(before, after, changes):
        had, has = before.get(key), after.get(key)
        if had is not None:
            old[key] = spelled(had)
        if has is not None:
            new[key] = spelled(has)
    return Outcome(after, old, new)


def earlier(connection: sa.Connection, author: Author, content: str) -> Written | None:
    """What an earlier write under the same key has become; None if there was none, or no key.

    Raises:
        IdempotencyKeyReused: it had another content.
    """
    found = log.earlier(connection, author)
    if found is None:
        return None
    if found[1] != content:
        raise IdempotencyKeyReused(found[0])
    return Written(found[0], True)


class Turn:
    """One write while it holds the lock."""

    def __init__(self, connection: sa.Connection, database: Database, author: Author, content: str):
        self._connection = connection
        self._database = database
        self._author = author
        self._content = content
        self.repeated: Written | None = None
        self.held: Held
        self.made: Held

    def commit(
        self, after: Directory, old: facts.Rows, new: facts.Rows, changes: Sequence[Mapping]
    ) -> None:
        """Write what differs and the entry of the log; committed when the turn ends."""
        content = self._content if self._author.idempotency_key is not None else None
        entry = orjson.dumps(changes).decode()
        before = self.held.position
        position = log.append(self._connection, before, self._author, entry, content)
        same = {key for key, row in old.items() if new.get(key) == row}
        facts.write(
            self._database,
            self._connection,
            position.revision,
            {key: row for key, row in old.items() if key not in same},
            {key: row for key, row in new.items() if key not in same},
        )
        self._database.announce(self._connection, position.revision)
        self.made = Held(after.at_revision(position.revision), position)
