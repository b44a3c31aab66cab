"""What a store of facts promises, whichever database keeps them.

A write is one transaction. It takes the lock of the one row that holds the newest revision, writes
the records that its changes touch, whole or not at all, appends to the change log, and moves the
revision on by exactly one. So revisions become visible in their order, and whoever asks for
everything after a revision misses nothing. What the changes make of the facts is found before the
lock is taken, and holds if the facts are the same under it; else it is found anew.

INVARIANT (one history): each revision has a mark, which is made from all that came before it. Facts
may be brought forward only if the database still has their mark at their revision. A database that
was replaced, or restored from a backup, is thereby noticed, even after it has moved on.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from service.domain.directory import Directory
from service.errors import RevisionConflict

Changes = Sequence[Mapping[str, Any]]
"""Changes as contract section 2 spells them; in this order, whole or not at all."""

Judge = Callable[[Directory, Changes], None]
"""Called with the facts that the changes will meet; it raises to refuse them.

Called again, with other facts, where somebody else has written before the changes could be."""

REPLACE_WORLD = "replace_world"
"""The `op` that stands alone in the log where a whole world took the place of another."""


class Position(NamedTuple):
    """A revision of one history. Positions are equal if and only if the facts there are the same
    and came about in the same way."""

    epoch: str
    """A random name that the database was given when it was made."""
    revision: int
    """0 before anything was written."""
    mark: str


class Held(NamedTuple):
    """Facts in memory, and where in which history they stand."""

    directory: Directory
    position: Position


class LogEntry(NamedTuple):
    """One revision: when, by whom, for whom, and what was changed."""

    revision: int
    at: datetime
    """In UTC, by the writer's clock: not the order of revisions."""
    caller: str
    """Who wrote: "seed", "command line", or a caller of the API."""
    subject: str | None
    """On whose behalf, e.g. "user:ann"; None when the caller acted in its own right."""
    changes: tuple[Mapping[str, Any], ...]


class Written(NamedTuple):
    """What became of a write: its revision, and whether an earlier request had made it."""

    revision: int
    repeated: bool


class Store(Protocol):
    """The truth about the facts. Safe to use from several threads; not across a fork.

    Every method raises StoreUnavailable where the database does not answer in time, cannot be
    reached or refuses; nothing is half done then. UnusableStore where what it holds cannot be read.
    """

    def head(self) -> Position:
        """The newest position; read from the database."""
        ...

    def revision(self) -> int:
        """The newest revision; 0 when nothing was ever written. Read from the database."""
        ...

    def newest(self) -> Held:
        """All facts at the newest revision; the same object for as long as nothing changes.

        Costs in proportion to what has changed since this process last asked; to the world when it
        never asked, when most has changed, or when what it knows `continues` no longer.
        """
        ...

    def continues(self, position: Position) -> bool:
        """Whether the store has come from this position, or stands there."""
        ...

    def directory(self, revision: int | None = None) -> Directory:
        """All facts as they were at `revision`, or are at the newest.

        Raises:
            UnknownRevision: nothing was written yet under this number.
        """
        ...

    def log(self, after: int, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries with a revision greater than `after`, in order, without gaps."""
        ...

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
        """Make the changes, whole or not at all, as one revision.

        `circumstances` are what else the judge goes by, as JSON: they are part of the content that
        an idempotency key stands for.

        A write that repeats the caller's `idempotency_key` with the same content is not made again
        and gets the first answer; that it was refused or failed is not remembered.

        Raises:
            InvalidChanges: one of them cannot be made.
            RevisionConflict: the newest revision is not `expect_revision`.
            IdempotencyKeyReused: the caller has used the key for another content.
            AnotherHistory: the database was exchanged in this very moment; nothing was written.
            StoreUnavailable: nothing was written; or, if its `outcome_unknown` says so, nobody
                knows. An idempotency key makes it safe to try again.
            Exception: whatever `judge` raises; nothing was written.
        """
        ...

    def replace(
        self,
        directory: Directory,
        *,
        caller: str,
        subject: str | None = None,
        expect_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Written:
        """Put these facts in the place of all there are, as one revision. Raises what write does.

        Only what differs is written, so replacing a world by nearly the same costs little.
        """
        ...

    def await_hint(self, seconds: float) -> None:
        """Return when something may have been written, at the latest after `seconds`.

        A hint may be late, lost or wrong. Whoever needs the truth asks `newest` afterwards. For one
        thread at a time.
        """
        ...

    def close(self) -> None:
        """Let go of every connection. What this process knows of the facts can still be read."""
        ...


def seed(store: Store, read: Callable[[], Directory], caller: str = "seed") -> bool:
    """Whether the store was empty and now holds the facts that `read` gives.

    Of several processes that try at once one succeeds; the others find the store seeded.
    """
    if store.revision() != 0:
        return False
    with suppress(RevisionConflict):
        store.replace(read(), caller=caller, expect_revision=0)
        return True
    return False
