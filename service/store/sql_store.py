"""The store itself, the same over both databases."""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa

from service.domain.directory import Directory, directory_of
from service.domain.identifiers import Key
from service.domain.schema import Schema
from service.errors import (
    AnotherHistory,
    RevisionConflict,
    StoreUnavailable,
    UnknownRevision,
)
from service.store import facts, integrity, log
from service.store.database import WAIT_SECONDS, Database, reading, writing
from service.store.log import Author
from service.store.protocol import (
    REPLACE_WORLD,
    Changes,
    Held,
    Judge,
    LogEntry,
    Position,
    Written,
)
from service.store.rows import digest_of_rows, spelled
from service.store.turn import Turn, earlier, outcome

QUICK_SECONDS = 0.05
"""What took no longer to judge outside of the lock may be judged once more under it."""
TRIES_OUTSIDE = 4
"""How often a write that takes long is judged before the lock is taken. If others write each time,
it is judged under the lock in the end: it holds them up, as it would otherwise never come to be."""


class SqlStore:
    """Implements `protocol.Store`. What it has read of the facts it keeps, and brings forward."""

    def __init__(self, database: Database, schema: Schema, levels: int, held: Held | None = None):
        self._database = database
        self._schema = schema
        self._levels = levels
        self._held = held
        self._swap = threading.Lock()
        self._write = threading.Lock()
        self._process = os.getpid()

    def head(self) -> Position:
        self._check_process()
        with reading(self._database) as connection:
            return log.newest(connection)

    def revision(self) -> int:
        return self.head().revision

    def newest(self) -> Held:
        self._check_process()
        held = self._held
        with reading(self._database) as connection:
            head = log.newest(connection)
            if held is not None and head == held.position:
                return held
            if (
                held is not None
                and log.leads_to(connection, held.position, head)
                and not facts.mostly_changed(connection, held.directory)
            ):
                return self._remember(self._forward(connection, held, head), held)
            with facts.collector_at_rest():
                records = facts.read(connection, self._schema, self._levels, head.revision)
        # Not while the transaction is open, which the server would take for forgotten.
        with facts.collector_at_rest():
            directory = directory_of(records, self._levels, head.revision)
        return self._remember(Held(directory, head), held)

    def continues(self, position: Position) -> bool:
        self._check_process()
        with reading(self._database) as connection:
            return log.leads_to(connection, position, log.newest(connection))

    def directory(self, revision: int | None = None) -> Directory:
        if revision is None:
            return self.newest().directory
        self._check_process()
        with facts.collector_at_rest():
            with reading(self._database) as connection:
                newest = log.newest(connection).revision
                if not 0 <= revision <= newest:
                    raise UnknownRevision(revision, newest)
                records = facts.read(connection, self._schema, self._levels, revision)
            return directory_of(records, self._levels, revision)

    def log(self, after: int, limit: int) -> Sequence[LogEntry]:
        self._check_process()
        with reading(self._database) as connection:
            return log.entries(connection, after, limit)

    def write(
        self,
        changes: Changes,
        *,
        caller: str,
        subject: str | None = None,
        expect_revision: int | None = None,
        idempotency_key: str | None = None,
        circumstances: Any = None,
        judge: Judge | None = None,
    ) -> Written:
        author = Author(caller, subject, idempotency_key)
        content = _digest(["write", subject, circumstances, expect_revision, list(changes)])
        first = held = self.newest()
        repeated = self._repeated(author, content)
        if repeated is not None:
            return repeated
        if expect_revision not in (None, held.position.revision):
            raise RevisionConflict(expect_revision, held.position.revision)
        for tries_left in reversed(range(TRIES_OUTSIDE)):
            began = time.monotonic()
            made = outcome(held.directory, changes, self._schema, judge)
            quick = time.monotonic() - began < QUICK_SECONDS
            with self._turn(held, author, content, expect_revision) as turn:
                if turn.repeated is not None:
                    return turn.repeated
                # INVARIANT (judged as met): what is written was judged on the facts it is applied
                # to. Have they moved on, so must the judgement; if that takes long, outside again.
                moved = turn.held.position != held.position
                if not moved or quick or not tries_left:
                    if moved:
                        made = outcome(turn.held.directory, changes, self._schema, judge)
                    turn.commit(*made, list(changes))
                    break
            held = turn.held
        return self._written(turn, first)

    def _repeated(self, author: Author, content: str) -> Written | None:
        """What an earlier write under the same key has become. Raises IdempotencyKeyReused."""
        if author.idempotency_key is None:
            return None
        with reading(self._database) as connection:
            return earlier(connection, author, content)

    def replace(
        self,
        directory: Directory,
        *,
        caller: str,
        subject: str | None = None,
        expect_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Written:
        author = Author(caller, subject, idempotency_key)
        # All that takes long is done before the lock is taken.
        new = _rows(directory)
        world = digest_of_rows(new.items())
        content = _digest([REPLACE_WORLD, subject, expect_revision, world])
        held = self.newest()
        old = _rows(held.directory)
        with self._turn(held, author, content, expect_revision) as turn:
            if turn.repeated is not None:
                return turn.repeated
            if turn.held is not held:
                old = _rows(turn.held.directory)
            marker = {"op": REPLACE_WORLD, "world": world}
            turn.commit(directory, old, new, [marker])
        written = self._written(turn, held)
        self._database.settle()
        return written

    def verify(self) -> list[str]:
        """What no sequence of writes could have left in the database; empty when all is well.

        Reads all of it, and every entry of the log against its mark.
        """
        self._check_process()
        with reading(self._database) as connection:
            return list(integrity.problems(connection))

    def await_hint(self, seconds: float) -> None:
        self._check_process()
        self._database.await_hint(seconds)

    def close(self) -> None:
        if os.getpid() == self._process:
            self._database.close()

    @contextmanager
    def _turn(
        self, held: Held, author: Author, content: str, expect_revision: int | None
    ) -> Iterator[Turn]:
        """A transaction that holds the lock, over the facts as they are under it."""
        self._check_process()
        if not self._write.acquire(timeout=WAIT_SECONDS):
            raise StoreUnavailable("another write of this process is not done yet")
        try:
            with writing(self._database) as connection:
                head = log.locked_head(connection)
                turn = Turn(connection, self._database, author, content)
                turn.repeated = earlier(connection, author, content)
                if turn.repeated is not None:
                    pass
                elif expect_revision not in (None, head.revision):
                    raise RevisionConflict(expect_revision, head.revision)
                elif not log.leads_to(connection, held.position, head):
                    raise AnotherHistory("the database was exchanged; try again")
                else:
                    turn.held = self._forward(connection, held, head)
                yield turn
        finally:
            self._write.release()

    def _written(self, turn: Turn, before: Held) -> Written:
        self._remember(turn.made, before)
        return Written(turn.made.position.revision, False)

    def _forward(self, connection: sa.Connection, held: Held, head: Position) -> Held:
        """The facts at `head`, to which those at hand lead."""
        if head == held.position:
            return held
        directory = facts.changed_since(connection, held.directory, self._schema)
        return Held(directory.at_revision(head.revision), head)

    def _remember(self, found: Held, instead_of: Held | None) -> Held:
        """Keep the facts, unless another thread has meanwhile brought them further."""
        with self._swap:
            kept = self._held
            further = kept is not None and kept.position.revision >= found.position.revision
            if kept is instead_of or not further:
                self._held = found
            return self._held

    def _check_process(self) -> None:
        # A connection that two processes use breaks for both.
        if os.getpid() != self._process:
            raise StoreUnavailable("it was opened before a fork; open it in each process")


def _rows(directory: Directory) -> dict[Key, str]:
    return {key: spelled(record) for key, record in sorted(directory.records.items())}


def _digest(content: Any) -> str:
    try:
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number beyond 64 bits; what is wrong with the change is told later
        text = json.dumps(content, sort_keys=True, default=str).encode()
    return sha256(text).hexdigest()
