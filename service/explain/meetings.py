"""Questions in which somebody could meet himself: on both sides, or named on both sides.

Forms forget which user is which, and which partner and which resource, so that these questions are
decided each for itself. Organizations need no such care: forms keep the ids of those that the other
side can reach, and tell the subscriptions of one account apart.
"""

from collections.abc import Callable, Iterable, Iterator

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import ResourceRecord
from service.domain.schema import Schema
from service.explain.affected import attribute_relations

_TOLD_APART = ("organization", "subscription")


class Meetings:
    """Who names whom, in either of two directories."""

    def __init__(self, directories: tuple[Directory, Directory], schema: Schema):
        self._directories = directories
        self._relations = attribute_relations(schema)

    def of(self, key: Key) -> set[Key]:
        """All that are, or name, what this entity is or names; it may be at several removes."""
        named = [each for each in _closure(key, self._named) if each[0] not in _TOLD_APART]
        return {key, *(met for each in named for met in _closure(each, self._naming))}

    def _named(self, key: Key) -> Iterator[Key]:
        for directory in self._directories:
            record = directory.get(key)
            if isinstance(record, ResourceRecord):
                yield from (link.target for link in record.references)

    def _naming(self, key: Key) -> Iterator[Key]:
        for directory in self._directories:
            for relation in self._relations:
                yield from directory.linked(key, relation)


def _closure(key: Key, further: Callable[[Key], Iterable[Key]]) -> set[Key]:
    found, pending = {key}, [key]
    while pending:
        for other in further(pending.pop()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found
