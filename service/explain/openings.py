"""What could open a request that is denied: the space in which the nearest allow is looked for.

Everything here gives something to somebody, or asks for it differently; nothing rewrites the law,
moves an organization or buys anything.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from service.domain.entities import ACCOUNT_LEVEL
from service.domain.identifiers import reference, spell_moment
from service.domain.records import ROLES, PartnerRecord, UserRecord
from service.domain.schema import Schema
from service.domain.world import entry_of
from service.explain.neighbourhood import Neighbourhood
from service.explain.trials import Option
from service.policy import decision
from service.policy.decision import AccessRequest, Decision

SUBSCRIPTIONS_LIMIT = 10
INSTANTS_LIMIT = 10


def openings(
    request: AccessRequest, denied: Decision, near: Neighbourhood, schema: Schema
) -> list[Option]:
    """Every option of the candidate space, in order of slots."""
    return [
        *_switches(request, near),
        *_memberships(near),
        *_of_others(near),
        *_shares(near, schema),
        *_standings(near),
        *_subscriptions(near),
        *_revivals(near),
        *_elevations(near),
        *_descriptions(request, denied, near),
        *_waits(denied, near),
    ]


def _switches(request: AccessRequest, near: Neighbourhood) -> Iterator[Option]:
    """To act for another membership, or for any place where one could be granted."""
    if not isinstance(near.subject, UserRecord):
        return
    held = [name for name, _ in near.subject.memberships]
    acted_for = request.context.get("organization") or near.subject.selected
    if acted_for is None and len(held) == 1:
        acted_for = held[0]
    for name in dict.fromkeys([*held, *(place.key[1] for place in near.places)]):
        if name != acted_for:
            yield Option("acts for", f"switch to organization {name}", acts_for=name)


def _memberships(near: Neighbourhood) -> Iterator[Option]:
    """A membership for the subject, or a higher role, wherever the request lies or above."""
    user = near.subject
    if not isinstance(user, UserRecord):
        return
    held = dict(user.memberships)
    places = {place.key[1]: place for place in near.places}
    places |= {place.key[1]: place for place in near.own_places if place.key[1] in held}
    for name in places:
        gain = near.size(name)
        rank = ROLES.index(held[name]) if name in held else -1
        for role in ROLES[rank + 1 :]:
            if role != "bot" or user.type == "bot":
                yield _granted(user, name, role, gain)


def _granted(user: UserRecord, organization: str, role: str, gain: int) -> Option:
    name = user.key[1]
    return Option(
        ("member", name),
        f"make {name} {role} of {organization}",
        {"op": "grant_membership", "user": name, "organization": organization, "role": role},
        gain=gain,
        rank=ROLES.index(role),
    )


def _of_others(near: Neighbourhood) -> Iterator[Option]:
    """A membership for another user whom the request is about, where the subject could see it."""
    for user in near.users:
        if user is near.subject:
            continue
        held = dict(user.memberships)
        for place in dict.fromkeys((*near.own_places, *near.places)):
            if place.key[1] not in held:
                yield _granted(user, place.key[1], ROLES[0], near.size(place.key[1]))


def _shares(near: Neighbourhood, schema: Schema) -> Iterator[Option]:
    """A share with one organization that the request is about, or for which the subject acts."""
    for item in near.items:
        if not schema.types[item.key[0]].shareable:
            continue
        for place in dict.fromkeys((*near.own_places, *near.places)):
            if item.organization in place.path[:-1]:
                name, to = reference(item.key), place.key[1]
                yield Option(
                    ("share", item.key),
                    f"share {name} with {to}",
                    {"op": "share", "resource": name, "with": [to]},
                    gain=max(1, len(near.directory.linked(place.key, "member"))),
                )


def _standings(near: Neighbourhood) -> Iterator[Option]:
    """An organization that is closed, opened again."""
    for place in dict.fromkeys((*near.places, *near.own_places)):
        name = place.key[1]
        if place.status == "active":
            continue
        if place.status == "suspended":
            change = {"op": "resume_organization", "organization": name}
        else:
            change = {
                "op": "put_organization",
                "organization": name,
                **entry_of(replace(place, status="active")),
            }
        words = f"make {name} active, which is {place.status}"
        yield Option(("standing", name), words, change, gain=max(1, near.people(name)))


def _subscriptions(near: Neighbourhood) -> Iterator[Option]:
    """A subscription for the subject: one in force, or one that will be."""
    user = near.subject
    if not isinstance(user, UserRecord):
        return
    accounts = {
        place.key[1]
        for place in near.own_places + near.places
        if len(place.path) == ACCOUNT_LEVEL and place.key[1] in near.directory.marks.gated
    }
    lasting = [
        each
        for each in near.subscriptions
        if each.organization in accounts
        and each.ends > near.now
        and each.key[1] not in user.subscriptions
    ]
    lasting.sort(key=lambda each: (each.starts > near.now, each.starts, each.key))
    gain = sum(near.size(name) for name, _ in user.memberships)
    for bought in lasting[:SUBSCRIPTIONS_LIMIT]:
        name, mapped = user.key[1], bought.key[1]
        yield Option(
            ("mapped", name),
            f"map {name} to subscription {mapped}",
            {"op": "assign_subscription", "user": name, "subscription": mapped},
            gain=gain,
        )


def _revivals(near: Neighbourhood) -> Iterator[Option]:
    """A user who is archived, active again."""
    for user in near.users:
        if user.status == "archived":
            name = user.key[1]
            entry = entry_of(replace(user, status="active"))
            yield Option(
                ("status", name),
                f"make {name} active, who is archived",
                {"op": "put_user", "user": name, **entry},
                gain=sum(near.size(place) for place, _ in user.memberships),
                omitted=("name",),
            )


def _elevations(near: Neighbourhood) -> Iterator[Option]:
    """Full access for a partner who only reads."""
    partner = near.subject
    if isinstance(partner, PartnerRecord) and partner.role != "full_admin":
        name, place = partner.key[1], partner.organization
        yield Option(
            ("partner", name),
            f"make {name} a full administrator of {place}",
            {"op": "put_partner", "partner": name, "organization": place, "role": "full_admin"},
            gain=near.size(place),
        )


def _descriptions(
    request: AccessRequest, denied: Decision, near: Neighbourhood
) -> Iterator[Option]:
    """What the request would have to say of a resource that is not in the world, or not to say."""
    if denied.reason == decision.CONFLICTING_RESOURCE:
        words = "say nothing of the resource that differs from what is stored"
        yield Option("describe", words, describes=("", None))
    if denied.reason != decision.UNKNOWN_RESOURCE or request.resource_properties.get(
        "organization"
    ):
        return
    if not isinstance(near.subject, UserRecord | PartnerRecord):
        return
    for place in near.own_places:
        words = f"say that the resource belongs to {place.key[1]}, if it does"
        yield Option("describe", words, describes=("organization", place.key[1]))


def _waits(denied: Decision, near: Neighbourhood) -> Iterator[Option]:
    instants: set[datetime] = set(near.times())
    if denied.valid_until is not None:
        instants.add(denied.valid_until)
    for rank, instant in enumerate(sorted(instants)[:INSTANTS_LIMIT]):
        yield Option("clock", f"wait until {spell_moment(instant)}", at=instant, rank=rank)
