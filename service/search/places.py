"""An organization of which only the place in the tree is in hand, in all the forms it is met in."""

from collections.abc import Iterator
from typing import Any

from service.search.notes import Notes, Undecided
from service.search.queries import Closed, Gated, In, Is, Level


class Name:
    """The id of the place in hand, or of the one above it at a level."""

    __slots__ = ("_level", "_notes")

    def __init__(self, notes: Notes, level: int | None = None):
        self._notes = notes
        self._level = level

    def __eq__(self, other: object) -> bool:
        if type(other) is Name:
            if self._level == other._level:
                return True
            mine, theirs = (each.level for each in (self, other))
            return mine == theirs
        if not isinstance(other, str):
            return False
        if self._level is None:
            return self._notes.ask(Is(other))
        return self._notes.level_of(other) == self._level and self._notes.ask(In(other))

    @property
    def level(self) -> int:
        return self._notes.ask(Level()) if self._level is None else self._level

    def record(self) -> "OrganizationInHand":
        return OrganizationInHand(self._notes, self._level)

    def closed(self) -> str | None:
        return self._notes.ask(Closed(self.level))

    def gated(self) -> bool:
        return self._notes.ask(Gated(self.level))

    def __hash__(self) -> int:
        raise Undecided

    __str__ = __hash__  # type: ignore[assignment]

    def __format__(self, spec: str) -> str:
        return "…"  # messages of errors, and nothing else, are put together like this


class PathInHand:
    """The path of the place in hand, or of the one above it at a level."""

    __slots__ = ("_level", "_notes")

    def __init__(self, notes: Notes, level: int | None):
        self._notes = notes
        self._level = level

    def __contains__(self, name: object) -> bool:
        if type(name) is not str:
            return any(name == each for each in self)
        notes = self._notes
        if self._level is not None and not 0 < notes.level_of(name) <= self._level:
            return False
        return notes.ask(In(name))

    def __len__(self) -> int:
        return self._notes.ask(Level()) if self._level is None else self._level

    def __iter__(self) -> Iterator[Name]:
        return iter([Name(self._notes, level) for level in range(1, len(self) + 1)])

    def __getitem__(self, which: int | slice) -> Any:
        return tuple(self)[which]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if type(other) is PathInHand else other)

    def __hash__(self) -> int:
        raise Undecided


class KeyInHand:
    """A type and a watched id, where a record has its key."""

    __slots__ = ("_kind", "_name")

    def __init__(self, kind: str, name: Any):
        self._kind = kind
        self._name = name

    def __getitem__(self, index: int) -> Any:
        return (self._kind, self._name)[index]

    def __iter__(self) -> Iterator[Any]:
        return iter((self._kind, self._name))

    def __eq__(self, other: object) -> bool:
        if type(other) is KeyInHand:
            return self._kind == other._kind and self._name == other._name
        if type(other) is not tuple:
            return False
        return other[0] == self._kind and self._name == other[1]

    def __hash__(self) -> int:
        return hash((self._kind, self._name))


class OrganizationInHand:
    """Stands for the record of an organization of which only the place is known."""

    __slots__ = ("_level", "_notes")

    def __init__(self, notes: Notes, level: int | None = None):
        self._notes = notes
        self._level = level

    @property
    def key(self) -> KeyInHand:
        return KeyInHand("organization", Name(self._notes, self._level))

    @property
    def path(self) -> PathInHand:
        return PathInHand(self._notes, self._level)

    @property
    def parent(self) -> Name | None:
        level = len(self.path)
        return Name(self._notes, level - 1) if level > 1 else None

    def __getattr__(self, name: str) -> Any:
        raise Undecided
