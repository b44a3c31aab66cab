"""Resources as a policy sees them: where they lie, what is declared of them, who shares in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.domain.entities import Entity, Organization, Placed
from service.domain.identifiers import Key
from service.domain.reading import MissingAttribute, Read, Readable, fact, predicate
from service.domain.records import ALL, ResourceRecord, Share
from service.domain.schema import PLAIN_KINDS, Attribute, Attributes, EntityType
from service.domain.sharing import reached_through


class Organizations(Readable):
    """A list of organizations that a request or a resource names; perhaps all there are below."""

    __slots__ = ("_moment", "_names", "_owner")

    def __init__(self, moment, owner: Readable, names: list[str] | str):
        self._moment = moment
        self._owner = owner
        self._names = names

    @property
    def names(self) -> list[str] | str:
        """The ids as they were named, or "all"."""
        return self._names

    def __len__(self) -> int:
        if self._names == ALL:
            raise MissingAttribute(self._owner, "the list behind `all`")
        return len(self._names)

    def __getitem__(self, index: int) -> Organization:
        return self._moment.organization(self._names[index])

    def __repr__(self) -> str:
        return f"organizations of {self._owner!r}"

    @predicate("all {it} are {0} or lie below it", "not all {it} are {0} or lie below it")
    def all_within(self, organization: Organization) -> bool:
        """Whether each of them is `organization` or lies below it; an unknown one does not."""
        return self._each(lambda place: place.within(organization))

    @predicate("all {it} lie below {0}", "not all {it} lie below {0}")
    def all_below(self, organization: Organization) -> bool:
        """Whether each of them lies below `organization`; `all` do, unless nothing can be below."""
        if self._names == ALL:
            return not organization.is_leaf
        return self._each(lambda place: place.below(organization))

    @predicate("the {it} lie in one account", "the {it} lie in several accounts")
    def in_one_account(self) -> bool:
        """Whether no two of them lie in different level-2 accounts."""
        accounts = [place.account for place in self if place.has("account")]
        return all(account == accounts[0] for account in accounts)

    def _each(self, holds) -> bool:
        if self._names == ALL:
            return False
        found = [self._moment.find_organization(name) for name in self._names]
        return all(place is not None and holds(place) for place in found)


class Item(Placed):
    """A resource that lies in one organization, stored or described by a request."""

    __slots__ = ()
    _record: ResourceRecord

    @fact("organization", "{it} belongs to {value}")
    def organization(self) -> Organization:
        """The organization that owns it."""
        return self._moment.organization(self._record.organization)

    @predicate("{it} is shared with {0}", "no share of {it} in force reaches {0}")
    def shared_with(self, organization: Organization) -> bool:
        """Whether a share in force reaches this organization, or one below it (step 4 of 2.7)."""
        shares = self._record.shares
        if not shares or self._record.organization not in organization._record.path[:-1]:
            return False
        return self._reaches(organization) or any(
            self._names_one_below(share, organization) for share in self._in_force()
        )

    @predicate("{it} can be used in {0}", "{it} cannot be used in {0}")
    def usable_in(self, organization: Organization) -> bool:
        """Whether it can be used for what belongs to this organization.

        It can if it lies there, if it lies below (S1-24: what is below is looked after from above),
        or if it is shared with that very organization.
        """
        return organization._record.key[1] in self._owner_path() or self._reaches(organization)

    def _reaches(self, organization: Organization) -> bool:
        owner_path, path = self._owner_path(), organization._record.path
        for share in self._in_force():
            if reached_through(share, owner_path, path) is not None:
                return True
        return False

    def _names_one_below(self, share: Share, organization: Organization) -> bool:
        # What reaches one below by `all` reaches this one too, so that only lists are asked.
        known, name = self._moment.directory.tree.organizations, organization._record.key[1]
        return any(name in known[target].path[:-1] for target in share.targets or ())

    def _in_force(self) -> Iterator[Share]:
        lies_in = self._moment.lies_in
        return (s for s in self._record.shares if lies_in(s.valid_from, s.valid_until))

    def _owner_path(self) -> tuple[str, ...]:
        return self._moment.directory.tree.organizations[self._record.organization].path


class Shareable(Item):
    """A resource of a type that can be shared with sub-accounts (S1-28)."""

    __slots__ = ()


def item_class(known: EntityType) -> type[Item]:
    """The class of a declared type, with a readable attribute for each that is declared."""
    base = Shareable if known.shareable else Item
    members: dict[str, Any] = {"__slots__": (), "__doc__": f"A resource of type {known.name}."}
    for attribute in known.attributes.values():
        members[attribute.name] = _stored(attribute)
    return type(known.class_name, (base,), members)


def _stored(attribute: Attribute) -> property:
    def read(self: Item) -> Any:
        value = self._record.attributes.get(attribute.name)
        return resolve(self._moment, self, attribute, value)

    return _marked(read, attribute)


class Given(Readable):
    """Values that came with the request, by the names declared for its action or its context."""

    __slots__ = ("_declared", "_moment", "_values")

    def __init__(self, moment, declared: Attributes, values: Mapping[str, Any]):
        self._moment = moment
        self._declared = declared
        self._values = values

    def __repr__(self) -> str:
        return "the request"


def given_class(name: str, attributes: Mapping[str, str]) -> type[Given]:
    """A class of given values from which a policy may read these names, each of its kind.

    A name declared for another action only is absent, and reading it fails the decision closed.
    """
    members: dict[str, Any] = {"__slots__": (), "__doc__": "What came with the request."}
    for attribute, kind in attributes.items():
        members[attribute] = _given(Attribute(attribute, kind, True))
    return type(name, (Given,), members)


def _given(attribute: Attribute) -> property:
    def read(self: Given) -> Any:
        declared = self._declared.get(attribute.name)
        if declared is None:
            raise MissingAttribute(self, attribute.name)
        return resolve(self._moment, self, declared, self._values.get(attribute.name))

    return _marked(read, attribute)


def _marked(read, attribute: Attribute) -> property:
    read.__name__ = attribute.name
    optional = ", if it has one" if attribute.optional else ""
    read.polar_read = Read(
        attribute.name,
        attribute.kind,
        False,
        f"Its {attribute.name}{optional}.",
        says=f"the {attribute.name} of {{it}} is {{value}}",
        foreign=attribute.kind in ("string", "strings"),
    )
    return property(read)


def resolve(moment, owner: Readable, attribute: Attribute, value: Any) -> Any:
    """What a policy gets for a declared value: itself, or the entity that it names."""
    if attribute.kind in ("organizations", "targets"):
        # An absent list is an empty one: `request.filter.all_within(x)` holds without a filter.
        if value is None and not attribute.optional:
            raise MissingAttribute(owner, attribute.name)
        return Organizations(moment, owner, [] if value is None else value)
    if value is None:
        raise MissingAttribute(owner, attribute.name)
    if attribute.kind in PLAIN_KINDS:
        return value
    entity: Entity | None = moment.find((attribute.kind, value))
    if entity is None:
        raise MissingAttribute(owner, attribute.name, dangling=True)
    return entity


def described(key: Key, organization: str, attributes: Mapping[str, Any]) -> ResourceRecord:
    """The record of a resource that is not in the world, as a request describes it."""
    return ResourceRecord(key, organization, attributes, (), ())
