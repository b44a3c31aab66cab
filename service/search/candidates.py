"""Who and what may be in a list: where each candidate lies, and what stands for all of its kind."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.entities import Entity, Organization, Partner, User
from service.domain.records import (
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    UserRecord,
)
from service.policy.decision import AccessRequest, Failure
from service.policy.question import acts_for_of
from service.search.notes import Notes
from service.search.places import Name, OrganizationInHand
from service.search.queries import Is, Path
from service.search.regions import Region
from service.search.stand_ins import ItemInHand, PartnerInHand, UserInHand
from service.search.watched import WatchedMoment

Said = tuple[str, ...]
"""What a record says where `stand_ins` suppose it: `SUPPOSED` has the names."""
Held = Callable[[str, Mapping[Said, bool] | None], list[str]]
"""The ids of the candidates that lie in an organization, in order: all, or those of whom what they
say is wanted."""
SUPPOSED = {"user": ("status", "role", "type"), "partner": ("role",)}
Stand = Callable[[Notes, WatchedMoment], Entity]
"""What stands for any candidate that lies in the place in hand."""


class Candidates(NamedTuple):
    """All candidates of a search that one value can stand for."""

    start: Region
    held: Held
    stand: Stand


def resources_of(kind: str, directory: Directory, classes) -> list[Candidates]:
    """The candidates for resources of a type: `classes` has the class of each type."""
    if kind == "organization":
        return [
            Candidates(
                Region(),
                lambda name, wanted: [name],
                lambda notes, moment: Organization(moment, OrganizationInHand(notes)),
            )
        ]
    if kind == "user":
        return [
            Candidates(
                Region(),
                lambda name, wanted: _users_at(directory, name, wanted, None),
                lambda notes, moment: User(moment, UserInHand(notes, several=False)),
            )
        ]
    return [_placed(kind, directory, classes[kind], Region())]


def subjects_of(
    kind: str, request: AccessRequest, directory: Directory, classes
) -> list[Candidates]:
    """The candidates for subjects of a type, in the context of the request."""
    chosen = request.context.get("organization")
    start = Region()
    if chosen is not None:
        if not isinstance(chosen, str):
            return []
        start = start.narrowed(Is(chosen), True)
    if kind != "user":
        return [_placed(kind, directory, classes[kind], start)]

    def held(name: str, wanted: Mapping[Said, bool] | None) -> list[str]:
        return _users_at(directory, name, wanted, request.context)

    def stand(notes: Notes, moment: WatchedMoment) -> User:
        return User(moment, UserInHand(notes, several=True), Name(notes))

    return [Candidates(start, held, stand)]


def _users_at(
    directory: Directory,
    place: str,
    wanted: Mapping[Said, bool] | None,
    context: Mapping[str, Any] | None,
) -> list[str]:
    """Users who act for the organization in this context; without one, those who are members there
    and nowhere else."""
    found, users = [], directory.kinds.get("user", {})
    for key in directory.linked(("organization", place), "member"):
        user = users[key[1]]
        memberships = user.memberships
        if len(memberships) == 1:
            role = memberships[0][1]
        elif context is None or acts_for_of(user, context) != place:
            continue
        else:
            role = next(role for name, role in memberships if name == place)
        if wanted is None or wanted[user.status, role, user.type]:
            found.append(key[1])
    found.sort()
    return found


def _placed(kind: str, directory: Directory, cls: type[Entity], start: Region) -> Candidates:
    """What lies in one organization by its record: resources, and partners."""
    if cls is Partner:

        def partners(name: str, wanted: Mapping[Said, bool] | None) -> list[str]:
            found = _linked(directory, name, "partner")
            if wanted is None:
                return found
            return [each for each in found if wanted[(directory.kinds[kind][each].role,)]]

        return Candidates(
            start, partners, lambda notes, moment: cls(moment, PartnerInHand(notes, kind))
        )
    relation, links = f"holds {kind}", directory.links

    def held(name: str, wanted: Mapping[Said, bool] | None) -> list[str]:
        found = links.get(("organization", name, relation))
        return [] if found is None else sorted([key[1] for key in found])

    return Candidates(start, held, lambda notes, moment: cls(moment, ItemInHand(notes, kind)))


def _linked(directory: Directory, organization: str, relation: str) -> list[str]:
    return sorted([name for _, name in directory.linked(("organization", organization), relation)])


def place_of(record: Record, directory: Directory, request: AccessRequest | None) -> Path:
    """The path of the organization by which a candidate is put in order; () if it has none.

    `request` is that of a search for subjects: a user stands where he acts.
    """
    match record:
        case OrganizationRecord():
            return record.path
        case ResourceRecord() | PartnerRecord():
            name: str | Failure | None = record.organization
        case UserRecord() if request is not None:
            name = acts_for_of(record, request.context)
        case UserRecord():
            name = min((place for place, _ in record.memberships), default=None)
        case _:
            name = None
    return directory.organizations[name].path if isinstance(name, str) else ()
