"""Decisions under other circumstances: a change that nobody made, another clock, another request.

A directory never changes, so a trial copies nothing and leaves nothing behind.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.moment import Moment
from service.errors import InvalidChanges
from service.explain.budget import IsSpent, never
from service.policy.decision import AccessRequest, Decision
from service.policy.pdp import PolicyDecisionPoint

TRIALS_LIMIT = 2_000
"""So many decisions are tried for one request, whatever time is left."""


class Option(NamedTuple):
    """One thing that could be otherwise: a change of the facts, or what `asks` or `at` say."""

    slot: Hashable
    """Of options with one slot, a set takes one at most: a user has one role at a time."""
    words: str
    change: Mapping[str, Any] | None = None
    acts_for: str | None = None
    """The organization for which the subject would act."""
    describes: tuple[str, str | None] | None = None
    """What the request would say, as a property of the resource; None: nothing of the resource."""
    at: datetime | None = None
    """The instant at which the request would be made."""
    gain: int = 0
    """How many pairs of a subject and an organization, or a resource, could gain by it."""
    rank: int = 0
    """Between options of one gain: the more the later."""
    omitted: tuple[str, ...] = ()
    """Fields of the change that stay as they are stored and are not shown: names of people."""


class Trial:
    """One request, and the decisions on it under other circumstances."""

    def __init__(
        self,
        pdp: PolicyDecisionPoint,
        request: AccessRequest,
        moment: Moment,
        is_spent: IsSpent = never,
    ):
        self._pdp = pdp
        self._is_spent = is_spent
        self.request = request
        self.moment = moment
        self.count = 0
        """How many decisions have been tried."""

    @property
    def exhausted(self) -> bool:
        """Whether no more may be tried: whoever leaves a trial out says so in his answer."""
        return self.count >= TRIALS_LIMIT or self._is_spent()

    def decide(self, options: Sequence[Option]) -> Decision | None:
        """The decision under all these options; None where the changes could not be made."""
        self.count += 1
        request, now = self.request, self.moment.now
        changes = []
        for option in options:
            if option.change is not None:
                changes.append(option.change)
            if option.at is not None:
                now = option.at
            request = _asked(request, option)
        try:
            directory = changed(self.moment.directory, changes, self.moment.vocabulary.schema)
        except InvalidChanges:
            return None
        moment = Moment(directory, now, self.moment.vocabulary)
        return self._pdp.decide(request, moment)

    def allows(self, options: Sequence[Option]) -> bool:
        """Whether the request would be allowed under all these options."""
        decision = self.decide(options)
        return decision is not None and decision.allowed


def changed(directory: Directory, changes: Sequence[Mapping[str, Any]], schema: Any) -> Directory:
    """The facts after these changes, under the revision they have now. Raises InvalidChanges."""
    if not changes:
        return directory
    return apply_changes(directory, changes, schema).at_revision(directory.revision)


def _asked(request: AccessRequest, option: Option) -> AccessRequest:
    if option.acts_for is not None:
        return request.but(context={**request.context, "organization": option.acts_for})
    if option.describes is not None:
        name, value = option.describes
        if value is None:
            return request.but(resource_properties={})
        return request.but(resource_properties={**request.resource_properties, name: value})
    return request


def ordered(sets: Iterable[tuple[Option, ...]]) -> list[tuple[Option, ...]]:
    """The sets of options in order of what they give away beyond the request."""
    return sorted(
        sets,
        key=lambda each: (
            sum(option.gain for option in each),
            sum(option.rank for option in each),
            [option.words for option in each],
        ),
    )
