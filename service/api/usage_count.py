"""A count of usage records over HTTP: the same however they come, as a list or piece by piece."""

from collections.abc import Iterable
from typing import Any

from service.api.billing_rendering import PROBLEMS_LISTED, Refused, usage_body
from service.api.subjects import Asker, admit, duties
from service.domain.accounts import organization_record
from service.domain.periods import EVER, Period
from service.domain.usage import LineCount, Meter, count_values
from service.errors import Problem
from service.policy.pdp import PolicyDecisionPoint


class UsageCount:
    """One request to count usage, from the facts at one moment.

    Raises:
        UnknownEntity, NotAnAccount, NoBillingTerms: there is nothing to count for.
        Denied: the policies deny it to the subject.
    """

    def __init__(
        self,
        pdp: PolicyDecisionPoint,
        organization: str,
        asker: Asker | None,
        period: Period | None,
    ):
        moment = pdp.moment()
        directory = moment.directory
        organization_record(directory, organization)
        self._allowed = admit(pdp, moment, asker, "view_subscriptions", organization)
        self._revision = directory.revision
        terms = pdp.engine.policies.require_terms()
        self._meter = Meter(directory, organization, terms, period or EVER, months=True)
        self._lines = LineCount(self._meter)
        self._refused: list[Refused] = []

    def take_values(self, values: list[Any]) -> None:
        """Count records that have been read as JSON."""
        self._note(count_values(self._meter, values))

    def take(self, piece: bytes) -> None:
        """Count the lines that end in this piece of a body."""
        self._note(self._lines.take(piece))

    def end(self) -> dict[str, Any]:
        """Count what is left, and say what all records came to."""
        self._note(self._lines.end())
        body = usage_body(self._meter, self._meter.finish(), self._refused, self._revision)
        return {**body, **duties(self._allowed)}

    def _note(self, problems: Iterable[tuple[int, Problem]]) -> None:
        for line, problem in problems:
            if len(self._refused) < PROBLEMS_LISTED:
                self._refused.append(Refused(line, problem))
