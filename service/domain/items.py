"""Resources as a policy sees them: where they lie, what is declared of them, who shares in them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from service.domain.entities import ACCOUNT_LEVEL, Entity, Organization, Placed
from service.domain.identifiers import Key
from service.domain.reading import MissingAttribute, Read, Readable, fact, predicate
from service.domain.records import ALL, ResourceRecord
from service.domain.schema import (
    ANY_KIND,
    LIST_KINDS,
    PLAIN_KINDS,
    Attribute,
    Attributes,
    EntityType,
)
from service.domain.sharing import names_one_below, reached_through
from service.errors import UnknownEntity


class Organizations(Readable):
    """A list of organizations that a request or a resource names; perhaps all there are below."""

    __slots__ = ("_moment", "_names")
    FIELDS = ("_moment", "_names")

    def __init__(self, moment, names: list[str] | str):
        self._moment = moment
        self._names = names

    @property
    def names(self) -> list[str] | str:
        """The ids as they were named, or "all"."""
        return self._names

    def __len__(self) -> int:
        if self._names == ALL:
            raise MissingAttribute(self, "the list behind `all`")
        return len(self._names)

    def __getitem__(self, index: int) -> Organization:
        return self._moment.organization(self._names[index])

    def __repr__(self) -> str:
        return "a list of organizations"

    @predicate("all {it} are {0} or lie below it", "not all {it} are {0} or lie below it")
    def all_within(self, organization: Organization) -> bool:
        """Whether each of them is `organization` or lies below it; an unknown one does not."""
        if self._names == ALL:
            return False
        known, above = self._moment.directory.kinds["organization"], organization._record.key[1]
        for name in self._names:
            record = known.get(name)
            if record is None or above not in record.path:
                return False
        return True

    @predicate("all {it} lie below {0}", "not all {it} lie below {0}")
    def all_below(self, organization: Organization) -> bool:
        """Whether each of them lies below `organization`; `all` do, unless nothing can be below."""
        if self._names == ALL:
            return not organization.is_leaf
        known, above = self._moment.directory.kinds["organization"], organization._record.key[1]
        for name in self._names:
            record = known.get(name)
            if record is None or above not in record.path[:-1]:
                return False
        return True

    @predicate("the {it} lie in one account", "the {it} lie in several accounts")
    def in_one_account(self) -> bool:
        """Whether no two of them lie in different level-2 accounts."""
        if self._names == ALL:
            raise MissingAttribute(self, "the list behind `all`")
        known, account = self._moment.directory.kinds["organization"], None
        for name in self._names:
            record = known.get(name)
            if record is None:
                raise UnknownEntity("organization", name)
            if len(record.path) >= ACCOUNT_LEVEL:
                before, account = account, record.path[ACCOUNT_LEVEL - 1]
                if before is not None and before != account:
                    return False
        return True


class Item(Placed):
    """A resource that lies in one organization, stored or described by a request."""

    __slots__ = ()
    _record: ResourceRecord

    def _said(self, name: str) -> Any:
        return self._record.attributes.get(name)

    def _is_said(self, name: str) -> bool:
        return self._record.attributes.get(name) is not None

    @fact("organization", "{it} belongs to {value}")
    def organization(self) -> Organization:
        """The organization that owns it."""
        return self._moment.organization(self._record.organization)

    @predicate("{it} is shared with {0}", "no share of {it} in force reaches {0}")
    def shared_with(self, organization: Organization) -> bool:
        """Whether a share in force reaches this organization, or one below it (step 4 of 2.7)."""
        path = organization._record.path
        # Where it lies before who shares in it: a search asks the one of many at once.
        if self._record.organization not in path[:-1] or not self._record.shares:
            return False
        reached = self._reaches(path)
        if reached:
            return True
        organizations = self._moment.directory.kinds["organization"]
        return names_one_below(self._record.shares, path[-1], organizations, self._moment.lies_in)

    @predicate("{it} can be used in {0}", "{it} cannot be used in {0}")
    def usable_in(self, organization: Organization) -> bool:
        """Whether it can be used for what belongs to this organization.

        It can if it lies there, if it lies below (S1-24: what is below is looked after from above),
        or if it is shared with that very organization.
        """
        path = organization._record.path
        if self._record.organization == path[-1]:
            return True  # as almost all do, so that nothing else is looked up
        organizations = self._moment.directory.kinds["organization"]
        if path[-1] in organizations[self._record.organization].path:
            return True
        return self._reaches(path)

    def _reaches(self, path: tuple[str, ...]) -> bool:
        """Whether a share in force reaches exactly the last organization of `path`."""
        shares = self._record.shares
        if not shares:
            return False
        lies_in = self._moment.lies_in
        for share in shares:
            if not lies_in(share.valid_from, share.valid_until):
                continue
            if reached_through(share, self._record.organization, path) is not None:
                return True
        return False


class Shareable(Item):
    """A resource of a type that can be shared with sub-accounts (S1-28)."""

    __slots__ = ()


def item_class(known: EntityType, classes: Mapping[str, type[Entity]]) -> type[Item]:
    """The class of a declared type, with a readable attribute for each that is declared.

    `classes` has the class of every type by the time that an attribute is read.
    """
    base = Shareable if known.shareable else Item
    doc = f"A resource of type {known.name}."
    return _class(known.class_name, base, doc, known.attributes.values(), classes)


class Given(Readable):
    """Values that came with the request, by the names declared for its action or its context."""

    __slots__ = ("_declared", "_moment", "_values")
    FIELDS = ("_moment", "_declared", "_values")

    def __init__(self, moment, declared: Attributes, values: Mapping[str, Any]):
        self._moment = moment
        self._declared = declared
        self._values = values

    def _said(self, name: str) -> Any:
        if name not in self._declared:
            raise MissingAttribute(self, name)
        return self._values.get(name)

    def _is_said(self, name: str) -> bool:
        return name in self._declared and self._values.get(name) is not None

    def __repr__(self) -> str:
        return "the request"


def given_class(
    name: str, kinds: Mapping[str, str], classes: Mapping[str, type[Entity]]
) -> type[Given]:
    """A class of given values from which a policy may read these names, each of its kind.

    A name declared for another action only is absent, and reading it fails the decision closed.
    """
    attributes = [Attribute(known, kind, True) for known, kind in kinds.items()]
    return _class(name, Given, "What came with the request.", attributes, classes)


def _class(
    name: str,
    base: type[Readable],
    doc: str,
    attributes: Iterable[Attribute],
    classes: Mapping[str, type[Entity]],
) -> type:
    members: dict[str, Any] = {"__slots__": (), "__doc__": doc, "PRESENT": {}}
    for attribute in attributes:
        read, present = _reading(attribute, classes)
        optional = ", if it has one" if attribute.optional else ""
        read.__name__ = attribute.name
        read.polar_read = Read(
            attribute.name,
            attribute.kind,
            False,
            f"Its {attribute.name}{optional}.",
            says=f"the {attribute.name} of {{it}} is {{value}}",
            foreign=attribute.kind in ("string", "strings"),
        )
        members[attribute.name] = property(read)
        if present is not None:
            members["PRESENT"][attribute.name] = present
    return type(name, (base,), members)


def _reading(
    attribute: Attribute, classes: Mapping[str, type[Entity]]
) -> tuple[Callable[[Any], Any], Callable[[Any], bool] | None]:
    """How a declared attribute is read, and how to see whether it is there without reading it.

    What is read is the value itself, or the entity that it names. Each kind has a function of its
    own: compiled plans take over what it does.
    """
    name, kind, optional = attribute

    def value_itself(self) -> Any:
        value = self._said(name)
        if value is None:
            raise MissingAttribute(self, name)
        return value

    def entity(self) -> Entity:
        value = self._said(name)
        if value is None:
            raise MissingAttribute(self, name)
        named = self._moment.directory.kinds.get(kind)
        record = None if named is None else named.get(value)
        if record is None:
            raise MissingAttribute(self, name, dangling=True)
        return classes[kind](self._moment, record)

    def organization(self) -> Organization:
        value = self._said(name)
        if value is None:
            raise MissingAttribute(self, name)
        record = self._moment.directory.kinds["organization"].get(value)
        if record is None:
            raise MissingAttribute(self, name, dangling=True)
        return Organization(self._moment, record)

    def organizations(self) -> Organizations:
        value = self._said(name)
        if value is None:
            # An absent list is an empty one: `request.filter.all_within(x)` holds without a filter.
            if not optional:
                raise MissingAttribute(self, name)
            value = []
        return Organizations(self._moment, value)

    def whichever(self) -> Any:
        # Two actions declare the name, each of another kind.
        self._said(name)
        read, _ = _reading(self._declared[name], classes)
        return read(self)

    def is_said(self) -> bool:
        return self._is_said(name)

    if kind == ANY_KIND:
        return whichever, None
    if kind in LIST_KINDS:
        return organizations, None
    if kind in PLAIN_KINDS:
        return value_itself, is_said
    return (organization if kind == "organization" else entity), is_said


def described(key: Key, organization: str, attributes: Mapping[str, Any]) -> ResourceRecord:
    """The record of a resource that is not in the world, as a request describes it."""
    return ResourceRecord(key, organization, attributes, (), ())
