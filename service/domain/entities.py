"""Organizations, users, partners and subscriptions as a policy sees them at one moment.

Everything here is a view: a record, and the moment through which it finds its neighbours. What a
policy may read of each is marked; the names are the words that rules are written in.
"""

from datetime import datetime, timedelta

from service.domain.reading import MissingAttribute, Readable, fact, predicate
from service.domain.records import (
    OrganizationRecord,
    PartnerRecord,
    Record,
    SubscriptionRecord,
    UserRecord,
)

NO_ROLE = "none"
STANDINGS = ("active", "suspended", "archived", "invited")
"""From the most open to the most closed: what each allows, the next does not widen."""
PLATFORM_LEVEL = 1
ACCOUNT_LEVEL = 2


class Entity(Readable):
    """Whatever can be a subject or a resource. Equal to another if type and id are equal."""

    __slots__ = ("_moment", "_record")
    FIELDS = ("_moment", "_record")

    def __init__(self, moment, record: Record):
        self._moment = moment
        self._record = record

    @fact("string", "the id of {it} is {value}")
    def id(self) -> str:
        """Its id, unique within its type."""
        return self._record.key[1]

    @fact("string", "{it} is of type {value}")
    def type(self) -> str:
        """The name of its type, as requests spell it."""
        return self._record.key[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entity) and self._record.key == other._record.key

    def __hash__(self) -> int:
        return hash(self._record.key)

    def __repr__(self) -> str:
        # Ids only: this text reaches error messages, and names of people must not.
        return f"{self._record.key[0]}:{self._record.key[1]}"


class Placed(Entity):
    """Whatever lies in one organization of the tree."""

    __slots__ = ()

    @fact("organization", "{it} lies in {value}")
    def organization(self) -> "Organization":
        """The organization in which it lies."""
        raise NotImplementedError


