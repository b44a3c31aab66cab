"""Organizations, users, partners and subscriptions as a policy sees them at one moment.

Everything here is a view: a record, and the moment through which it finds its neighbours. What a
policy may read of each is marked; the names are the words that rules are written in.
"""

from datetime import datetime, timedelta

from service.domain.identifiers import Key
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
    fields = ("_moment", "_record")

    def __init__(self, moment, record: Record):
        self._moment = moment
        self._record = record

    @property
    def key(self) -> Key:
        """Type and id."""
        return self._record.key

    @fact("string")
    def id(self) -> str:
        """Its id, unique within its type."""
        return self._record.key[1]

    @fact("string")
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

    @fact("organization")
    def organization(self) -> "Organization":
        """The organization in which it lies."""
        raise NotImplementedError


class Organization(Placed):
    """A node of the account tree."""

    __slots__ = ()
    _record: OrganizationRecord

    @fact("organization")
    def organization(self) -> "Organization":
        """The organization itself, so that a rule may ask any resource where it lies."""
        return self

    @fact("string")
    def kind(self) -> str:
        """What it is in its owner's words: dealer, brand, country_team; empty if nobody said."""
        return self._record.kind

    @fact("integer")
    def level(self) -> int:
        """1 for a platform, 2 for an account, 3 and more for what lies below."""
        return len(self._record.path)

    @fact("boolean")
    def is_platform(self) -> bool:
        """Whether it stands at level 1."""
        return len(self._record.path) == PLATFORM_LEVEL

    @fact("boolean")
    def is_account(self) -> bool:
        """Whether it is a level-2 account: what is billed, and what subscriptions belong to."""
        return len(self._record.path) == ACCOUNT_LEVEL

    @fact("boolean")
    def is_leaf(self) -> bool:
        """Whether it stands at the last level, where nothing can be below."""
        return len(self._record.path) >= self._moment.directory.levels

    @fact("organization")
    def parent(self) -> "Organization":
        """The organization directly above; absent at level 1."""
        if self._record.parent is None:
            raise MissingAttribute(self, "parent")
        return self._moment.organization(self._record.parent)

    @fact("organization")
    def account(self) -> "Organization":
        """The level-2 account in which it lies, itself at level 2; absent at level 1."""
        if len(self._record.path) < ACCOUNT_LEVEL:
            raise MissingAttribute(self, "account")
        return self._moment.organization(self._record.path[ACCOUNT_LEVEL - 1])

    @fact("string")
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

    @fact("boolean")
    def subscription_required(self) -> bool:
        """Whether whoever works for it needs an active subscription of its account (S2-20)."""
        path = self._record.path
        gated = self._moment.directory.marks.gated
        return len(path) >= ACCOUNT_LEVEL and path[ACCOUNT_LEVEL - 1] in gated

    @fact("subscriptions")
    def subscriptions(self) -> tuple["Subscription", ...]:
        """Every subscription of this account, past ones included, the oldest first (DC-18)."""
        keys = self._moment.directory.linked(self._record.key, "subscription")
        found = [self._moment.subscription(name) for _, name in keys]
        return tuple(sorted(found, key=lambda bought: (bought.starts, bought.id)))

    @fact("string")
    def telephony(self) -> str:
        """The telephony option of its first subscription that chose one, ended or not (S2-33)."""
        for bought in self.subscriptions:
            if bought.has("telephony"):
                return bought.telephony
        raise MissingAttribute(self, "telephony")

    @predicate()
    def within(self, other: "Organization") -> bool:
        """Whether it is `other` or lies anywhere below it."""
        return other._record.key[1] in self._record.path

    @predicate()
    def below(self, other: "Organization") -> bool:
        """Whether it lies anywhere below `other`, and is not `other` itself."""
        return other._record.key[1] in self._record.path[:-1]

    @predicate()
    def shares_account_with(self, other: "Organization") -> bool:
        """Whether both lie in one level-2 account."""
        mine, theirs = self._record.path[:ACCOUNT_LEVEL], other._record.path[:ACCOUNT_LEVEL]
        return len(mine) == ACCOUNT_LEVEL and mine == theirs

    @predicate()
    def has_member(self, user: "User") -> bool:
        """Whether the user has a role at this very organization."""
        return user.role_at(self) != NO_ROLE


