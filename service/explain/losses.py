"""What an allow hangs on: each single change that would take it away.

Looked for among what takes something from somebody: memberships and roles, shares, standings,
places in the tree, subscriptions, and the end of a term.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from service.domain.identifiers import reference, spell_moment
from service.domain.records import ROLES, OrganizationRecord, PartnerRecord, UserRecord
from service.domain.world import entry_of
from service.explain.neighbourhood import Neighbourhood
from service.explain.trials import Option, Trial
from service.policy.decision import Decision

INSTANTS_LIMIT = 16

Hinge = tuple[Option, Decision]
"""What takes an allow away, and the denial that it leads to."""


class Hinges(NamedTuple):
    """What an allow hangs on."""

    found: tuple[Hinge, ...]
    complete: bool
    """Otherwise some changes have not been tried, and may take it away as well."""


def hangs_on(trial: Trial, near: Neighbourhood, allowed: Decision) -> Hinges:
    """Every change of these alone under which the request is denied, with that denial.

    A change that the facts forbid, such as to remove what something refers to, is none.
    """
    found, complete = [], True
    # The clock first: it is what comes about by itself.
    end = _end(trial, allowed)
    for option in _losses(near):
        if trial.exhausted:
            complete = False
            break
        decision = trial.decide([option])
        if decision is not None and not decision.allowed:
            found.append((option, decision))
    lowered = {option.slot for option, _ in found if option.change["op"] == "grant_membership"}
    # Of several lower roles that deny, the highest says it all: they come from high to low.
    kept = []
    for option, decision in found:
        if option.change["op"] == "grant_membership":
            if option.slot not in lowered:
                continue
            lowered.remove(option.slot)
        kept.append((option, decision))
    if end is not None:
        kept.append(end)
    return Hinges(tuple(kept), complete)


def _end(trial: Trial, decision: Decision) -> Hinge | None:
    """The instant at which the clock alone takes the permission away, if it is near."""
    for _ in range(INSTANTS_LIMIT):
        instant = decision.valid_until
        if instant is None:
            return None
        option = Option("clock", f"it is {spell_moment(instant)}", at=instant)
        decision = trial.decide([option])
        if not decision.allowed:
            return option, decision
    return None


def _losses(near: Neighbourhood) -> Iterator[Option]:
    for user in near.users:
        yield from _of_user(user, user is near.subject)
    if isinstance(near.subject, PartnerRecord):
        yield from _of_partner(near.subject)
    for item in near.items:
        name = reference(item.key)
        if item.shares:
            yield _loss(f"{name} is no longer shared", op="unshare", resource=name)
        yield _loss(f"{name} is removed", op="remove_resource", resource=name)
    for place in dict.fromkeys((*near.places, *near.own_places)):
        yield from _of_organization(place, near)


def _loss(words: str, slot: object = None, **change: object) -> Option:
    omitted = ("name",) if change["op"] == "put_user" else ()
    return Option(slot, words, change, omitted=omitted)


def _of_user(user: UserRecord, is_subject: bool) -> Iterator[Option]:
    name = user.key[1]
    for place, role in user.memberships:
        words = f"{name} is no longer a member of {place}"
        yield _loss(words, op="revoke_membership", user=name, organization=place)
        if is_subject:
            lower_roles = (each for each in ROLES[: ROLES.index(role)] if each != "bot")
            for lower in reversed(tuple(lower_roles)):
                yield _loss(
                    f"{name} is {lower} of {place}, and not {role}",
                    ("role", name, place),
                    op="grant_membership",
                    user=name,
                    organization=place,
                    role=lower,
                )
    for bought in user.subscriptions:
        words = f"{name} is no longer mapped to subscription {bought}"
        yield _loss(words, op="unassign_subscription", user=name, subscription=bought)
    if user.status == "active":
        entry = entry_of(replace(user, status="archived"))
        yield _loss(f"{name} is archived", op="put_user", user=name, **entry)
    yield _loss(f"{name} is removed", op="remove_user", user=name)


def _of_partner(partner: PartnerRecord) -> Iterator[Option]:
    name, place = partner.key[1], partner.organization
    if partner.role == "full_admin":
        yield _loss(
            f"{name} only reads {place}",
            op="put_partner",
            partner=name,
            organization=place,
            role="provisioning_admin",
        )
    yield _loss(f"{name} is no longer a partner", op="remove_partner", partner=name)


def _of_organization(place: OrganizationRecord, near: Neighbourhood) -> Iterator[Option]:
    name = place.key[1]
    yield _loss(f"{name} is suspended", op="suspend_organization", organization=name)
    other = _elsewhere(place, near)
    if other is not None:
        words = f"{name} moves elsewhere, such as below {other}"
        yield _loss(words, op="move_organization", organization=name, to=other)


def _elsewhere(place: OrganizationRecord, near: Neighbourhood) -> str | None:
    """Another organization below which this one could hang: beside the one above it."""
    if len(place.path) < 2:
        return None
    above = place.path[:-1]
    known = near.directory
    beside = known.linked(("organization", above[-2]), "parent") if len(above) > 1 else ()
    others = [key[1] for key in beside if key[1] != above[-1]]
    if not others and len(above) > 1:
        return above[-2]
    return min(others, default=None)
