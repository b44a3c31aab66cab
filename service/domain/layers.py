"""Records by id: many that came together, and the few that were put or removed since.

A dict is looked into faster than anything that shares what it holds with the next version of
itself, and a decision does little else. So what came together stays in one dict, which all versions
share and nobody changes, and what has changed since lies before it in a small map of its own.
Looking past that costs what a large map would; once it has grown to a quarter, both become one dict
again, so that a change costs a few steps, however much there is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from immutables import Map

from service.domain.records import Record

Named = Mapping[str, Record]
"""Records by id: a dict that nobody changes, or one with changes before it."""
MOST_CHANGED = 4
"""One in so many may lie before the dict."""

_NOTHING: "Map[str, Record | None]" = Map()
_UNCHANGED: Any = object()


class Layered(Named):
    """A dict of records, and before it those that stand in their place; None where one is gone."""

    __slots__ = ("_base", "_changed", "_count")

    def __init__(self, base: Named, changed: "Map[str, Record | None]", count: int):
        self._base = base
        self._changed = changed
        self._count = count

    def get(self, name: str, otherwise: Any = None) -> Any:
        found = self._changed.get(name, _UNCHANGED)
        if found is _UNCHANGED:
            return self._base.get(name, otherwise)
        return otherwise if found is None else found

    def __getitem__(self, name: str) -> Record:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.items())

    def items(self) -> Iterator[tuple[str, Record]]:  # type: ignore[override]
        changed = self._changed
        for name, record in self._base.items():
            if name not in changed:
                yield name, record
        for name, record in changed.items():
            if record is not None:
                yield name, record

    def values(self) -> Iterator[Record]:  # type: ignore[override]
        return (record for _, record in self.items())


def changed(named: Named, changes: Mapping[str, Record | None]) -> Named:
    """The records with these in place of those of the same id; None stands for no record."""
    base, before = _layers(named)
    count, now = len(named), before.mutate()
    for name, record in changes.items():
        count += (record is not None) - (name in named)
        if record is None and name not in base:
            now.pop(name, None)
        else:
            now[name] = record
    before_it = now.finish()
    if not before_it:
        return base
    layered = Layered(base, before_it, count)
    return gathered(layered) if MOST_CHANGED * len(before_it) > len(base) else layered


def gathered(named: Named) -> Named:
    """The same records in one dict, which takes longer the more there are."""
    if type(named) is not Layered:
        return named
    base, changes = _layers(named)
    together = dict(base)
    for name, record in changes.items():
        if record is None:
            del together[name]
        else:
            together[name] = record
    return together


def may_differ(one: Named, other: Named) -> Iterator[str]:
    """Each id, once, under which the two may hold different records, or only one holds any."""
    (base, mine), (other_base, theirs) = _layers(one), _layers(other)
    if base is not other_base:
        mine, theirs = one, other
    yield from mine
    yield from (name for name in theirs if name not in mine)


def _layers(named: Named) -> "tuple[Named, Map[str, Record | None]]":
    return (named._base, named._changed) if type(named) is Layered else (named, _NOTHING)
