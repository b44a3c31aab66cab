"""The facts as they are kept: plain, immutable, one record an entity.

A record knows which other entities it points to (`links`). The directory keeps those links in both
directions, which is how it finds what hangs below an organization, or what still needs a channel,
without searching the world.

Every decision reads a dozen fields of records. They stand in slots, where reading one costs half
of what it costs in a named tuple.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from service.domain.identifiers import Key

STATUSES = ("active", "invited", "suspended", "archived")
USER_STATUSES = ("active", "archived")
USER_TYPES = ("human", "bot")
ROLES = ("guest", "agent", "bot", "supervisor", "admin", "owner")
SUBSCRIPTION_TYPES = ("concurrent", "named")
PARTNER_ROLES = ("full_admin", "provisioning_admin")
DEPTHS = ("children", "descendants")
ALL = "all"
SHARED_WITH_CHILDREN = "shared with all children"
SHARED_WITH_DESCENDANTS = "shared with all descendants"


class Link(NamedTuple):
    """One record points to another: to which, as what, and in which field it says so."""

    target: Key
    relation: str
    field: str


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """A node of the account tree. `path` runs from its level-1 organization down to itself."""

    key: Key
    name: str
    kind: str
    status: str
    subscription_required: bool
    path: tuple[str, ...]

    @property
    def parent(self) -> str | None:
        """The id of the organization above, None at level 1."""
        return self.path[-2] if len(self.path) > 1 else None

    def links(self) -> Iterator[Link]:
        if len(self.path) > 1:
            yield Link(("organization", self.path[-2]), "parent", "parent")


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person or a bot, with one role in each organization of which they are a member."""

    key: Key
    name: str
    type: str
    status: str
    memberships: tuple[tuple[str, str], ...]
    selected: str | None
    subscriptions: tuple[str, ...]
    archived: bool = field(init=False, repr=False, compare=False)
    """Whether that is the status."""
    home: str | None = field(init=False, repr=False, compare=False)
    """Where the user acts unless a request says otherwise: where selected, else at the only
    membership; None if there are several, or none, and nothing is selected (DC-4)."""
    home_role: str | None = field(init=False, repr=False, compare=False)
    """The role held there."""

    def __post_init__(self) -> None:
        # Nearly every decision about a user asks for these, and each step on the way to them is
        # one more place of memory to wait for.
        held, home = self.memberships, self.selected
        if home is None and len(held) == 1:
            home = held[0][0]
        role = next((role for place, role in held if place == home), None)
        object.__setattr__(self, "archived", self.status == "archived")
        object.__setattr__(self, "home", home)
        object.__setattr__(self, "home_role", role)

    def links(self) -> Iterator[Link]:
        for organization, _ in self.memberships:
            yield Link(("organization", organization), "member", f"memberships.{organization}")
        for index, subscription in enumerate(self.subscriptions):
            yield Link(("subscription", subscription), "mapped", f"subscriptions[{index}]")


@dataclass(frozen=True, slots=True)
class Share:
    """A resource opened downwards: to all sub-accounts of its owner, or to those listed."""

    targets: frozenset[str] | None
    """None means all, as the sub-accounts are at the moment of the question (DC-7)."""
    descendants: bool
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """Something that lies in exactly one organization, with what its type declares of it."""

    key: Key
    organization: str
    attributes: Mapping[str, Any]
    references: tuple[Link, ...]
    shares: tuple[Share, ...]

    def links(self) -> Iterator[Link]:
        yield Link(("organization", self.organization), f"holds {self.key[0]}", "organization")
        yield from self.references
        for share in self.shares:
            if share.targets is None:
                how = SHARED_WITH_DESCENDANTS if share.descendants else SHARED_WITH_CHILDREN
                yield Link(("organization", self.organization), how, "with")
            else:
                for target in share.targets:
                    yield Link(("organization", target), "share target", "with")


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """What an account bought: its type, its term [starts, ends), its telephony option."""

    key: Key
    organization: str
    type: str
    starts: datetime
    ends: datetime
    plan: str | None
    telephony: str | None
    product: str | None
    department: str | None
    hybrid: bool
    entitlements: Mapping[str, int]

    def links(self) -> Iterator[Link]:
        yield Link(("organization", self.organization), "subscription", "organization")


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """A partner of a tenant, who reads it or administers it from outside."""

    key: Key
    organization: str
    role: str

    def links(self) -> Iterator[Link]:
        yield Link(("organization", self.organization), "partner", "organization")


Record = OrganizationRecord | UserRecord | ResourceRecord | SubscriptionRecord | PartnerRecord

NO_ATTRIBUTES: Mapping[str, Any] = {}
"""Shared by all resources that have no attribute of their own: most of them, in a large world."""
