"""What a change does to the facts, said in the words of `policies/changes.toml`.

An effect is read off the facts before and after, never off the operation: whichever operation makes
a suspended account active has the effect `organization.resumed`. So nobody gains by choosing
another operation, or by wrapping what he must not do into something he may.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import (
    NO_ATTRIBUTES,
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    Share,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.world import share_entry

TERMS = ("type", "telephony", "plan", "product", "hybrid")
"""What is said of a subscription that is bought, besides its `term_years`."""
YEAR = timedelta(days=365.2425)
TODAY = timedelta(days=1)
"""What began no longer ago than this may have begun today, wherever it is bought."""

# Each kind, its effects, and what an effect can be asked on (`changes.toml` explains the words).
_ORGANIZATION = ("organization",)
KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "organization": {
        "founded": (),
        "created": ("parent",),
        **dict.fromkeys(("described", "licensed", "suspended", "resumed"), _ORGANIZATION),
        **dict.fromkeys(("archived", "admitted", "closed", "reopened"), _ORGANIZATION),
        **dict.fromkeys(("removed", "same"), _ORGANIZATION),
        "moved": ("organization", "target"),
    },
    "membership": dict.fromkeys(
        ("guest", "agent", "bot", "supervisor", "admin", "owner"), _ORGANIZATION
    ),
    "user": {
        **dict.fromkeys(("described", "selects", "selected"), _ORGANIZATION),
        **dict.fromkeys(("mapped", "unmapped"), ("user", "organization")),
        **dict.fromkeys(("joined", "joins", "same"), ("user",)),
    },
    "subscription": dict.fromkeys(
        ("bought", "entitled", "backdated", "changed", "removed", "same"), _ORGANIZATION
    ),
    "partner": {
        "connected": ("organization",),
        **dict.fromkeys(("elevated", "lowered", "removed", "same"), ("partner", "organization")),
        "moved": ("partner", "organization", "target"),
    },
}
RESOURCE_EFFECTS: Mapping[str, tuple[str, ...]] = {
    "created": ("put", "organization"),
    "changed": ("resource", "put", "organization"),
    "moved": ("resource", "put", "organization", "target"),
    "removed": ("resource", "organization"),
    "shared": ("resource", "organization"),
    "unshared": ("resource", "organization"),
    "same": ("resource", "organization"),
}
"""The effects of a change on a resource of any type that policies declare. Those that put it can
be asked on what its attributes name, too."""
PUTTING = ("created", "changed", "moved")
SAME = "same"


class Place(NamedTuple):
    """What an effect is asked on: something stored or, with properties, something described."""

    key: Key
    properties: Mapping[str, Any] | None = None


class Effect(NamedTuple):
    """One thing that a change does, and on what it may be asked whether it is allowed."""

    kind: str
    name: str
    places: Mapping[str, Place]
    values: Mapping[str, Any] = NO_ATTRIBUTES
    """What the parameters of an action are taken from."""

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"


def effects(
    key: Key,
    old: Record | None,
    new: Record | None,
    before: Directory,
    author: Key,
    now: datetime,
) -> list[Effect]:
    """All that happens to `key` when `new` takes the place of `old`, as `author` would do it now.

    `before` are the facts it happens to; nothing need be made of it. Never empty: a change that
    changes nothing is `same`, because to be told so is to learn that it is so. Only a user of no
    organization is nobody's, and then it is `user.described` without a place to ask.
    """
    found = list(_effects(key, old, new, before, author, now))
    return found or [same(key, old if new is None else new)]


def _effects(
    key: Key,
    old: Record | None,
    new: Record | None,
    before: Directory,
    author: Key,
    now: datetime,
) -> Iterator[Effect]:
    if old == new:
        return
    match old or new:
        case OrganizationRecord():
            yield from _of_organization(key, old, new)
        case UserRecord():
            yield from _of_user(key, old, new, before, author)
        case SubscriptionRecord():
            yield from _of_subscription(old, new, now)
        case PartnerRecord():
            yield from _of_partner(key, old, new)
        case ResourceRecord():
            yield from _of_resource(key, old, new)


def same(key: Key, record: Record | None) -> Effect:
    """That nothing changes: whoever may bring it about may know that the thing is there."""
    if record is None:
        return Effect(key[0], SAME, {})  # there was nothing, and there is nothing: nobody may
    if isinstance(record, OrganizationRecord):
        return Effect("organization", SAME, _at(key[1]))
    if isinstance(record, UserRecord):
        return Effect("user", SAME, {"user": Place(key)})
    places = _at(record.organization)
    if isinstance(record, PartnerRecord):
        places["partner"] = Place(key)
    elif isinstance(record, ResourceRecord):
        places["resource"] = Place(key)
    return Effect(key[0], SAME, places)


def _at(organization: str) -> dict[str, Place]:
    return {"organization": Place(("organization", organization))}


# Organizations


def _of_organization(
    key: Key, old: OrganizationRecord | None, new: OrganizationRecord | None
) -> Iterator[Effect]:
    if old is None:
        parent = new.parent
        if parent is None:
            yield Effect("organization", "founded", {})
        else:
            yield Effect("organization", "created", {"parent": Place(("organization", parent))})
        return
    here = _at(key[1])
    if new is None:
        yield Effect("organization", "removed", here)
        return
    if old.path != new.path:
        # What becomes a platform of its own has no target, and no value for `to`.
        to = new.parent
        target = {} if to is None else {"target": Place(("organization", to))}
        yield Effect("organization", "moved", {**here, **target}, {"to": to})
    if old.status != new.status:
        yield Effect("organization", _new_status(old.status, new.status), here)
    if old.subscription_required != new.subscription_required:
        yield Effect("organization", "licensed", here)
    if (old.name, old.kind) != (new.name, new.kind):
        yield Effect("organization", "described", here)


def _new_status(old: str, new: str) -> str:
    if old == "archived":
        return "reopened"
    if new == "active":
        return "resumed" if old == "suspended" else "admitted"
    return {"suspended": "suspended", "archived": "archived", "invited": "closed"}[new]


# Users


def _of_user(
    key: Key, old: UserRecord | None, new: UserRecord | None, before: Directory, author: Key
) -> Iterator[Effect]:
    had, has = dict(old.memberships if old else ()), dict(new.memberships if new else ())
    revived = old is not None and new is not None and old.status != new.status
    for place in sorted(had.keys() | has.keys()):
        roles = {had.get(place), has.get(place)}
        if len(roles) > 1 or revived:
            for role in sorted(roles - {None}):
                yield Effect("membership", role, _at(place))
    if old is not None and had and has.keys() - had.keys():
        yield Effect("user", "joins" if key == author else "joined", {"user": Place(key)})
    if old is None or new is None or revived or (old.name, old.type) != (new.name, new.type):
        # Asked at each organization; whoever belongs to none is left to who runs the service.
        places = sorted(had.keys() | has.keys())
        yield from (Effect("user", "described", _at(place)) for place in places)
        if not places:
            yield Effect("user", "described", {})
    if old is None or new is None:
        held = () if new is None else new.subscriptions
        yield from _mapped(key, (), held, before)
        return
    yield from _mapped(key, old.subscriptions, new.subscriptions, before)
    # A selection that ends with the membership is no choice of anybody's.
    if old.selected != new.selected and not (new.selected is None and old.selected not in has):
        place = new.selected or old.selected
        yield Effect("user", "selects" if author == key else "selected", _at(place))


def _mapped(
    key: Key, old: Iterable[str], new: Iterable[str], before: Directory
) -> Iterator[Effect]:
    for name, subscriptions in (("mapped", set(new) - set(old)), ("unmapped", set(old) - set(new))):
        for subscription in sorted(subscriptions):
            bought = before.get(("subscription", subscription))
            places = {"user": Place(key), **_at(bought.organization)}
            yield Effect("user", name, places, {"subscription": subscription})


# Subscriptions and partners


def _of_subscription(
    old: SubscriptionRecord | None, new: SubscriptionRecord | None, now: datetime
) -> Iterator[Effect]:
    if old is not None:
        name = "removed" if new is None else "changed"
        yield Effect("subscription", name, _at(old.organization))
        return
    terms = {term: getattr(new, term) for term in TERMS}
    terms["term_years"] = round((new.ends - new.starts) / YEAR, 2)
    happens = ["bought"]
    if any(new.entitlements.values()):
        happens.append("entitled")
    if now - new.starts > TODAY:
        happens.append("backdated")
    yield from (Effect("subscription", name, _at(new.organization), terms) for name in happens)


def _of_partner(key: Key, old: PartnerRecord | None, new: PartnerRecord | None) -> Iterator[Effect]:
    if old is None:
        yield Effect("partner", "connected", _at(new.organization))
        if new.role == "full_admin":
            yield Effect("partner", "elevated", {"partner": Place(key), **_at(new.organization)})
        return
    places = {"partner": Place(key), **_at(old.organization)}
    if new is None:
        yield Effect("partner", "removed", places)
        return
    if old.organization != new.organization:
        target = Place(("organization", new.organization))
        yield Effect("partner", "moved", {**places, "target": target})
    if old.role != new.role:
        yield Effect("partner", "elevated" if new.role == "full_admin" else "lowered", places)


# Resources and shares


def _of_resource(
    key: Key, old: ResourceRecord | None, new: ResourceRecord | None
) -> Iterator[Effect]:
    kind = key[0]
    if old is None:
        put = _described(key, new)
        places = {**_named(new), "put": put, **_at(new.organization)}
        yield Effect(kind, "created", places, {**new.attributes})
        yield from _shared(kind, put, (), new)
        return
    places = {"resource": Place(key), **_at(old.organization)}
    if new is None:
        yield Effect(kind, "removed", places)
        return
    put = _described(key, new)
    moved = old.organization != new.organization
    if moved:
        target = Place(("organization", new.organization))
        values = {**new.attributes, "to": new.organization}
        all_places = {**_named(new), **places, "put": put, "target": target}
        yield Effect(kind, "moved", all_places, values)
    if dict(old.attributes) != dict(new.attributes):
        yield Effect(kind, "changed", {**_named(new), **places, "put": put}, {**new.attributes})
    # What moves takes its shares along, and whoever moves it shares it there.
    yield from _shared(kind, put if moved else Place(key), () if moved else old.shares, new)
    if set(old.shares) - set(new.shares):
        yield Effect(kind, "unshared", places)


def _named(record: ResourceRecord) -> dict[str, Place]:
    """What the resource would point to, by the names of its attributes."""
    return {link.field: Place(link.target) for link in record.references if "[" not in link.field}


def _described(key: Key, record: ResourceRecord) -> Place:
    return Place(key, {"organization": record.organization, **record.attributes})


def _shared(
    kind: str, resource: Place, before: Iterable[Share], new: ResourceRecord
) -> Iterator[Effect]:
    places = {"resource": resource, **_at(new.organization)}
    for share in new.shares:
        if share not in before:
            row = share_entry(new.key, share)
            yield Effect(kind, "shared", places, {"with": row["with"]})
