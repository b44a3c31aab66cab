"""Parts of the account tree, described by what its organizations have in common.

A region is a conjunction: in the subtree of X, not in that of Y, at level 3, not suspended. It is
never a list of organizations until somebody enumerates it, and then only what belongs to it is
visited: from where it begins, without the subtrees that are cut out.
"""

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from service.domain.directory import Directory
from service.search.queries import IMAGINED, Closed, Gated, In, Is, Level, OneOf, Path, Query


class Constraint(NamedTuple):
    """The answer to a query is this one; or is any other."""

    query: Query
    answer: Hashable
    holds: bool


class Region(NamedTuple):
    """All organizations that satisfy every constraint; without any, the whole forest."""

    constraints: tuple[Constraint, ...] = ()

    def narrowed(self, query: Query, answer: Hashable) -> "Region":
        """The part where the answer is this one."""
        return Region((*self.constraints, Constraint(query, answer, True)))

    def apart(self, query: Query, answer: Hashable) -> "Region":
        """The part where the answer is another one."""
        if type(answer) is bool:
            return self.narrowed(query, not answer)
        return Region((*self.constraints, Constraint(query, answer, False)))

    def other_half(self) -> "Region":
        """What the last constraint left out."""
        *before, (query, answer, holds) = self.constraints
        if type(answer) is bool:
            return Region((*before, Constraint(query, not answer, True)))
        return Region((*before, Constraint(query, answer, not holds)))

    def before_last(self) -> "Region":
        """This region and its other half."""
        return Region(self.constraints[:-1])

    def known(self) -> set[Query]:
        """What all of its organizations answer alike."""
        return {each.query for each in self.constraints if each.holds}

    def has(self, path: Path, directory: Directory) -> bool:
        """Whether the last organization of `path` belongs to it; it need not exist."""
        return all(
            (query.answer(path, directory) == answer) is holds
            for query, answer, holds in self.constraints
        )

    def some(self, directory: Directory) -> Path | None:
        """The path of any organization of the region; None if there is none."""
        return _Walk(self, directory).some()

    def imagined(self, directory: Directory) -> Path | None:
        """The path of an organization that is not there and would belong to the region."""
        for start in self._starts(directory):
            for level in range(len(start) + 1, directory.levels + 1):
                path = start + (IMAGINED,) * (level - len(start))
                if self.has(path, directory):
                    return path
        return None

    def _starts(self, directory: Directory) -> Iterator[Path]:
        """The paths below which an organization of the region could be added, and some others."""
        named: set[str] = set()
        for query, answer, holds in self.constraints:
            match query:
                case In() if answer is True:
                    named.add(query.name)
                case OneOf() if answer is True:
                    named |= query.names
                case Closed() if (answer is None) is not holds:
                    named.update(directory.marks.closed)
                case Gated() if answer is True:
                    named.update(directory.marks.gated)
        known = directory.organizations
        paths = {known[name].path for name in named if name in known}
        yield from sorted(paths, key=len, reverse=True)
        if not paths:
            yield ()

    def paths(self, directory: Directory, after: Path = ()) -> Iterator[Path]:
        """The path of each organization of the region, in order, from `after` on, itself included.

        The order is that of the paths: an organization stands before what lies below it.
        """
        return _Walk(self, directory).paths(after)


