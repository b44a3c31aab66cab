"""The policy decision point: the one door through which every decision comes."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol

from service.domain.directory import Directory
from service.domain.moment import Moment
from service.policy.decision import (
    REASONS,
    AccessRequest,
    Decision,
    Failure,
    Findings,
    settled,
)
from service.policy.engine import Engine

ID_BYTES = 16
"""Random, and told in hexadecimal: nobody can guess the id of another's decision."""
IDS_AT_ONCE = 512
"""Whoever waits while they are made, a tenth of a millisecond, is one in so many."""


class Known(NamedTuple):
    """How new the facts are."""

    revision: int
    newest: int
    """The newest revision that the database has named."""
    age_seconds: float
    """Since the database last confirmed the facts."""
    reading_seconds: float = 0.0
    """For how long a newer revision has been read by now; 0 where none is."""
    mark: str = ""
    """Of the history that led to them; empty where nobody keeps one."""


class Facts(Protocol):
    """The policy information point: whoever knows the facts."""

    def snapshot(self) -> Directory:
        """All facts at the newest revision; the same object for as long as nothing changes.

        Raises:
            FactsTooOld: nobody has confirmed them for too long.
        """
        ...

    def known(self) -> Known:
        """How new they are, however old."""
        ...

    def hurry(self) -> None:
        """Look for something newer soon."""
        ...


class FixedFacts:
    """Facts that stay as they are: a world from a file."""

    def __init__(self, directory: Directory):
        self._directory = directory

    def snapshot(self) -> Directory:
        return self._directory

    def known(self) -> Known:
        return Known(self._directory.revision, self._directory.revision, 0.0)

    def hurry(self) -> None:
        pass


clock: Callable[[], datetime] = partial(datetime.now, UTC)
"""The server's own clock, in UTC; a request cannot set it."""


class PolicyDecisionPoint:
    """Decides. Holds a compiled law and a source of facts, and remembers nothing of a request."""

    def __init__(self, engine: Engine, facts: Facts, clock: Callable[[], datetime] = clock):
        self.engine = engine
        self._settle = engine.settle
        self.facts = facts
        self._clock = clock
        self._policy = engine.policies.revision
        self._ids: list[str] = []
        self._counts = [0] * len(REASONS)

    @property
    def answers(self) -> dict[str, int]:
        """How many decisions were made, by reason."""
        return dict(zip(REASONS, self._counts, strict=True))

    def moment(self, now: datetime | None = None) -> Moment:
        """The newest facts at `now`, or at the clock's time. One serves a whole batch."""
        return Moment(self.facts.snapshot(), now or self._clock(), self.engine.vocabulary)

    def moment_of(self, directory: Directory) -> Moment:
        """These facts now, be they ones that nobody has written yet."""
        return Moment(directory, self._clock(), self.engine.vocabulary)

    def refuse(self, failure: Failure, moment: Moment) -> Decision:
        """The denial of what the rules cannot be asked."""
        refused = settled(Findings(failure=failure))
        self._counts[refused.place] += 1
        name = os.urandom(ID_BYTES).hex()
        return Decision(refused.verdict, name, moment.directory.revision, self._policy)

    def decide(self, request: AccessRequest, moment: Moment | None = None) -> Decision:
        """Whether the request is allowed, and why. Never raises for what a request says.

        INVARIANT (one snapshot): a decision reads facts from a single directory.
        """
        if moment is None:
            moment = self.moment()
        # A plan performs the reads of its question, all of them and no other: as long as each is
        # answered as now, so is the question, and `moment.until` is what they leave behind.
        moment.until = None
        found = self._settle(request, moment)
        try:
            name = self._ids.pop()
        except IndexError:
            name = self._more_ids()
        self._counts[found.place] += 1
        revision = moment.directory.revision
        return Decision(found.verdict, name, revision, self._policy, moment.until)

    def _more_ids(self) -> str:
        """An id, and others laid by: to ask the system for many costs little more than for one."""
        first, *others = os.urandom(ID_BYTES * IDS_AT_ONCE).hex(" ", ID_BYTES).split()
        self._ids.extend(others)
        return first
