"""All facts at one revision.

A directory never changes. A change makes the next one, which shares all it did not touch with the
one before (hash array mapped tries), so that a snapshot costs nothing, a question sees one
revision from beginning to end, and a change costs in proportion to what it changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from immutables import Map

from service.domain.identifiers import Key
from service.domain.organizations import DEFAULT_LEVELS
from service.domain.records import OrganizationRecord, Record

LinkKey = tuple[str, str, str]
"""Who is pointed to, and as what: ("organization", "NSO", "parent") is where NSO is a parent."""

_NONE: Map = Map()


class Tree(NamedTuple):
    """The organizations by id alone, and the few that decisions must know more of.

    All of it stands in the records too. It is asked for in every decision, so it is kept at hand.
    """

    organizations: "Map[str, OrganizationRecord]" = _NONE
    closed: "Map[str, str]" = _NONE
    """The status of each organization that is not active."""
    gated: "Map[str, None]" = _NONE
    """The accounts whose people need an active subscription."""

    def put(self, record: OrganizationRecord) -> "Tree":
        """The tree in which this record stands in place of the one of the same id."""
        name, rest = record.key[1], self.remove(record.key[1])
        closed, gated = rest.closed, rest.gated
        if record.status != "active":
            closed = closed.set(name, record.status)
        if record.subscription_required:
            gated = gated.set(name, None)
        return Tree(rest.organizations.set(name, record), closed, gated)

    def remove(self, name: str) -> "Tree":
        """The tree without this organization, whether it was there or not."""
        return Tree(*(marks.delete(name) if name in marks else marks for marks in self))


@dataclass(frozen=True, slots=True)
class Directory:
    """Records by key, and the links between them in the direction in which nobody wrote them."""

    revision: int = 0
    levels: int = DEFAULT_LEVELS
    records: "Map[Key, Record]" = _NONE
    links: "Map[LinkKey, Map[Key, None]]" = _NONE
    tree: Tree = Tree()

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
        entries, links, tree = self.records.mutate(), self.links.mutate(), self.tree
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
                tree = tree.put(record)
        return replace(self, records=entries.finish(), links=links.finish(), tree=tree)

    def remove(self, key: Key) -> "Directory":
        """The directory without the record of `key`, which must be there."""
        links = self.links.mutate()
        for end in _ends(self.records[key]):
            _unlink(links, end, key)
        tree = self.tree.remove(key[1]) if key[0] == "organization" else self.tree
        return replace(self, records=self.records.delete(key), links=links.finish(), tree=tree)

    def at_revision(self, revision: int) -> "Directory":
        """The same facts under another number."""
        return replace(self, revision=revision)


def directory_of(records: dict[Key, Record], levels: int, revision: int) -> Directory:
    """A directory of many records at once: the same as putting them one by one, and faster."""
    links: dict[LinkKey, dict[Key, None]] = {}
    tree = Tree()
    for key, record in records.items():
        if isinstance(record, OrganizationRecord):
            tree = tree.put(record)
        for target, relation, _ in record.links():
            links.setdefault((*target, relation), {})[key] = None
    ends = Map({end: Map(sources) for end, sources in links.items()})
    return Directory(revision, levels, Map(records), ends, tree)


def _ends(record: Record) -> set[LinkKey]:
    return {(*target, relation) for target, relation, _ in record.links()}


def _unlink(links, end: LinkKey, source: Key) -> None:
    rest = links[end].delete(source)
    if rest:
        links[end] = rest
    else:
        del links[end]