class Organization(Placed):
    """A node of the account tree."""

    __slots__ = ()
    _record: OrganizationRecord

    @fact("organization", "{it} is an organization itself")
    def organization(self) -> "Organization":
        """The organization itself, so that a rule may ask any resource where it lies."""
        return self

    def line(self) -> tuple["Organization", ...]:
        """Every organization from level 1 down to this one."""
        return tuple(self._moment.organization(name) for name in self._record.path)

    @fact("string", "{it} is of the kind {value}")
    def kind(self) -> str:
        """What it is in its owner's words: dealer, brand, country_team; empty if nobody said."""
        return self._record.kind

    @fact("integer", "{it} stands at level {value}")
    def level(self) -> int:
        """1 for a platform, 2 for an account, 3 and more for what lies below."""
        return len(self._record.path)

    @fact("boolean", "{it} is a platform", "{it} is no platform")
    def is_platform(self) -> bool:
        """Whether it stands at level 1."""
        return len(self._record.path) == PLATFORM_LEVEL

    @fact("boolean", "{it} is an account", "{it} is no account")
    def is_account(self) -> bool:
        """Whether it is a level-2 account: what is billed, and what subscriptions belong to."""
        return len(self._record.path) == ACCOUNT_LEVEL

    @fact("boolean", "{it} stands at the last level", "{it} stands above the last level")
    def is_leaf(self) -> bool:
        """Whether it stands at the last level, where nothing can be below."""
        return len(self._record.path) >= self._moment.directory.levels

    @fact("organization", "{it} lies directly below {value}")
    def parent(self) -> "Organization":
        """The organization directly above; absent at level 1."""
        if self._record.parent is None:
            raise MissingAttribute(self, "parent")
        return self._moment.organization(self._record.parent)

    @fact("organization", "{it} lies in the account {value}")
    def account(self) -> "Organization":
        """The level-2 account in which it lies, itself at level 2; absent at level 1."""
        if len(self._record.path) < ACCOUNT_LEVEL:
            raise MissingAttribute(self, "account")
        return self._moment.organization(self._record.path[ACCOUNT_LEVEL - 1])

    @fact("string", "{it} is {value}")
    def standing(self) -> str:
        """active; else suspended, archived or invited (waits for its owner), if it or one
        above it is: the last of these that holds."""
        closed = self._moment.directory.marks.closed
        standing = "active"
        if closed:
            for name in self._record.path:
                status = closed.get(name)
                if status is not None and STANDINGS.index(status) > STANDINGS.index(standing):
                    standing = status
        return standing

    @fact(
        "boolean",
        "{it} asks its people for a subscription",
        "{it} asks nobody for a subscription",
    )
    def subscription_required(self) -> bool:
        """Whether whoever works for it needs an active subscription of its account (S2-20)."""
        gated = self._moment.directory.marks.gated
        if not gated:
            return False
        path = self._record.path
        return len(path) >= ACCOUNT_LEVEL and path[ACCOUNT_LEVEL - 1] in gated

    @fact("subscriptions", "{it} has {value}")
    def subscriptions(self) -> tuple["Subscription", ...]:
        """Every subscription of this account, past ones included, the oldest first (DC-18)."""
        keys = self._moment.directory.linked(self._record.key, "subscription")
        found = [self._moment.subscription(name) for _, name in keys]
        return tuple(sorted(found, key=lambda bought: (bought.starts, bought.id)))

    @fact("string", "{it} uses the telephony option {value}")
    def telephony(self) -> str:
        """The telephony option of its first subscription that chose one, ended or not (S2-33)."""
        chose = [
            (record.starts, record.key[1], record.telephony)
            for record in self._bought()
            if record.telephony is not None
        ]
        if not chose:
            raise MissingAttribute(self, "telephony")
        return min(chose)[2]

    @predicate(
        "{it} has a subscription that has not ended and is not {0}",
        "every subscription of {it} that has not ended is {0}",
    )
    def bound_to_another_type(self, kind: str) -> bool:
        """Whether a subscription of this account that has not ended is of another type than this
        (S2-18); those that have ended bind nobody."""
        ends = [record.ends for record in self._bought() if record.type != kind]
        # Only the last of them is asked of the clock: the answer holds until that very instant.
        return bool(ends) and self._moment.lies_in(None, max(ends))

    def _bought(self) -> list[SubscriptionRecord]:
        directory = self._moment.directory
        keys = directory.linked(self._record.key, "subscription")
        return [directory.kinds["subscription"][name] for _, name in keys]

    @predicate("{it} is {0} or lies below it", "{it} is not {0} and does not lie below it")
    def within(self, other: "Organization") -> bool:
        """Whether it is `other` or lies anywhere below it."""
        return other._record.key[1] in self._record.path

    @predicate("{it} lies below {0}", "{it} does not lie below {0}")
    def below(self, other: "Organization") -> bool:
        """Whether it lies anywhere below `other`, and is not `other` itself."""
        return other._record.key[1] in self._record.path[:-1]

    @predicate("{it} and {0} lie in one account", "{it} and {0} do not lie in one account")
    def shares_account_with(self, other: "Organization") -> bool:
        """Whether both lie in one level-2 account."""
        mine, theirs = self._record.path[:ACCOUNT_LEVEL], other._record.path[:ACCOUNT_LEVEL]
        return len(mine) == ACCOUNT_LEVEL and mine == theirs

    @predicate("{0} is a member of {it}", "{0} is no member of {it}")
    def has_member(self, user: "User") -> bool:
        """Whether the user has a role at this very organization."""
        return user.role_at(self) != NO_ROLE


