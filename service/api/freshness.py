"""`X-Min-Revision`: an answer from at least this revision, after a bounded wait, or none.

Whoever has written is told the revision of what he wrote. Whoever sends it with a question is not
answered from facts before it, on whichever node the question arrives.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from service.errors import InvalidRequest, Problem, RevisionNotReached
from service.policy.pdp import Facts

MIN_REVISION = "X-Min-Revision"
LOOK_EVERY_SECONDS = 0.01
_DIGITS = re.compile("[0-9]{1,18}").fullmatch


def read_revision(text: str, name: str = MIN_REVISION) -> int | None:
    """The revision that a header or parameter names, None if empty. Raises InvalidRequest."""
    if not text:
        return None
    if not _DIGITS(text):
        raise InvalidRequest([Problem(name, None, "is not a revision, a whole number from 0")])
    return int(text)


def demand(facts: Facts, wanted: int | None) -> None:
    """Pass if the facts have come to the revision that is wanted. Raises RevisionNotReached."""
    found = 0 if wanted is None else facts.snapshot().revision
    if wanted is not None and found < wanted:
        raise RevisionNotReached(wanted, found)


class ThreadsThatWait:
    """Waiting for revisions in threads that answer requests: some of them, never all."""

    def __init__(self, facts: Facts, most: int):
        self._facts = facts
        self._free = threading.BoundedSemaphore(most) if most else None

    def wait(self, wanted: int, seconds: float) -> None:
        """Return when the facts have come to that revision, or the time is up, or nobody may wait
        any more."""
        if self._free is None or not self._free.acquire(blocking=False):
            return
        try:
            deadline = time.monotonic() + seconds
            while self._facts.snapshot().revision < wanted and time.monotonic() < deadline:
                self._facts.hurry()
                time.sleep(LOOK_EVERY_SECONDS)
        finally:
            self._free.release()


class _Waiter(NamedTuple):
    wanted: int
    deadline: float
    wake: Callable[[], None]


class TasksThatWait:
    """Waiting for revisions on an event loop: one look at the facts serves all who wait."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._waiting: set[_Waiter] = set()
        self._looking = False

    async def wait(self, wanted: int, seconds: float) -> None:
        """Return when the facts have come to that revision, or the time is up."""
        if self._facts.snapshot().revision >= wanted or seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        waiter = _Waiter(wanted, loop.time() + seconds, wake)
        self._waiting.add(waiter)
        self._facts.hurry()
        if not self._looking:
            self._looking = True
            loop.call_later(LOOK_EVERY_SECONDS, self._look, loop)
        try:
            await woken
        finally:
            self._waiting.discard(waiter)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        revision, now = self._facts.known().revision, loop.time()
        for waiter in self._waiting:
            if revision >= waiter.wanted or now >= waiter.deadline:
                waiter.wake()
        self._looking = bool(self._waiting)
        if self._looking:
            loop.call_later(LOOK_EVERY_SECONDS, self._look, loop)
