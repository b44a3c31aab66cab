"""The policy decision point: the one door through which every decision comes."""

import os
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from service.domain.directory import Directory
from service.domain.moment import Moment
from service.policy.decision import AccessRequest, Decision, Failure, combine, refused
from service.policy.engine import Engine
from service.policy.question import resolve

IDS_AT_ONCE = 256


class Facts(Protocol):
    """The policy information point: whoever knows the facts."""

    def snapshot(self) -> Directory:
        """All facts at the newest revision; the same object for as long as nothing changes."""
        ...


class FixedFacts:
    """Facts that stay as they are: a world from a file."""

    def __init__(self, directory: Directory):
        self._directory = directory

    def snapshot(self) -> Directory:
        return self._directory


def clock() -> datetime:
    """The server's own clock, in UTC; a request cannot set it."""
    return datetime.now(UTC)


class PolicyDecisionPoint:
    """Decides. Holds a compiled law and a source of facts, and remembers nothing of a request."""

    def __init__(self, engine: Engine, facts: Facts, clock: Callable[[], datetime] = clock):
        self.engine = engine
        self.facts = facts
        self._clock = clock
        self._ids: deque[str] = deque()

    def moment(self, now: datetime | None = None) -> Moment:
        """The newest facts at `now`, or at the clock's time. One serves a whole batch."""
        return Moment(self.facts.snapshot(), now or self._clock(), self.engine.vocabulary)

    def decide(self, request: AccessRequest, moment: Moment | None = None) -> Decision:
        """Whether the request is allowed, and why. Never raises for what a request says.

        INVARIANT (one snapshot): a decision reads facts from a single directory.
        """
        if moment is None:
            moment = self.moment()
            decided = self._decide(request, moment)
            moment.forget()
            return decided
        return self._decide(request, moment)

    def _decide(self, request: AccessRequest, moment: Moment) -> Decision:
        made_from = (self._new_id(), moment.directory.revision, self.engine.policies.revision)
        question = resolve(request, moment)
        if type(question) is Failure:
            return refused(question, *made_from)
        moment.until = None
        decision = combine(self.engine.findings(question), *made_from)
        # A plan performs the reads of its question, all of them and no other: as long as each is
        # answered as now, so is the question.
        return decision if moment.until is None else decision._replace(valid_until=moment.until)

    def _new_id(self) -> str:
        """128 random bits in hexadecimal. Nobody can guess the id of another's decision."""
        try:
            return self._ids.popleft()
        except IndexError:
            # Asking the system once for many ids costs as little as asking for one.
            digits = os.urandom(16 * IDS_AT_ONCE).hex()
            self._ids.extend(digits[at : at + 32] for at in range(32, len(digits), 32))
            return digits[:32]
