"""All facts at one revision.

A directory never changes. A change makes the next one, which shares all it did not touch with the
one before (`layers.py`, hash array mapped tries), so that a snapshot costs nothing, a question sees
one revision from beginning to end, and a change costs in proportion to what it changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from immutables import Map

from service.domain.identifiers import Key
from service.domain.layers import Named, changed, gathered
from service.domain.organizations import DEFAULT_LEVELS
from service.domain.records import OrganizationRecord, Record, UserRecord

LinkKey = tuple[str, str, str]
"""Who is pointed to, and as what: ("organization", "NSO", "parent") is where NSO is a parent."""

SCATTERED: LinkKey = ("user", "", "scattered")
"""Where the users are found who are members of no organization, or of several."""

Kinds = Mapping[str, Named]
"""The records of each kind by id. A mapping that is made once and never changed."""

ORGANIZATION = "organization"

_NONE: Map = Map()
_NO_RECORDS: Named = {}


class Records(Mapping[Key, Record]):
    """All records by key. Decisions look into `Directory.kinds` instead, one look-up less deep."""

    __slots__ = ("_kinds",)

    def __init__(self, kinds: Kinds):
        self._kinds = kinds

    def __getitem__(self, key: Key) -> Record:
        record = self._kinds.get(key[0], _NO_RECORDS).get(key[1])
        if record is None:
            raise KeyError(key)
        return record

    def __iter__(self) -> Iterator[Key]:
        return ((kind, name) for kind, named in self._kinds.items() for name in named)

    def __len__(self) -> int:
        return sum(len(named) for named in self._kinds.values())


@dataclass(frozen=True, slots=True)
class Marks:
    """The few organizations that decisions must know more of: it all stands in the records too."""

    closed: "Map[str, str]" = _NONE
    """The status of each organization that is not active."""
    gated: "Map[str, None]" = _NONE
    """The accounts whose people need an active subscription."""
    roots: "Map[str, None]" = _NONE
    """The organizations of level 1."""

    def put(self, record: OrganizationRecord) -> "Marks":
        """The marks when this record stands in place of the one of the same id."""
        name, rest = record.key[1], self.remove(record.key[1])
        closed, gated, roots = rest.closed, rest.gated, rest.roots
        if record.status != "active":
            closed = closed.set(name, record.status)
        if record.subscription_required:
            gated = gated.set(name, None)
        if len(record.path) == 1:
            roots = roots.set(name, None)
        return Marks(closed, gated, roots)

    def remove(self, name: str) -> "Marks":
        """The marks without those of this organization, whether it has any or not."""
        every = (self.closed, self.gated, self.roots)
        return Marks(*(marked.delete(name) if name in marked else marked for marked in every))


@dataclass(frozen=True, slots=True)
class Directory:
    """Records by kind and id, and the links between them against the direction they are written."""

    revision: int = 0
    levels: int = DEFAULT_LEVELS
    kinds: Kinds = field(default_factory=lambda: {ORGANIZATION: _NO_RECORDS})
    """Organizations are always among them; of no other kind there are none."""
    links: "Map[LinkKey, Map[Key, None]]" = _NONE
    marks: Marks = Marks()

    @property
    def records(self) -> Records:
        """All records by key."""
        return Records(self.kinds)

    @property
    def organizations(self) -> Mapping[str, OrganizationRecord]:
        """The records of the organizations by id."""
        return self.kinds[ORGANIZATION]

    def get(self, key: Key) -> Record | None:
        """The record of `key`, or None."""
        return self.kinds.get(key[0], _NO_RECORDS).get(key[1])

    def linked(self, key: Key, relation: str) -> "Map[Key, None]":
        """Everything that points to `key` as `relation`, in no particular order."""
        return self.links.get((*key, relation), _NONE)

    def children(self, organization: str) -> list[str]:
        """The ids of the organizations directly below, in order."""
        return sorted(name for _, name in self.linked(("organization", organization), "parent"))

    def subtree(self, organization: str) -> Iterator[str]:
        """`organization` and everything below it, each after what stands above it."""
        pending = [organization]
        while pending:
            name = pending.pop()
            yield name
            pending.extend(reversed(self.children(name)))

    def scattered_users(self) -> "Map[Key, None]":
        """The users who are members of no organization, or of several, in no particular order."""
        return self.links.get(SCATTERED, _NONE)

    def of_kind(self, kind: str) -> Iterator[Record]:
        """Every record of one type, in no particular order."""
        return iter(self.kinds.get(kind, _NO_RECORDS).values())

    def put(self, records: Iterable[Record]) -> "Directory":
        """The directory in which these records stand in place of those of the same key."""
        kinds, links, marks = dict(self.kinds), self.links.mutate(), self.marks
        for kind, several in _by_kind(records).items():
            named = kinds.get(kind, _NO_RECORDS)
            now: dict[str, Record | None] = {}
            for record in several:
                before = now.get(record.key[1]) or named.get(record.key[1])
                after_links = _ends(record)
                before_links = _ends(before) if before is not None else set()
                for end in before_links - after_links:
                    _unlink(links, end, record.key)
                for end in after_links - before_links:
                    links[end] = links.get(end, _NONE).set(record.key, None)
                now[record.key[1]] = record
                if isinstance(record, OrganizationRecord):
                    marks = marks.put(record)
            kinds[kind] = changed(named, now)
        return replace(self, kinds=kinds, links=links.finish(), marks=marks)

    def remove(self, key: Key) -> "Directory":
        """The directory without the record of `key`, which must be there."""
        kind, name = key
        links = self.links.mutate()
        for end in _ends(self.kinds[kind][name]):
            _unlink(links, end, key)
        kinds = {**self.kinds, kind: changed(self.kinds[kind], {name: None})}
        if kind != ORGANIZATION and not kinds[kind]:
            del kinds[kind]
        marks = self.marks.remove(name) if kind == ORGANIZATION else self.marks
        return replace(self, kinds=kinds, links=links.finish(), marks=marks)

    def gathered(self, most_records: int) -> "Directory":
        """The same facts, found sooner where something had changed: of kinds of which there are no
        more records than this. This directory itself, if there is no such kind."""
        kinds = {
            kind: gathered(named) if len(named) <= most_records else named
            for kind, named in self.kinds.items()
        }
        is_same = all(kinds[kind] is named for kind, named in self.kinds.items())
        return self if is_same else replace(self, kinds=kinds)

    def at_revision(self, revision: int) -> "Directory":
        """The same facts under another number."""
        return replace(self, revision=revision)


def directory_of(records: dict[Key, Record], levels: int, revision: int) -> Directory:
    """A directory of many records at once: the same as putting them one by one, and faster."""
    links: dict[LinkKey, dict[Key, None]] = {}
    marks = Marks()
    for key, record in records.items():
        if isinstance(record, OrganizationRecord):
            marks = marks.put(record)
        for target, relation, _ in record.links():
            links.setdefault((*target, relation), {})[key] = None
        if _is_scattered(record):
            links.setdefault(SCATTERED, {})[key] = None
    ends = Map({end: Map(sources) for end, sources in links.items()})
    kinds: dict[str, Named] = {ORGANIZATION: _NO_RECORDS}
    for kind, several in _by_kind(records.values()).items():
        kinds[kind] = {record.key[1]: record for record in several}
    return Directory(revision, levels, kinds, ends, marks)


def _by_kind(records: Iterable[Record]) -> dict[str, list[Record]]:
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(record.key[0], []).append(record)
    return kinds


def _ends(record: Record) -> set[LinkKey]:
    ends = {(*target, relation) for target, relation, _ in record.links()}
    if _is_scattered(record):
        ends.add(SCATTERED)
    return ends


def _is_scattered(record: Record) -> bool:
    return isinstance(record, UserRecord) and len(record.memberships) != 1


def _unlink(links, end: LinkKey, source: Key) -> None:
    rest = links[end].delete(source)
    if rest:
        links[end] = rest
    else:
        del links[end]
