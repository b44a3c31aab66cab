"""Decisions as they would be after changes that are not made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from service.domain.moment import Moment
from service.explain.trials import changed
from service.policy.decision import AccessRequest, Decision
from service.policy.pdp import PolicyDecisionPoint


class Outcome(NamedTuple):
    """One request: the decision as it would be, and as it is now."""

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
    """The clock of the decisions after the changes."""
    outcomes: tuple[Outcome, ...]


def simulate(
    pdp: PolicyDecisionPoint,
    changes: Sequence[Mapping[str, Any]],
    requests: Sequence[AccessRequest],
    now: datetime | None = None,
) -> Simulation:
    """What would be decided after the changes at `now`, beside what is decided now.

    All is decided on one revision of the facts. Nothing is written.

    Raises:
        InvalidChanges: one of them cannot be made.
    """
    moment = pdp.moment()
    schema = moment.vocabulary.schema
    then = Moment(changed(moment.directory, changes, schema), now or moment.now, moment.vocabulary)
    outcomes = tuple(
        Outcome(pdp.decide(request, then), pdp.decide(request, moment)) for request in requests
    )
    policy = pdp.engine.policies.revision
    return Simulation(moment.directory.revision, policy, then.now, outcomes)
