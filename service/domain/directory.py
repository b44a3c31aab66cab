"""All facts at one revision.

A directory never changes. A change makes the next one, which shares all it did not touch with the
one before (hash array mapped tries), so that a snapshot costs nothing, a question sees one
revision from beginning to end, and a change costs in proportion to what it changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from immutables import Map

from service.domain.identifiers import Key
from service.domain.organizations import DEFAULT_LEVELS
from service.domain.records import OrganizationRecord, Record

LinkKey = tuple[str, str, str]
"""Who is pointed to, and as what: ("organization", "NSO", "parent") is where NSO is a parent."""

_NONE: Map = Map()


@dataclass(frozen=True, slots=True)
class Directory:
    """Records by key, and the links between them in the direction in which nobody wrote them."""

    revision: int = 0
    levels: int = DEFAULT_LEVELS
    records: "Map[Key, Record]" = _NONE
    links: "Map[LinkKey, Map[Key, None]]" = _NONE
    closed: "Map[str, str]" = _NONE
    """The status of each organization that is not active: few, and asked for in every decision."""
    gated: "Map[str, None]" = _NONE
    """The accounts whose people need an active subscription."""

    def get(self, key: Key) -> Record | None:
        """The record of `key`, or None."""
        return self.records.get(key)

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

    def of_kind(self, kind: str) -> Iterator[Record]:
        """Every record of one type, in no particular order. Walks the world: not for decisions."""
        return (record for key, record in self.records.items() if key[0] == kind)

    def put(self, records: Iterable[Record]) -> "Directory":
        """The directory in which these records stand in place of those of the same key."""
        entries, links = self.records.mutate(), self.links.mutate()
        closed, gated = self.closed, self.gated
        for record in records:
            before = entries.get(record.key)
            after_links = _ends(record)
            before_links = _ends(before) if before is not None else set()
            for end in before_links - after_links:
                _unlink(links, end, record.key)
            for end in after_links - before_links:
                links[end] = links.get(end, _NONE).set(record.key, None)
            entries[record.key] = record
            if isinstance(record, OrganizationRecord):
                closed, gated = _marked(closed, gated, record)
        return replace(
            self, records=entries.finish(), links=links.finish(), closed=closed, gated=gated
        )

    def remove(self, key: Key) -> "Directory":
        """The directory without the record of `key`, which must be there."""
        links = self.links.mutate()
        for end in _ends(self.records[key]):
            _unlink(links, end, key)
        rest = replace(self, records=self.records.delete(key), links=links.finish())
        if key[0] != "organization":
            return rest
        return replace(
            rest, closed=_without(self.closed, key[1]), gated=_without(self.gated, key[1])
        )

    def at_revision(self, revision: int) -> "Directory":
        """The same facts under another number."""
        return replace(self, revision=revision)


def directory_of(records: dict[Key, Record], levels: int, revision: int) -> Directory:
    """A directory of many records at once: the same as putting them one by one, and faster."""
    links: dict[LinkKey, dict[Key, None]] = {}
    closed = gated = _NONE
    for key, record in records.items():
        if isinstance(record, OrganizationRecord):
            closed, gated = _marked(closed, gated, record)
        for target, relation, _ in record.links():
            links.setdefault((*target, relation), {})[key] = None
    ends = Map({end: Map(sources) for end, sources in links.items()})
    return Directory(revision, levels, Map(records), ends, closed, gated)


def _marked(closed: Map, gated: Map, record: OrganizationRecord) -> tuple[Map, Map]:
    """`closed` and `gated` with what this organization is."""
    name = record.key[1]
    closed, gated = _without(closed, name), _without(gated, name)
    if record.status != "active":
        closed = closed.set(name, record.status)
    return closed, gated.set(name, None) if record.subscription_required else gated


def _without(marks: Map, name: str) -> Map:
    return marks.delete(name) if name in marks else marks


def _ends(record: Record) -> set[LinkKey]:
    return {(*target, relation) for target, relation, _ in record.links()}


def _unlink(links, end: LinkKey, source: Key) -> None:
    rest = links[end].delete(source)
    if rest:
        links[end] = rest
    else:
        del links[end]
