"""What rules can tell of an entity, and what it has in common with all that they cannot tell apart.

A read is a function of the *support* of what it is asked of: the records that can be reached from
it (its organizations with those above, its shares, its subscriptions, what its attributes name).
And it sees an id only to compare it with another. So if the support of one entity becomes that of
another by giving other ids to organizations, and those that the other side of a question can reach
keep theirs (`fixed`), then every read of one is answered as that of the other, and so is every
question. A *form* is the support with all ids replaced by numbers, in the order in which they are
met, but for the fixed ones: equal forms, equal answers.

Of a user's memberships besides the one acted for, no rule sees more than whether they lie at or
below an organization that it has reached some other way, unless it reads `organizations`. Nor does
a share show its targets otherwise. So of both, a form holds only how they lie to what is known.

Users keep no id at all; questions in which one user could meet himself on both sides are for the
caller to single out. A law that reads `id` tells everything apart, and no two forms are equal.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.domain.identifiers import Key
from service.domain.records import (
    ALL,
    OrganizationRecord,
    PartnerRecord,
    ResourceRecord,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import LIST_KINDS, PLAIN_KINDS, Schema
from service.policy.policy_set import PolicySet
from service.policy.source import attribute_reads

Names = dict[Hashable, int]


class Sight(NamedTuple):
    """What the rules of a law can see of an entity besides how it lies to others."""

    schema: Schema
    ids: bool
    """Whether any of them reads `id`."""
    members: bool
    """Whether any of them goes through the `organizations` of a user."""


def sight_of(policies: PolicySet) -> Sight:
    """What the rules of this law can see."""
    read = {name for each in attribute_reads(policies.files) for name in each.chain}
    return Sight(policies.schema, "id" in read, "organizations" in read)


class Forms:
    """The forms of a directory's entities beside these fixed organizations."""

    def __init__(self, directory: Directory, sight: "Sight", fixed: frozenset[str]):
        self._directory = directory
        self._sight = sight
        self._schema = sight.schema
        self._fixed = fixed
        self._lines: dict[str, int] = {}
        self._numbers: dict[Hashable, int] = {}

    def of_resource(self, key: Key, place: str | None) -> Hashable:
        """The form of a resource, described at `place` if that is one; None if it is not there."""
        directory = self._directory
        if self._sight.ids:
            return key, place, self._directory.revision
        if place is not None:
            is_there = place in directory.organizations
            return (key[0], self.line(place), ()) if is_there else None
        record = directory.records.get(key)
        kind = type(record)
        # The plain cases are nearly all, and hang on the line of one organization alone.
        if kind is ResourceRecord and not record.shares and not record.references:
            plain = tuple(record.attributes.items())
            if all(type(value) is not list for _, value in plain):
                return key[0], self.line(record.organization), plain
        elif kind is OrganizationRecord:
            return key[0], self.line(key[1])
        elif kind is UserRecord and not self._sight.members:
            return self._member(record, ())
        return None if record is None else self._whole(key, ())

    def of_subject(self, key: Key, place: str | None) -> Hashable:
        """The form of a subject who acts for `place`; None if there is no such subject."""
        record = self._directory.records.get(key)
        if self._sight.ids:
            return key, place, self._directory.revision
        if not isinstance(record, UserRecord):
            return None if record is None else self._whole(key, ())
        role = dict(record.memberships).get(place)
        if role is None:
            return None
        form = record.type, record.status, self.line(place), role
        if len(record.memberships) == 1 and not record.subscriptions:
            return form
        if self._sight.members or record.subscriptions:
            return form, self._whole(key, (place,))
        known = self._directory.organizations[place].path
        own = {(self._spelled(name, known), None) for name in known}
        more = self._lying(record, known) - own - {(self._spelled(place, known), role)}
        return (form, more) if more else form

    def _lying(self, record: UserRecord, known: Sequence[str]) -> frozenset[Hashable]:
        """How the user's memberships lie to what is known: below it, or right there and as what."""
        tree = self._directory.organizations
        return frozenset(
            (self._spelled(above, known), role if above == name else None)
            for name, role in record.memberships
            for above in tree[name].path
            if above in self._fixed or above in known
        )

    def _member(self, record: UserRecord, known: Sequence[str]) -> Hashable:
        return "user", record.type, record.status, self._lying(record, known)

    def _spelled(self, name: str, known: Sequence[str]) -> Hashable:
        return name if name in self._fixed else known.index(name)

    def _whole(self, key: Key, first: Sequence[str]) -> Hashable:
        """The form of an entity by its whole support; organizations are met from `first` on."""
        names: Names = {}
        late: list[ResourceRecord | UserRecord] = []
        form = (*(self._line(name, names) for name in first), self._form(key, names, late))
        # What lies to others comes last: by then it is known to which.
        known = [name for name in names if isinstance(name, str)]
        return form, tuple(
            self._member(each, known) if isinstance(each, UserRecord) else self._shares(each, known)
            for each in late
        )

    def line(self, name: str) -> int:
        """A number for the form of an organization and all above it, met before anything else."""
        number = self._lines.get(name)
        if number is None:
            form = self._line(name, {})
            number = self._lines[name] = self._numbers.setdefault(form, len(self._numbers))
        return number

    def _line(self, name: str, names: Names) -> Hashable:
        known = self._directory.organizations
        path = known[name].path
        places = tuple(
            (self._name(each, names), known[each].kind, known[each].status)
            + (known[each].subscription_required,)
            for each in path
        )
        return places, self._bought(path, names)

    def _name(self, name: str, names: Names) -> Hashable:
        return name if name in self._fixed else names.setdefault(name, len(names))

    def _bought(self, path: tuple[str, ...], names: Names) -> Hashable:
        if len(path) < ACCOUNT_LEVEL:
            return ()
        keys = self._directory.linked(("organization", path[ACCOUNT_LEVEL - 1]), "subscription")
        found = [self._directory.records[key] for key in keys]
        found.sort(key=lambda record: (record.starts, record.key))
        return tuple(self._term(record, names) for record in found)

    def _term(self, record: SubscriptionRecord, names: Names) -> Hashable:
        number = names.setdefault(record.key, len(names))
        return number, record._replace(key=("", ""), organization="", entitlements=0)

    def _form(self, key: Key, names: Names, late: list[ResourceRecord | UserRecord]) -> Hashable:
        record = self._directory.records.get(key)
        if isinstance(record, UserRecord):
            if not self._sight.members:
                late.append(record)
                return tuple(
                    self._form(("subscription", name), names, late) for name in record.subscriptions
                )
            places = tuple((self._line(name, names), role) for name, role in record.memberships)
            mapped = tuple(
                self._form(("subscription", name), names, late) for name in record.subscriptions
            )
            return key[0], record.type, record.status, places, mapped
        if isinstance(record, OrganizationRecord):
            return key[0], self._line(key[1], names)
        if isinstance(record, PartnerRecord):
            return key[0], record.role, self._line(record.organization, names)
        if isinstance(record, SubscriptionRecord):
            return self._line(record.organization, names), self._term(record, names)
        if record is None:
            return key[0]
        place = self._line(record.organization, names)
        late.append(record)
        values = tuple(
            (name, self._value(key[0], name, value, names, late))
            for name, value in sorted(record.attributes.items())
        )
        return key[0], place, values

    def _value(
        self,
        kind: str,
        name: str,
        value: Any,
        names: Names,
        late: list[ResourceRecord | UserRecord],
    ) -> Hashable:
        declared = self._schema.types[kind].attributes.get(name)
        if declared is None or declared.kind in PLAIN_KINDS or value == ALL:
            return tuple(value) if isinstance(value, list) else value
        if declared.kind in LIST_KINDS:
            known = self._directory.organizations
            return tuple(self._line(each, names) if each in known else None for each in value)
        return self._form((declared.kind, value), names, late)

    def _shares(self, item: ResourceRecord, known: Sequence[str]) -> Hashable:
        tree = self._directory.organizations
        return tuple(
            (
                share._replace(targets=None),
                share.targets is None,
                frozenset(
                    (self._spelled(name, known), name == target)
                    for target in share.targets or ()
                    for name in tree[target].path
                    if name in self._fixed or name in known
                ),
            )
            for share in item.shares
        )


def reached(directory: Directory, schema: Schema, key: Key) -> Iterator[str]:
    """Every organization in the support of the entity of this key; some more than once."""
    record = directory.records.get(key)
    known = directory.organizations
    if isinstance(record, OrganizationRecord):
        yield from record.path
    elif isinstance(record, UserRecord):
        for name, _ in record.memberships:
            yield from known[name].path
        for name in record.subscriptions:
            yield from reached(directory, schema, ("subscription", name))
    elif record is not None:
        yield from known[record.organization].path
        if isinstance(record, ResourceRecord):
            for share in record.shares:
                for target in share.targets or ():
                    yield from known[target].path
            for link in record.references:
                yield from reached(directory, schema, link.target)
