"""Records that stand for candidates: of each only the place is in hand, and all else is noted."""

from collections.abc import Iterator
from typing import Any

from service.domain.identifiers import Key
from service.domain.records import PARTNER_ROLES, ROLES, USER_STATUSES, USER_TYPES
from service.search.notes import Notes, Undecided
from service.search.places import KeyInHand, Name


class CandidateName:
    """The id of a candidate: it has one, and which is not said."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Notes):
        self._notes = notes

    def __eq__(self, other: object) -> bool:
        if type(other) is CandidateName:
            return True
        # Whoever has that id is decided by itself, so that nobody else has it.
        self._notes.singled.add(str(other))
        return False

    def __hash__(self) -> int:
        raise Undecided

    __str__ = __hash__  # type: ignore[assignment]

    def __format__(self, spec: str) -> str:
        return "…"


class _Candidate:
    """What the records of all candidates have in common."""

    __slots__ = ("_kind", "_notes")

    def __init__(self, notes: Notes, kind: str):
        self._notes = notes
        self._kind = kind

    @property
    def key(self) -> KeyInHand:
        return KeyInHand(self._kind, CandidateName(self._notes))

    @property
    def organization(self) -> Name:
        return Name(self._notes)

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class Attributes:
    """The attributes of a candidate: none is known, and that somebody looked is noted."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Notes):
        self._notes = notes

    def get(self, name: str) -> None:
        self._notes.touched += 1

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class ItemInHand(_Candidate):
    """Stands for the record of a resource."""

    __slots__ = ()

    @property
    def attributes(self) -> Attributes:
        return Attributes(self._notes)

    @property
    def shares(self) -> tuple[()]:
        self._notes.touched += 1
        return ()


class DescribedAttributes:
    """What the request says of a resource; which of it was read is noted."""

    __slots__ = ("_notes", "_values")

    def __init__(self, notes: Notes, values):
        self._notes = notes
        self._values = values

    def get(self, name: str) -> Any:
        self._notes.read_of_request.add(name)
        return self._values.get(name)

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class DescribedInHand:
    """Stands for the record of a resource that the request describes, wherever it may lie."""

    __slots__ = ("_key", "_notes", "_values")

    def __init__(self, notes: Notes, key: Key, values):
        self._notes = notes
        self._key = key
        self._values = values

    @property
    def key(self) -> KeyInHand:
        return KeyInHand(self._key[0], DescribedName(self._notes, self._key[1]))

    organization = _Candidate.organization

    @property
    def attributes(self) -> DescribedAttributes:
        return DescribedAttributes(self._notes, self._values)

    @property
    def shares(self) -> tuple[()]:
        return ()

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class DescribedName(str):
    """The id of a described resource; that somebody looked at it is noted."""

    __slots__ = ("_notes",)
    _notes: Notes

    def __new__(cls, notes: Notes, name: str) -> "DescribedName":
        self = super().__new__(cls, name)
        self._notes = notes
        return self

    def __eq__(self, other: object) -> bool:
        self._notes.read_of_request.add("id")
        return str.__eq__(self, other) is True

    def __hash__(self) -> int:
        self._notes.read_of_request.add("id")
        return str.__hash__(self)


class Role:
    """The role that a candidate holds at the place in hand; which, is supposed when it matters."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Notes):
        self._notes = notes

    def value(self) -> str:
        return self._notes.choose("role", ROLES[::-1])

    def __eq__(self, other: object) -> bool:
        return self.value() == other

    def __hash__(self) -> int:
        raise Undecided


class UserInHand(_Candidate):
    """Stands for the record of a user who is a member at the place in hand, and perhaps elsewhere
    if `several`."""

    __slots__ = ("_several",)

    def __init__(self, notes: Notes, several: bool):
        super().__init__(notes, "user")
        self._several = several

    @property
    def memberships(self) -> Iterator[tuple[Name, Role]]:
        yield Name(self._notes), Role(self._notes)
        if self._several:
            self._notes.touched += 1

    # Wherever the user is at home: of a home, rules see no more than the role that is held there.

    @property
    def home(self) -> Name:
        return Name(self._notes)

    @property
    def home_role(self) -> Role:
        return Role(self._notes)

    @property
    def status(self) -> str:
        return self._notes.choose("status", USER_STATUSES)

    @property
    def archived(self) -> bool:
        return self.status == "archived"

    @property
    def type(self) -> str:
        return self._notes.choose("type", USER_TYPES)

    @property
    def subscriptions(self) -> tuple[()]:
        self._notes.touched += 1
        return ()

    organization = property(lambda self: self.__getattr__("organization"))


class PartnerInHand(_Candidate):
    """Stands for the record of a partner."""

    __slots__ = ()

    @property
    def role(self) -> str:
        return self._notes.choose("role", PARTNER_ROLES)
