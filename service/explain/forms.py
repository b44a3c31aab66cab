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

Users, partners and resources keep no id at all; questions in which one could meet itself on both
sides are for the caller to single out (`meetings`). A law that reads `id` tells everything apart,
and no two forms are equal.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import (
    ALL,
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    Share,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import LIST_KINDS, PLAIN_KINDS
from service.explain.lines import Lines, Names
from service.explain.questions import Resource, Subject
from service.explain.sight import Sight


class Forms:
    """The forms of a directory's entities beside these fixed organizations.

    They can be compared with each other, and with those of other directories that were made with
    the same `numbers`.
    """

    def __init__(
        self,
        directory: Directory,
        sight: Sight,
        fixed: frozenset[str],
        numbers: dict[Hashable, int] | None = None,
    ):
        self._directory = directory
        self._tree = directory.organizations
        self._sight = sight
        self._schema = sight.schema
        self._fixed = fixed
        self._lines = Lines(directory, fixed, numbers)
        self._lies: dict[tuple[str, str], frozenset[Hashable]] = {}
        self._aims: dict[str, dict[str, frozenset[Hashable]]] = {}

    def of(self, member: Subject | Resource) -> Hashable:
        """The form of a subject or a resource."""
        return (self.of_subject if type(member) is Subject else self.of_resource)(*member)

    def of_resource(self, key: Key, place: str | None) -> Hashable:
        """The form of a resource, described at `place` if that is one; None if it is not there."""
        if place is not None:
            return self.of_described(key, place)
        record = self._directory.get(key)
        return None if record is None else self.of_stored(record)

    def of_described(self, key: Key, place: str) -> Hashable:
        """The form of a resource described at `place`; None if there is no such organization."""
        if self._sight.ids:
            return key, place
        return (key[0], self._lines.number(place), (), ()) if place in self._tree else None

    def of_place(self, name: str) -> Hashable:
        """The form of an organization, and of whatever is described by lying there alone."""
        return name if self._sight.ids else self._lines.number(name)

    def sketch_of(self, kind: str) -> Callable[[Record], Hashable]:
        """What records of this kind have in common only if all their forms are equal here.

        It is made faster than a form, or it is one. Nothing follows if two are different.
        """
        if self._sight.ids:
            return attrgetter("key")
        if kind == "user":
            return self._sketch_of_user
        return attrgetter("organization", "shares") if kind in self._sight.bare else self.of_stored

    def _sketch_of_user(self, record: UserRecord) -> Hashable:
        if len(record.memberships) != 1 or record.subscriptions:
            return record.key
        place, role = record.memberships[0]
        return record.type, record.status, self._lines.number(place), role

    def of_stored(self, record: Record) -> Hashable:
        """The form of a resource that this is the record of."""
        key = record.key
        if self._sight.ids:
            return key
        kind = type(record)
        # The plain cases are nearly all, and hang on the line of one organization alone.
        if kind is ResourceRecord:
            if not record.references and key[0] not in self._sight.listing:
                place, values, shares = record.organization, record.attributes, record.shares
                return (
                    key[0],
                    self._lines.number(place),
                    tuple(values.items()) if values else (),
                    tuple([self._share(each, place) for each in shares]) if shares else (),
                )
        elif kind is OrganizationRecord:
            return key[0], self._lines.number(key[1])
        elif kind is UserRecord and not self._sight.members:
            return "user", record.type, record.status, self._held(record)
        return self._whole(key, ())

    def of_subject(self, key: Key, place: str | None) -> Hashable:
        """The form of a subject who acts for `place`; None if there is no such subject."""
        record = self._directory.get(key)
        if not isinstance(record, UserRecord):
            return None if record is None else self.of_stored(record)
        is_member = any(name == place for name, _ in record.memberships)
        return self.of_user(record, place) if is_member else None

    def of_user(self, record: UserRecord, place: str) -> Hashable:
        """The form of a user who acts for `place`, of which he is a member."""
        if self._sight.ids:
            return record.key, place
        form = self._sketch_of_user(record)
        if form is not record.key:
            return form
        role = dict(record.memberships)[place]
        form = record.type, record.status, self._lines.number(place), role
        if self._sight.members or record.subscriptions:
            return form, self._whole(record.key, (place,))
        known = self._tree[place].path
        spelled = self._lines.spelled
        own = {(spelled(name, known), None) for name in known} | {(spelled(place, known), role)}
        there = ((spelled(name, known), of) for name, of in record.memberships if name in known)
        more = self._held(record).union(there) - own
        return (form, more) if more else form

    def _held(self, record: UserRecord) -> frozenset[Hashable]:
        """How the user's memberships lie to the fixed organizations."""
        found = []
        for membership in record.memberships:
            lies = self._lies.get(membership)
            if lies is None:
                place, role = membership
                lies = self._lies[membership] = frozenset(
                    (name, role if name == place else None)
                    for name in self._tree[place].path
                    if name in self._fixed
                )
            found.append(lies)
        return found[0] if len(found) == 1 else frozenset().union(*found)

    def _lying(self, record: UserRecord, known: Sequence[str]) -> frozenset[Hashable]:
        """How the user's memberships lie to what is known: below it, or right there and as what."""
        return frozenset(
            (self._lines.spelled(above, known), role if above == name else None)
            for name, role in record.memberships
            for above in self._tree[name].path
            if above in self._fixed or above in known
        )

    def _member(self, record: UserRecord, known: Sequence[str]) -> Hashable:
        return "user", record.type, record.status, self._lying(record, known)

    def _whole(self, key: Key, first: Sequence[str]) -> Hashable:
        """The form of an entity by its whole support; organizations are met from `first` on."""
        names: Names = {}
        late: list[ResourceRecord | UserRecord] = []
        form = (*(self._lines.met(name, names) for name in first), self._form(key, names, late))
        # What lies to others comes last: by then it is known to which.
        known = [name for name in names if isinstance(name, str)]
        return form, tuple(
            self._member(each, known) if isinstance(each, UserRecord) else self._shares(each, known)
            for each in late
        )

    def _form(self, key: Key, names: Names, late: list[ResourceRecord | UserRecord]) -> Hashable:
        record = self._directory.get(key)
        if isinstance(record, OrganizationRecord):
            return key[0], self._lines.met(key[1], names)
        if isinstance(record, SubscriptionRecord):
            return self._lines.met(record.organization, names), self._lines.term(record, names)
        if record is None:
            return key[0]
        if key in names:
            return key[0], names[key]
        return key[0], names.setdefault(key, len(names)), self._first_met(record, names, late)

    def _first_met(
        self, record: Record, names: Names, late: list[ResourceRecord | UserRecord]
    ) -> Hashable:
        if isinstance(record, PartnerRecord):
            return record.role, self._lines.met(record.organization, names)
        if isinstance(record, UserRecord):
            places: Hashable = ()
            if self._sight.members:
                met = self._lines.met
                places = tuple((met(name, names), role) for name, role in record.memberships)
            else:
                late.append(record)
            mapped = (
                self._form(("subscription", each), names, late) for each in record.subscriptions
            )
            return record.type, record.status, places, tuple(mapped)
        place = self._lines.met(record.organization, names)
        late.append(record)
        values = tuple(
            (name, self._value(record.key[0], name, value, names, late))
            for name, value in sorted(record.attributes.items())
        )
        return place, values

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
            known = self._tree
            return tuple(self._lines.met(each, names) if each in known else None for each in value)
        return self._form((declared.kind, value), names, late)

    def _shares(self, item: ResourceRecord, known: Sequence[str]) -> Hashable:
        return tuple(
            (
                *_terms(share),
                frozenset(
                    lies for target in share.targets or () for lies in self._aim(target, known)
                ),
            )
            for share in item.shares
        )

    def _share(self, share: Share, owner: str) -> Hashable:
        """The form of a share of what lies in `owner`, if nothing else is met."""
        if share.targets is None:
            return _terms(share)
        aims = self._aims.setdefault(owner, {})
        found = []
        for target in share.targets:
            aim = aims.get(target)
            if aim is None:
                aim = aims[target] = self._aim(target, self._tree[owner].path)
            found.append(aim)
        return *_terms(share), frozenset().union(*found)

    def _aim(self, target: str, known: Sequence[str]) -> frozenset[Hashable]:
        """How an organization that a share names lies to what is known: at or below it."""
        return frozenset(
            (self._lines.spelled(name, known), name == target)
            for name in self._tree[target].path
            if name in self._fixed or name in known
        )


def _terms(share: Share) -> tuple[Hashable, ...]:
    return share.targets is None, share.descendants, share.valid_from, share.valid_until


def reached(directory: Directory, key: Key) -> Iterator[str]:
    """Every organization in the support of the entity of this key; some more than once."""
    known, seen, pending = directory.organizations, {key}, [key]
    while pending:
        record = directory.get(pending.pop())
        if isinstance(record, OrganizationRecord):
            yield from record.path
        elif isinstance(record, UserRecord):
            for name, _ in record.memberships:
                yield from known[name].path
            pending += [("subscription", name) for name in record.subscriptions]
        elif record is not None:
            yield from known[record.organization].path
            if isinstance(record, ResourceRecord):
                for share in record.shares:
                    for target in share.targets or ():
                        yield from known[target].path
                further = {link.target for link in record.references} - seen
                seen |= further  # resources may name each other in a circle
                pending += further
