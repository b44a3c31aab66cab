"""What can be asked of the place of an organization in the tree, as values that can be compared."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from service.domain.directory import Directory

Path = tuple[str, ...]
IMAGINED = "\0"
"""An organization that does not exist. No id of the world looks so."""


class Query(Protocol):
    """Something that can be asked of the place of an organization; hashable."""

    def answer(self, path: Path, directory: Directory) -> Hashable:
        """What is so for the last organization of `path`."""
        ...


@dataclass(frozen=True, slots=True)
class In:
    """Does it lie in this organization's subtree, or is it this organization?"""

    name: str

    def answer(self, path: Path, directory: Directory) -> bool:
        return self.name in path


@dataclass(frozen=True, slots=True)
class Is:
    """Is it this very organization?"""

    name: str

    def answer(self, path: Path, directory: Directory) -> bool:
        return path[-1] == self.name


@dataclass(frozen=True, slots=True)
class Level:
    """At which level does it stand?"""

    def answer(self, path: Path, directory: Directory) -> int:
        return len(path)


@dataclass(frozen=True, slots=True)
class Closed:
    """Which status, if not active, has the one that stands above it at this level, or itself?"""

    level: int

    def answer(self, path: Path, directory: Directory) -> str | None:
        return directory.marks.closed.get(path[self.level - 1]) if self.level <= len(path) else None


@dataclass(frozen=True, slots=True)
class Gated:
    """Is the one that stands above it at this level, or itself, marked as requiring a term?"""

    level: int

    def answer(self, path: Path, directory: Directory) -> bool:
        return self.level <= len(path) and path[self.level - 1] in directory.marks.gated


@dataclass(frozen=True, slots=True)
class OneOf:
    """Is the one that stands above it at this level, or itself, one of these?"""

    names: frozenset[str]
    level: int

    def answer(self, path: Path, directory: Directory) -> bool:
        return self.level <= len(path) and path[self.level - 1] in self.names
