"""From areas to items: one after the other, in order of the tree, as many as somebody takes."""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.question import Question
from service.search.attempts import Area, find_areas
from service.search.candidates import SUPPOSED, Candidates, Said, place_of
from service.search.notes import Notes
from service.search.queries import Path
from service.search.regions import Region

Decides = Callable[[str], bool]
Chunk = tuple[Path, bool, list[str]]
"""Candidates at one place, by id; whether all of them are allowed without a question."""


class Position(NamedTuple):
    """A place in a list: behind this item, which lies there."""

    path: Path
    name: str


class Enumeration:
    """One search: how to decide about one candidate, and how to ask for many at once.

    Args:
        ask: the question about whatever stands for candidates.
        decides: whether the candidate of an id is allowed, as a single decision says.
        kind: the type of the candidates.
        acting: the request of a search for subjects, who stand where they act.
        trusting: whether the request says nothing of candidates that each has to agree with.
    """

    def __init__(
        self,
        engine: Engine,
        directory: Directory,
        ask: Callable[[Candidates, Notes], Question],
        decides: Decides,
        kind: str,
        acting: AccessRequest | None,
        trusting: bool,
    ):
        self.engine = engine
        self.directory = directory
        self.ask = ask
        self.decides = decides
        self.kind = kind
        self.acting = acting
        self.trusting = trusting

    def found(
        self, every: Iterable[Candidates], unplaced: Iterable[Key], after: Key | None
    ) -> Iterator[Key]:
        """Every candidate that is allowed, from behind `after`."""
        position = Position((), "")
        if after is not None:
            position = Position(self._place(after), after[1])
        singled: set[str] = set()
        chunks: list[Iterator[Chunk]] = []
        for candidates in every:
            areas = self._areas(candidates)
            singled |= areas[1]
            for region, here in _by_region(areas[0]).items():
                chunks.append(self._chunks(region, here, candidates, position))
        alone = [(self.kind, name) for name in singled]
        alone = [key for key in alone if key in self.directory.records]
        if others := _each_once(alone, unplaced):
            chunks.append(self._listed(others, position))
        return self._items(chunks, singled, position)

    def _place(self, key: Key) -> Path:
        return place_of(self.directory.records[key], self.directory, self.acting)

    def _areas(self, candidates: Candidates) -> tuple[list[Area], frozenset[str]]:
        found = find_areas(
            self.engine,
            self.directory,
            lambda notes: self.ask(candidates, notes),
            candidates.start,
        )
        areas = found.areas
        if not self.trusting:
            areas = [Area(area.region, (), False) for area in areas]
        return areas, found.singled

    def _chunks(
        self, region: Region, areas: list[Area], candidates: Candidates, after: Position
    ) -> Iterator[Chunk]:
        held = candidates.held
        certain = all(area.certain for area in areas)
        wanted = None
        if certain and all(area.fields for area in areas):
            wanted = _Wanted(SUPPOSED[self.kind], areas)
        for path in region.paths(self.directory, after.path):
            if names := held(path[-1], wanted):
                yield path, certain, names

    def _listed(self, keys: Iterable[Key], after: Position) -> Iterator[Chunk]:
        placed = sorted((self._place(key), key[1]) for key in keys)
        for path, name in placed:
            if path >= after.path:
                yield path, False, [name]

    def _items(
        self, chunks: list[Iterator[Chunk]], singled: set[str], after: Position
    ) -> Iterator[Key]:
        kind, decides = self.kind, self.decides
        if len(chunks) == 1 and not singled:
            for path, sure, names in chunks[0]:
                if path == after.path:
                    names = [name for name in names if name > after.name]
                for name in names:
                    if sure or decides(name):
                        yield kind, name
            return
        for path, here in groupby(merge(*chunks, key=_path), key=_path):
            first, *more = here
            names: Any = first[2]
            certain = set(names) if first[1] else set()
            if more:
                names = set(names)
                for _, sure, others in more:
                    names.update(others)
                    if sure:
                        certain.update(others)
                names = sorted(names)
            if path == after.path:
                names = [name for name in names if name > after.name]
            for name in names:
                if (name in certain and name not in singled) or decides(name):
                    yield kind, name


def _by_region(areas: Iterable[Area]) -> dict[Region, list[Area]]:
    found: dict[Region, list[Area]] = {}
    for area in areas:
        found.setdefault(area.region, []).append(area)
    return found


class _Wanted(dict[Said, bool]):
    """Whether one of the areas wants a record that says this; found out once for each saying."""

    def __init__(self, names: tuple[str, ...], areas: list[Area]):
        super().__init__()
        self._names = names
        self._wanted = [area.fields for area in areas]

    def __missing__(self, said: Said) -> bool:
        says = dict(zip(self._names, said, strict=True)).items()
        self[said] = any(says >= set(fields) for fields in self._wanted)
        return self[said]


def _each_once(*many: Iterable[Key]) -> set[Key]:
    """All of these keys, each once."""
    return {key for keys in many for key in keys}


def _path(chunk: Chunk) -> Path:
    return chunk[0]
