"""What lies around a request: everything it names or touches, and the organizations above that."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL, Entity
from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.domain.records import (
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import LIST_KINDS, PLAIN_KINDS
from service.policy.decision import AccessRequest

COUNTED_LIMIT = 2_000
"""Organizations that are counted below one; beyond that it is at least so many."""


class Neighbourhood(NamedTuple):
    """The records around a request, each kind in the order in which it was met."""

    directory: Directory
    now: datetime
    subject: UserRecord | PartnerRecord | None
    users: tuple[UserRecord, ...]
    """The subject first, if he is one."""
    partners: tuple[PartnerRecord, ...]
    items: tuple[ResourceRecord, ...]
    subscriptions: tuple[SubscriptionRecord, ...]
    places: tuple[OrganizationRecord, ...]
    """Every organization that was named or touched, and those above it."""
    own_places: tuple[OrganizationRecord, ...]
    """Those for which the subject may act, and those above them."""

    def size(self, organization: str) -> int:
        """How many organizations stand at or below this one, counted as far as COUNTED_LIMIT."""
        return sum(1 for _ in self._below(organization))

    def people(self, organization: str) -> int:
        """How many memberships there are at or below this organization, counted likewise."""
        linked = self.directory.linked
        return sum(
            len(linked(("organization", name), "member")) for name in self._below(organization)
        )

    def _below(self, organization: str) -> Iterator[str]:
        known, levels = self.directory.organizations, self.directory.levels
        pending, count = [organization], 0
        while pending and count < COUNTED_LIMIT:
            name = pending.pop()
            count += 1
            yield name
            if len(known[name].path) < levels:
                children = self.directory.linked(("organization", name), "parent")
                pending.extend(child for _, child in children)

    def times(self) -> list[datetime]:
        """Every instant still to come at which a share or a subscription here begins or ends."""
        bounds: list[datetime | None] = []
        for item in self.items:
            for share in item.shares:
                bounds += (share.valid_from, share.valid_until)
        for bought in self.subscriptions:
            bounds += (bought.starts, bought.ends)
        return sorted({each for each in bounds if each is not None and each > self.now})


def around(request: AccessRequest, moment: Moment, touched: Iterable[object]) -> Neighbourhood:
    """The neighbourhood of a request; `touched` are the values that its evaluation met."""
    met: dict[Key, Record] = {}
    records = moment.directory.records

    def meet(key: Key) -> None:
        if key in met or key not in records:
            return
        record = met[key] = records[key]
        if isinstance(record, ResourceRecord):
            for link in record.references:
                meet(link.target)
        if not isinstance(record, OrganizationRecord | UserRecord):
            meet(("organization", record.organization))

    subject_key = (request.subject_type, request.subject_id)
    meet(subject_key)
    meet((request.resource_type, request.resource_id))
    for key in _named(request, moment):
        meet(key)
    for value in touched:
        if isinstance(value, Entity):
            meet((value.type, value.id))
    subject = records.get(subject_key)
    own: list[str] = []
    if isinstance(subject, UserRecord):
        own = [name for name, _ in subject.memberships]
        for name in subject.subscriptions:
            meet(("subscription", name))
    elif isinstance(subject, PartnerRecord):
        own = [subject.organization]
    own_places = _with_those_above(moment.directory, own)
    for place in own_places:
        _meet_subscriptions(moment, place, meet)
    named = [key[1] for key in met if key[0] == "organization"]
    of = {kind: [] for kind in (UserRecord, PartnerRecord, ResourceRecord, SubscriptionRecord)}
    for record in met.values():
        if type(record) in of:
            of[type(record)].append(record)
    return Neighbourhood(
        moment.directory,
        moment.now,
        subject if isinstance(subject, UserRecord | PartnerRecord) else None,
        *(tuple(found) for found in of.values()),
        _with_those_above(moment.directory, named),
        own_places,
    )


def _meet_subscriptions(moment: Moment, place: OrganizationRecord, meet) -> None:
    """Meet what the account has bought, where its people need it."""
    if len(place.path) == ACCOUNT_LEVEL and place.key[1] in moment.directory.marks.gated:
        for key in sorted(moment.directory.linked(place.key, "subscription")):
            meet(key)


def _named(request: AccessRequest, moment: Moment) -> Iterator[Key]:
    """What the request names besides its subject and its resource."""
    schema = moment.vocabulary.schema
    action = (request.resource_type, request.action)
    given = (
        (moment.vocabulary.parameters.get(action, {}), request.action_properties),
        (schema.attributes_of(request.resource_type), request.resource_properties),
    )
    for declared, values in given:
        for attribute in declared.values():
            value = values.get(attribute.name)
            if isinstance(value, str) and attribute.kind not in (*PLAIN_KINDS, *LIST_KINDS):
                yield attribute.kind, value
    organization = request.resource_properties.get("organization")
    if isinstance(organization, str):
        yield "organization", organization


def _with_those_above(directory: Directory, names: Iterable[str]) -> tuple[OrganizationRecord, ...]:
    known = directory.organizations
    every = dict.fromkeys(above for name in names for above in reversed(known[name].path))
    return tuple(known[name] for name in every)
