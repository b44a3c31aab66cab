"""Decisions as they would be after changes that are not made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from service.domain.moment import Moment
from service.errors import TakesTooLong
from service.explain.budget import never, processor_time
from service.explain.trials import changed
from service.policy.decision import AccessRequest, Decision
from service.policy.pdp import PolicyDecisionPoint


class Outcome(NamedTuple):
    """One request: the decision as it would be, and as it is on the facts as they are."""

    then: Decision
    now: Decision

    @property
    def differs(self) -> bool:
        """Whether the verdict would be another; other rules for the same verdict do not count."""
        return self.then.allowed != self.now.allowed


class Simulation(NamedTuple):
    """Decisions after changes that were not made, in the order of the requests."""

    revision: int
    """Of the facts from which it began."""
    policy: str
    now: datetime
    """The clock of all decisions."""
    outcomes: tuple[Outcome, ...]


def simulate(
    pdp: PolicyDecisionPoint,
    changes: Sequence[Mapping[str, Any]],
    requests: Sequence[AccessRequest],
    now: datetime | None = None,
    limit_milliseconds: int | None = None,
) -> Simulation:
    """What would be decided after the changes, beside what is decided without them.

    All is decided on one revision of the facts and at one instant, `now` or the clock's, so that
    what differs does so by the changes alone. Nothing is written.

    Args:
        limit_milliseconds: of processor time; None is as long as it takes.

    Raises:
        InvalidChanges: one of them cannot be made.
        TakesTooLong: there were requests left when the time was spent.
    """
    is_spent = never if limit_milliseconds is None else processor_time(limit_milliseconds)
    moment = pdp.moment(now)
    schema = moment.vocabulary.schema
    then = Moment(changed(moment.directory, changes, schema), moment.now, moment.vocabulary)
    outcomes = []
    for request in requests:
        if is_spent():
            raise TakesTooLong(len(outcomes), len(requests), limit_milliseconds)
        outcomes.append(Outcome(pdp.decide(request, then), pdp.decide(request, moment)))
    policy = pdp.engine.policies.revision
    return Simulation(moment.directory.revision, policy, then.now, tuple(outcomes))