class User(Entity):
    """A person or a bot; as a subject, one who acts for one organization with the role held there.

    Asked about as a resource, nobody acts: then the organization and the role are absent.
    """

    __slots__ = ("_acts_for",)
    fields = ("_moment", "_record", "_acts_for")
    _record: UserRecord

    def __init__(self, moment, record: UserRecord, acts_for: str | None = None):
        self._moment = moment
        self._record = record
        self._acts_for = acts_for

    def _role_at(self, organization: str) -> str:
        for name, role in self._record.memberships:
            if name == organization:
                return role
        return NO_ROLE

    @fact("boolean")
    def archived(self) -> bool:
        """Whether the user is archived."""
        return self._record.status == "archived"

    @fact("boolean")
    def is_bot(self) -> bool:
        """Whether the user is a bot."""
        return self._record.type == "bot"

    @fact("organization")
    def organization(self) -> Organization:
        """The organization the user acts for; absent when nobody acts."""
        if self._acts_for is None:
            raise MissingAttribute(self, "organization")
        return self._moment.organization(self._acts_for)

    @fact("string")
    def role(self) -> str:
        """The role held at the organization the user acts for; absent when nobody acts."""
        if self._acts_for is None:
            raise MissingAttribute(self, "role")
        return self._role_at(self._acts_for)

    @fact("organizations")
    def organizations(self) -> tuple[Organization, ...]:
        """Every organization of which the user is a member."""
        return tuple(self._moment.organization(name) for name, _ in self._record.memberships)

    @predicate("string")
    def role_over(self, organization: Organization) -> str:
        """The role that counts there: the one held upstream or at the place itself, else "none"."""
        if self._acts_for is None or self._acts_for not in organization._record.path:
            return NO_ROLE
        return self._role_at(self._acts_for)

    @predicate("string")
    def role_at(self, organization: Organization) -> str:
        """The role held at this very organization, whether acting for it or not, else "none"."""
        return self._role_at(organization._record.key[1])

    @predicate()
    def assists(self, organization: Organization) -> bool:
        """Whether the user acts for a platform above this organization (S1-25)."""
        path = organization._record.path
        return len(path) > PLATFORM_LEVEL and path[0] == self._acts_for

    @predicate()
    def works_within(self, organization: Organization) -> bool:
        """Whether the user is a member there or anywhere below."""
        return any(place.within(organization) for place in self.organizations)

    @predicate()
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

    @fact("organization")
    def organization(self) -> Organization:
        """The tenant to which the partner is connected."""
        return self._moment.organization(self._record.organization)

    @fact("string")
    def role(self) -> str:
        """full_admin or provisioning_admin (S2-25)."""
        return self._record.role


class Subscription(Entity):
    """What an account bought, for a term that ends the moment its end date begins (DC-18b)."""

    __slots__ = ()
    _record: SubscriptionRecord

    @fact("organization")
    def organization(self) -> Organization:
        """The account that bought it."""
        return self._moment.organization(self._record.organization)

    @property
    def starts(self) -> datetime:
        """The first instant of the term."""
        return self._record.starts

    @fact("boolean")
    def active(self) -> bool:
        """Whether its term has begun and has not ended."""
        return self.lasts(0)

    @predicate()
    def lasts(self, grace_days: int) -> bool:
        """Whether its term has begun and has not ended, or ended less than so many days ago."""
        grace = timedelta(days=grace_days)
        return self._record.starts <= self._moment.now < self._record.ends + grace

    @fact("boolean")
    def expired(self) -> bool:
        """Whether its term has ended."""
        return self._record.ends <= self._moment.now

    @fact("boolean")
    def hybrid(self) -> bool:
        """Whether it belongs to a hybrid environment."""
        return self._record.hybrid

    @fact("string")
    def kind(self) -> str:
        """concurrent or named."""
        return self._record.type

    def _term(self, name: str) -> str:
        value = getattr(self._record, name)
        if value is None:
            raise MissingAttribute(self, name)
        return value

    @fact("string")
    def plan(self) -> str:
        """Its plan, such as Flex; absent if nobody said."""
        return self._term("plan")

    @fact("string")
    def telephony(self) -> str:
        """Its telephony option; absent if it has none."""
        return self._term("telephony")

    @fact("string")
    def product(self) -> str:
        """What it is for, such as WFO; absent if nobody said."""
        return self._term("product")

    @fact("string")
    def department(self) -> str:
        """The department that pays; absent if nobody said."""
        return self._term("department")
