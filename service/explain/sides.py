"""The two sides of all questions: every subject, and every resource, before a change or after."""

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.domain.identifiers import Key
from service.domain.records import (
    OrganizationRecord,
    PartnerRecord,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import BUILT_IN_TYPES, Schema
from service.explain.forms import Sight, reached
from service.explain.questions import DESCRIBED, Resource, Subject


class Side(NamedTuple):
    """All subjects, or all resources: those that feel the change, and the rest in groups of which
    it is plain at first sight that rules cannot tell their members apart."""

    felt: list[Any]
    alike: list[list[Any]]

    def every(self) -> Iterator[Any]:
        """Each of them once."""
        yield from self.felt
        for group in self.alike:
            yield from group


class Surroundings:
    """Two directories, and what feels the change from one to the other."""

    def __init__(
        self,
        directories: tuple[Directory, Directory],
        schema: Schema,
        felt: set[Key],
        sight: Sight,
    ):
        self._directories = directories
        self._schema = schema
        self._felt = felt
        self._sight = sight
        # Whatever any side of a question that matters can reach: these keep their ids in forms.
        self._near = {
            name
            for key in felt
            for directory in directories
            for name in reached(directory, schema, key)
        }
        self._spots: dict[str, Hashable] = {}

    def _spot(self, name: str) -> Hashable:
        """An organization, or what it has in common with its sisters if nothing is near them."""
        spot = self._spots.get(name)
        if spot is None:
            record = self._directories[1].organizations.get(name)
            if record is None or name in self._near or len(record.path) <= ACCOUNT_LEVEL:
                spot = name
            else:
                spot = record._replace(key=("", ""), name="", path=record.path[:-1])
            self._spots[name] = spot
        return spot

    def _records(self) -> Iterator[Any]:
        before, after = (directory.records for directory in self._directories)
        yield from after.values()
        yield from (before[key] for key in self._felt if key in before and key not in after)

    def subjects(self) -> Side:
        """Every subject, for each organization that it acts for, before or after."""
        before, known = self._directories[0].records, self._schema.types
        felt: list[Subject] = []
        alike: dict[Hashable, list[Subject]] = {}
        for record in self._records():
            key = record.key
            if type(record) is UserRecord:
                held = record.memberships
                if key in self._felt:
                    old = before.get(key)
                    held = {**dict(old.memberships if old else ()), **dict(held)}.items()
                made = [Subject(key, name) for name, _ in held]
            elif type(record) is PartnerRecord or (key[0] in known and known[key[0]].subject):
                made = [Subject(key, None)]
            else:
                continue
            if key in self._felt:
                felt += made
            else:
                plainly = self._plainly(record)
                for each in made:
                    place = each.acts_for if len(made) > 1 else None
                    alike.setdefault((plainly, place), []).append(each)
        return Side(felt, list(alike.values()))

    def resources(self) -> Side:
        """Every resource, and those that are only described."""
        felt: list[Resource] = []
        alike: dict[Hashable, list[Resource]] = {}
        stored = set(BUILT_IN_TYPES)
        known = self._schema.types
        for record in self._records():
            key = record.key
            if key[0] in known:
                stored.add(key[0])
                if key in self._felt:
                    felt.append(Resource(key))
                else:
                    alike.setdefault(self._plainly(record), []).append(Resource(key))
        places = {name for directory in self._directories for name in directory.organizations}
        for kind, known in self._schema.types.items():
            if kind in stored or any(not each.optional for each in known.attributes.values()):
                continue
            for place in sorted(places):
                each = Resource((kind, DESCRIBED), place)
                if ("organization", place) in self._felt:
                    felt.append(each)
                else:
                    alike.setdefault((kind, self._spot(place)), []).append(each)
        return Side(felt, list(alike.values()))

    def _plainly(self, record: Any) -> Hashable:
        """What puts a record beside others at first sight; its key if only a form could tell."""
        kind = type(record)
        if self._sight.ids or kind is PartnerRecord or kind is SubscriptionRecord:
            return record.key
        if kind is OrganizationRecord:
            return "organization", self._spot(record.key[1])
        if kind is UserRecord:
            if len(record.memberships) != 1 or record.subscriptions:
                return record.key
            place, role = record.memberships[0]
            return record.type, record.status, self._spot(place), role
        if not (record.attributes or record.shares):  # nearly all
            return record.key[0], self._spot(record.organization)
        if record.references or any(share.targets is not None for share in record.shares):
            return record.key
        values = tuple(record.attributes.items())
        if any(type(value) is list for _, value in values):
            return record.key
        return record.key[0], self._spot(record.organization), values, record.shares