class User(Entity):
    """A person or a bot; as a subject, one who acts for one organization with the role held there.

    Asked about as a resource, nobody acts: then the organization and the role are absent.
    """

    __slots__ = ("_acts_for",)
    FIELDS = ("_moment", "_record", "_acts_for")
    _record: UserRecord

    def __init__(self, moment, record: UserRecord, acts_for: str | None = None):
        self._moment = moment
        self._record = record
        self._acts_for = acts_for

    @property
    def acts(self) -> bool:
        """Whether the user is a subject, who acts for an organization."""
        return self._acts_for is not None

    def _role_at(self, organization: str) -> str:
        record = self._record
        if organization == record.home:
            return record.home_role
        for name, role in record.memberships:
            if name == organization:
                return role
        return NO_ROLE

    @fact("boolean", "{it} is archived", "{it} is not archived")
    def archived(self) -> bool:
        """Whether the user is archived."""
        return self._record.archived

    @fact("boolean", "{it} is a bot", "{it} is a person")
    def is_bot(self) -> bool:
        """Whether the user is a bot."""
        return self._record.type == "bot"

    @fact("organization", "{it} acts for {value}")
    def organization(self) -> Organization:
        """The organization the user acts for; absent when nobody acts."""
        if self._acts_for is None:
            raise MissingAttribute(self, "organization")
        return self._moment.organization(self._acts_for)

    @fact("string", "{it} acts as {value}")
    def role(self) -> str:
        """The role held at the organization the user acts for; absent when nobody acts."""
        if self._acts_for is None:
            raise MissingAttribute(self, "role")
        return self._role_at(self._acts_for)

    @fact("organizations", "{it} is a member of {value}")
    def organizations(self) -> tuple[Organization, ...]:
        """Every organization of which the user is a member."""
        return tuple(self._moment.organization(name) for name, _ in self._record.memberships)

    @predicate("{it} holds the role {value} over {0}", "{it} holds no role over {0}", kind="string")
    def role_over(self, organization: Organization) -> str:
        """The role that counts there: the one held upstream or at the place itself, else "none"."""
        if self._acts_for is None or self._acts_for not in organization._record.path:
            return NO_ROLE
        return self._role_at(self._acts_for)

    @predicate("{it} holds the role {value} at {0}", "{it} holds no role at {0}", kind="string")
    def role_at(self, organization: Organization) -> str:
        """The role held at this very organization, whether acting for it or not, else "none"."""
        return self._role_at(organization._record.key[1])

    @predicate("{it} acts for the platform above {0}", "{it} does not act for a platform above {0}")
    def assists(self, organization: Organization) -> bool:
        """Whether the user acts for a platform above this organization (S1-25)."""
        path = organization._record.path
        return len(path) > PLATFORM_LEVEL and path[0] == self._acts_for

    @predicate("{it} is a member at or below {0}", "{it} is no member at or below {0}")
    def works_within(self, organization: Organization) -> bool:
        """Whether the user is a member there or anywhere below."""
        return any(place.within(organization) for place in self.organizations)

    @predicate(
        "{it} is mapped to a subscription in force ({0} days of grace)",
        "{it} is mapped to no subscription in force ({0} days of grace)",
    )
    def subscribed(self, grace_days: int) -> bool:
        """Whether the user is mapped to a subscription of the account acted for that is active, or
        ended less than so many days ago (S2-20, DC-18b)."""
        account = self.organization.account
        bought = (self._moment.subscription(name) for name in self._record.subscriptions)
        return any(one.lasts(grace_days) and one.organization == account for one in bought)


class Partner(Placed):
    """A partner of a tenant, acting from outside it."""

    __slots__ = ()
    _record: PartnerRecord

    @fact("organization", "{it} is a partner of {value}")
    def organization(self) -> Organization:
        """The tenant to which the partner is connected."""
        return self._moment.organization(self._record.organization)

    @fact("string", "{it} is connected as {value}")
    def role(self) -> str:
        """full_admin or provisioning_admin (S2-25)."""
        return self._record.role


class Subscription(Entity):
    """What an account bought, for a term that ends the moment its end date begins (DC-18b)."""

    __slots__ = ()
    _record: SubscriptionRecord

    @fact("organization", "{it} belongs to {value}")
    def organization(self) -> Organization:
        """The account that bought it."""
        return self._moment.organization(self._record.organization)

    @property
    def starts(self) -> datetime:
        """The first instant of the term."""
        return self._record.starts

    @fact("boolean", "{it} is active", "{it} is not active")
    def active(self) -> bool:
        """Whether its term has begun and has not ended."""
        return self.lasts(0)

    @predicate("{it} is active ({0} days of grace)", "{it} is not active ({0} days of grace)")
    def lasts(self, grace_days: int) -> bool:
        """Whether its term has begun and has not ended, or ended less than so many days ago."""
        grace = timedelta(days=grace_days)
        return self._moment.lies_in(self._record.starts, self._record.ends + grace)

    @fact("boolean", "{it} has ended", "{it} has not ended")
    def expired(self) -> bool:
        """Whether its term has ended."""
        return not self._moment.lies_in(None, self._record.ends)

    @fact("boolean", "{it} is hybrid", "{it} is not hybrid")
    def hybrid(self) -> bool:
        """Whether it belongs to a hybrid environment."""
        return self._record.hybrid

    @fact("string", "{it} is {value}")
    def kind(self) -> str:
        """concurrent or named."""
        return self._record.type

    def _term(self, name: str) -> str:
        value = getattr(self._record, name)
        if value is None:
            raise MissingAttribute(self, name)
        return value

    @fact("string", "{it} is for the plan {value}")
    def plan(self) -> str:
        """Its plan, such as Flex; absent if nobody said."""
        return self._term("plan")

    @fact("string", "{it} has the telephony option {value}")
    def telephony(self) -> str:
        """Its telephony option; absent if it has none."""
        return self._term("telephony")

    @fact("string", "{it} is for {value}")
    def product(self) -> str:
        """What it is for, such as WFO; absent if nobody said."""
        return self._term("product")

    @fact("string", "{it} is paid by {value}")
    def department(self) -> str:
        """The department that pays; absent if nobody said."""
        return self._term("department")
