"""What the policies will say of a tenant's people, asked of the decision point at any instant."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from service.domain.accounts import account_itself
from service.domain.directory import Directory
from service.domain.identifiers import Key, reference
from service.domain.moment import Moment
from service.domain.records import UserRecord
from service.domain.subscriptions import subscriptions_of
from service.policy.decision import AccessRequest
from service.policy.pdp import FixedFacts, PolicyDecisionPoint


class PolicyGate:
    """The gate of one account, as the policies and one directory make it."""

    def __init__(self, pdp: PolicyDecisionPoint, directory: Directory, account: str):
        terms = pdp.engine.policies.require_terms()
        # A decision point of its own: what would be decided some day counts as no decision.
        self._pdp = PolicyDecisionPoint(pdp.engine, FixedFacts(directory))
        self._directory = directory
        self._access, self._mapping = terms.access, terms.mapping
        self._account = account
        self._platform = account_itself(directory, account).path[0]
        self._bought = subscriptions_of(directory, account)
        # Everybody is asked for at the same few instants.
        self._moment = lru_cache(maxsize=32)(self._new_moment)

    def _new_moment(self, now: datetime) -> Moment:
        return Moment(self._directory, now, self._pdp.engine.vocabulary)

    def opens(self, user: UserRecord, places: Sequence[str], now: datetime) -> bool:
        """Whether the user then has access to one of these organizations."""
        moment = self._moment(now)
        return any(
            self._pdp.decide(
                AccessRequest(
                    *user.key, self._access, "organization", place, context={"organization": place}
                ),
                moment,
            ).allowed
            for place in places
        )

    def mapping(self, users: Sequence[str], target: str, now: datetime) -> tuple[str, ...]:
        """Those of these users who may then map `target` to a subscription that goes on."""
        return tuple(name for name in users if self._maps(("user", name), target, now))

    def rescuers(self, target: str, now: datetime) -> tuple[str, ...]:
        """Whoever may do that from outside: partners of the tenant, and people of its platform."""
        return tuple(
            reference(key) for key in sorted(self._outside()) if self._maps(key, target, now)
        )

    def _outside(self) -> Iterator[Key]:
        yield from self._directory.linked(("organization", self._account), "partner")
        yield from self._directory.linked(("organization", self._platform), "member")

    def _maps(self, subject: Key, target: str, now: datetime) -> bool:
        lasting = [bought for bought in self._bought if now < bought.ends]
        moment = self._moment(now)
        return any(
            self._pdp.decide(
                AccessRequest(
                    *subject,
                    self._mapping,
                    "user",
                    target,
                    action_properties={"subscription": bought.key[1]},
                    context={} if place is None else {"organization": place},
                ),
                moment,
            ).allowed
            for place in self._places(subject)
            for bought in lasting
        )

    def _places(self, subject: Key) -> list[str | None]:
        """For which organizations the subject could act; a partner need not say."""
        record = self._directory.get(subject)
        if not isinstance(record, UserRecord):
            return [None]
        return [name for name, _ in record.memberships]
