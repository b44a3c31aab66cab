"""Facts that follow the store: threads of each process bring them forward, everyone else reads.

A reader takes one reference and never waits, not even for a database that hangs. Facts that nobody
has confirmed for too long are refused; they come back by themselves when the store does.

INVARIANT (old means old): facts of which a newer revision is known are not confirmed while that one
is read, however long it takes. A right that was taken away thereby ends in the time allowed, also
in a world that was replaced whole.
"""

import logging
import threading
import time
from typing import NamedTuple

from service.domain.directory import Directory
from service.errors import FactsTooOld, WatershedError
from service.store.protocol import Held, Store

POLL_SECONDS = 1.0
"""How long a lost hint goes unnoticed, at most."""

QUIET_SECONDS = 5.0
GATHERED_RECORDS = 100_000
"""So many take a few milliseconds. Where there are more of a kind, its memory is better shared with
other processes than gathered."""

_RETRY_SECONDS = 0.25
_NEVER = float("-inf")
_LOG = logging.getLogger("service")


class Known(NamedTuple):
    """How well this process knows the facts."""

    revision: int
    newest: int
    """The newest revision that this process has heard of."""
    age_seconds: float
    """Since the store was last seen to hold nothing newer; infinite if it never was."""
    usable: bool
    """Whether decisions may be made from these facts."""
    reading_seconds: float
    """For how long a newer revision has been read by now; 0 where none is."""
    mark: str
    """Of the history that led to the revision (`protocol.Position`)."""
    problem: str | None
    """Why the store could not be followed when it was last tried."""


class _Facts(NamedTuple):
    held: Held
    newest: int
    confirmed: float = _NEVER
    """By the monotonic clock: when the look began that found nothing newer."""
    refused: bool = False
    """Whether they are known to be wrong, because they belong to another history."""
    problem: str | None = None
    reading: float | None = None
    """By the monotonic clock: when the reading of something newer began."""


class Followed:
    """The newest facts of a store. `start` it in the process that asks, after any fork."""

    def __init__(
        self,
        store: Store,
        held: Held,
        most_age_seconds: float,
        poll_seconds: float = POLL_SECONDS,
    ):
        """`held` is where to begin: facts of this store, however old."""
        self._store = store
        self._facts = _Facts(held, held.position.revision)
        self._most_age_seconds = most_age_seconds
        self._poll_seconds = poll_seconds
        self._newer_at = time.monotonic()
        self._changed = threading.Condition()
        self._now = threading.Event()
        self._stopping = threading.Event()
        # Two threads, so that a listener which hangs cannot keep the other one from looking.
        self._threads = [
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
            for work in (self._follow, self._listen)
        ]

    def start(self, seconds: float = 5.0) -> None:
        """Follow from now on, until `stop`; waits so long at most for the first look."""
        for thread in self._threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._facts.confirmed != _NEVER, timeout=seconds)

    def stop(self, seconds: float = 2.0) -> None:
        """Follow no longer; waits so long at most, because a dead database may hold a thread."""
        self._stopping.set()
        self._now.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(seconds)

    def snapshot(self) -> Directory:
        """All facts at the newest revision; the same object for as long as nothing changes, but
        that they are gathered once when nothing has for a while.

        Raises:
            FactsTooOld: nobody could confirm them for too long, or they are known to be wrong.
        """
        facts = self._facts
        if facts.refused or time.monotonic() - facts.confirmed > self._most_age_seconds:
            known = self.known()
            why = "the store is silent"
            if known.reading_seconds:
                so_long = f"{known.reading_seconds:.1f} seconds"
                why = f"revision {known.newest} is being read, for {so_long} now"
            raise FactsTooOld(
                f"the facts, at revision {known.revision}, were last confirmed "
                f"{known.age_seconds:.1f} seconds ago: {known.problem or why}"
            )
        return facts.held.directory

    def known(self) -> Known:
        """How well the facts are known now."""
        facts, now = self._facts, time.monotonic()
        age = now - facts.confirmed
        usable = not facts.refused and age <= self._most_age_seconds
        reading = 0.0 if facts.reading is None else now - facts.reading
        _, revision, mark = facts.held.position
        return Known(revision, facts.newest, age, usable, reading, mark, facts.problem)

    def hurry(self) -> None:
        """Look at the store at once: somebody knows of something newer."""
        self._now.set()

    def wait_for(self, revision: int, seconds: float) -> bool:
        """Whether the facts are at `revision` or later, waiting so long for it at most."""
        if not self._reached(revision):
            self.hurry()
        with self._changed:
            return self._changed.wait_for(lambda: self._reached(revision), timeout=seconds)

    def _reached(self, revision: int) -> bool:
        facts = self._facts
        return not facts.refused and facts.held.position.revision >= revision

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._store.await_hint(self._poll_seconds)
                self._now.set()
            except Exception:  # the other thread will find the same, and tell it
                self._stopping.wait(_RETRY_SECONDS)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self._now.clear()
            try:
                self._look()
            except Exception as error:
                # Whatever it is may be over the next time: nothing is given up for good.
                self._tell(error)
                self._stopping.wait(_RETRY_SECONDS)
            self._now.wait(self._poll_seconds)

    def _look(self) -> None:
        """Bring the facts to where the store is now."""
        begin = time.monotonic()
        facts = self._facts
        head = self._store.head()
        if head == facts.held.position and not facts.refused:
            held = self._at_rest(facts.held, begin)
            self._set(
                facts._replace(held=held, confirmed=begin, newest=head.revision, problem=None)
            )
            return
        if facts.refused or self._store.continues(facts.held.position):
            self._set(facts._replace(newest=head.revision, reading=begin))
        else:
            # Refuse at once: to read a large world anew takes seconds.
            problem = "the store has another history than these facts; was a backup restored?"
            _LOG.error("%s", problem)
            self._set(
                facts._replace(newest=head.revision, refused=True, problem=problem, reading=begin)
            )
        held = self._store.newest()
        self._newer_at = begin
        self._set(_Facts(held, held.position.revision, confirmed=begin))
        if time.monotonic() - begin > self._poll_seconds:
            self.hurry()  # as old as the reading took: only another look confirms them

    def _at_rest(self, held: Held, now: float) -> Held:
        """The same facts, gathered if nothing has changed for a while: until then decisions take a
        little longer, and to gather them after each change would take longer still."""
        if now - self._newer_at < QUIET_SECONDS:
            return held
        return held._replace(directory=held.directory.gathered(GATHERED_RECORDS))

    def _tell(self, error: Exception) -> None:
        """Note why the store could not be followed, and say so when it is news."""
        known = isinstance(error, WatershedError)
        problem = str(error) if known else f"an unforeseen {type(error).__name__}"
        if problem != self._facts.problem:
            _LOG.error("the facts cannot be followed: %s", problem, exc_info=not known)
        self._set(self._facts._replace(problem=problem, reading=None))

    def _set(self, facts: _Facts) -> None:
        """The only way in which what is known changes; one thread does it."""
        with self._changed:
            self._facts = facts
            self._changed.notify_all()