class _Walk:
    """How to visit a region: where it begins, what is cut out, what is left to ask of each."""

    def __init__(self, region: Region, directory: Directory):
        self.directory = directory
        self.cut: set[str] = set()
        self.skipped: set[str] = set()
        self.levels = set(range(1, directory.levels + 1))
        self.open_levels: set[int] = set()
        self.ungated_levels: set[int] = set()
        self.asked: list[Constraint] = []
        self.only_start = False
        starts: set[str] | None = None
        for constraint in region.constraints:
            query, answer, holds = constraint
            match query:
                case In() if answer is True:
                    starts = self._deeper(starts, {query.name})
                case In():
                    self.cut.add(query.name)
                case Is() if answer is True:
                    starts = self._deeper(starts, {query.name})
                    self.only_start = True
                    self.asked.append(constraint)
                case Is():
                    self.skipped.add(query.name)
                case Level():
                    self.levels &= {answer} if holds else self.levels - {answer}
                case Closed() if answer is None and holds:
                    self.open_levels.add(query.level)
                case Gated() if answer is False:
                    self.ungated_levels.add(query.level)
                case Closed() if holds or answer is None:
                    starts = self._marked(starts, directory.marks.closed, query.level)
                    self.asked.append(constraint)
                case Gated():
                    starts = self._marked(starts, directory.marks.gated, query.level)
                    self.asked.append(constraint)
                case OneOf() if answer is True:
                    starts = self._marked(starts, query.names, query.level)
                    self.asked.append(constraint)
                case _:
                    self.asked.append(constraint)
        self.starts = self._paths_of(directory.marks.roots if starts is None else starts)

    def _path(self, name: str) -> Path:
        record = self.directory.organizations.get(name)
        return () if record is None else record.path

    def _deeper(self, starts: set[str] | None, found: set[str]) -> set[str]:
        """Of each two that stand in one line the lower one; nothing where none do."""
        if starts is None:
            return found
        lower = {b for a in starts for b in found if a in self._path(b)}
        return lower | {a for a in starts for b in found if b in self._path(a)}

    def _marked(self, starts: set[str] | None, marks, level: int) -> set[str]:
        return self._deeper(starts, {name for name in marks if len(self._path(name)) == level})

    def _paths_of(self, names) -> list[Path]:
        paths = sorted(path for name in names if (path := self._path(name)))
        top: list[Path] = []
        for path in paths:
            if not top or path[: len(top[-1])] != top[-1]:
                top.append(path)
        marks = self.directory.marks
        return [
            path
            for path in top
            if self.cut.isdisjoint(path)
            and not any(n <= len(path) and path[n - 1] in marks.closed for n in self.open_levels)
            and not any(n <= len(path) and path[n - 1] in marks.gated for n in self.ungated_levels)
        ]

    def paths(self, after: Path) -> Iterator[Path]:
        if not self.levels:
            return
        deepest, levels, skipped = max(self.levels), self.levels, self.skipped
        directory, asked = self.directory, self.asked
        pending = [path for path in reversed(self.starts) if path >= after[: len(path)]]
        while pending:
            path = pending.pop()
            depth = len(path)
            here = depth in levels and path[-1] not in skipped and path >= after
            if here and (not asked or self._answers(path)):
                yield path
            if depth >= deepest or self.only_start:
                continue
            below = directory.children(path[-1])
            if after[:depth] == path and depth < len(after):
                # What lies below one that stands before `after` stands before it too, unless
                # `after` itself lies there.
                below = [child for child in below if child >= after[depth]]
            if cut := self._cut_at(depth + 1):
                below = [child for child in below if not any(child in names for names in cut)]
            if depth + 1 == deepest and not (asked or skipped or after):
                # Most organizations are leaves, and most regions ask nothing of them.
                yield from [(*path, child) for child in below]
            else:
                pending.extend([(*path, child) for child in reversed(below)])

    def some(self) -> Path | None:
        """The path of one organization of the region, whichever is found first."""
        if not self.levels:
            return None
        deepest = max(self.levels)
        pending = [iter(self.starts)]
        while pending:
            path = next(pending[-1], None)
            if path is None:
                pending.pop()
                continue
            depth = len(path)
            here = depth in self.levels and path[-1] not in self.skipped
            if here and (not self.asked or self._answers(path)):
                return path
            if depth < deepest and not self.only_start:
                pending.append(self._below(path))
        return None

    def _below(self, path: Path) -> Iterator[Path]:
        cut = self._cut_at(len(path) + 1)
        for _, name in self.directory.linked(("organization", path[-1]), "parent"):
            if not any(name in names for names in cut):
                yield (*path, name)

    def _answers(self, path: Path) -> bool:
        directory = self.directory
        return all(
            (query.answer(path, directory) == answer) is holds
            for query, answer, holds in self.asked
        )

    def _cut_at(self, level: int) -> list:
        """What must not be entered at this level."""
        marks, cut = self.directory.marks, []
        if self.cut:
            cut.append(self.cut)
        if level in self.open_levels and marks.closed:
            cut.append(marks.closed)
        if level in self.ungated_levels and marks.gated:
            cut.append(marks.gated)
        return cut
