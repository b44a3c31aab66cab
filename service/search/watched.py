"""All facts at one moment, with a place in hand that they can be asked about."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from service.domain.directory import ORGANIZATION, Marks
from service.domain.entities import Organization
from service.domain.moment import Moment
from service.domain.records import Record, ResourceRecord, Share
from service.search.notes import Notes, Undecided
from service.search.places import Name
from service.search.queries import OneOf


class _Organizations:
    """The organizations by id, the place in hand among them."""

    __slots__ = ("_known",)

    def __init__(self, notes: Notes):
        self._known = notes.directory.organizations

    def __getitem__(self, name: Any) -> Any:
        return name.record() if type(name) is Name else self._known[name]

    def get(self, name: Any) -> Any:
        return name.record() if type(name) is Name else self._known.get(name)

    def __contains__(self, name: Any) -> bool:
        return type(name) is Name or name in self._known


class _Marks:
    """Marked organizations by id, where the place in hand may be asked for as well."""

    __slots__ = ("_ask", "_marks")

    def __init__(self, marks, ask):
        self._marks = marks
        self._ask = ask

    def __bool__(self) -> bool:
        return bool(self._marks)

    def get(self, name: Any, otherwise: Any = None) -> Any:
        if type(name) is not Name:
            return self._marks.get(name, otherwise)
        found = self._ask(name)
        return otherwise if found in (None, False) else found

    def __contains__(self, name: Any) -> bool:
        return self._ask(name) not in (None, False) if type(name) is Name else name in self._marks

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class _Targets:
    """The organizations that a share names, where the place in hand may be asked for as well."""

    __slots__ = ("_names", "_notes")

    def __init__(self, notes: Notes, names: frozenset[str]):
        self._notes = notes
        self._names = names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: Any) -> bool:
        if type(name) is Name:
            return self._notes.ask(OneOf(self._names, name.level))
        return name in self._names

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class _Named:
    """The records of one kind by id; the shares in them can be asked about the place in hand."""

    __slots__ = ("_known", "_notes")

    def __init__(self, notes: Notes, known: Mapping[str, Record]):
        self._notes = notes
        self._known = known

    def get(self, name: Any) -> Any:
        record = self._known.get(name)
        if type(record) is not ResourceRecord or not record.shares:
            return record
        return replace(record, shares=tuple(map(self._watched, record.shares)))

    def _watched(self, share: Share) -> Share:
        if share.targets is None:
            return share
        return replace(share, targets=_Targets(self._notes, share.targets))  # type: ignore[arg-type]

    def __contains__(self, name: Any) -> bool:
        return name in self._known

    def __getitem__(self, name: Any) -> Any:
        if name not in self._known:
            raise KeyError(name)
        return self.get(name)

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class _Kinds:
    """The records of each kind by id."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Notes):
        self._notes = notes

    def get(self, kind: str) -> Any:
        known = self._notes.directory.kinds.get(kind)
        if known is None:
            return None
        return _Organizations(self._notes) if kind == ORGANIZATION else _Named(self._notes, known)

    def __getitem__(self, kind: str) -> Any:
        found = self.get(kind)
        if found is None:
            raise KeyError(kind)
        return found

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class _Directory:
    """A directory that can be asked about the place in hand."""

    __slots__ = ("_real", "kinds", "marks")

    def __init__(self, notes: Notes):
        marks = notes.directory.marks
        self._real = notes.directory
        self.kinds = _Kinds(notes)
        self.marks = Marks(
            closed=_Marks(marks.closed, Name.closed),  # type: ignore[arg-type]
            gated=_Marks(marks.gated, Name.gated),  # type: ignore[arg-type]
        )

    def get(self, key: Any) -> Any:
        kind, name = key
        named = self.kinds.get(kind)
        return None if named is None else named.get(name)

    @property
    def levels(self) -> int:
        return self._real.levels

    def linked(self, key: Any, relation: str) -> Any:
        return self._real.linked(key, relation)

    def __getattr__(self, name: str) -> Any:
        raise Undecided


class WatchedMoment(Moment):
    """A moment in which the place in hand is one of the organizations."""

    __slots__ = ()

    def __init__(self, notes: Notes, moment: Moment):
        super().__init__(_Directory(notes), moment.now, moment.vocabulary)  # type: ignore[arg-type]

    def find_organization(self, name: Any) -> Organization | None:
        return self.organization(name) if type(name) is Name else super().find_organization(name)

    def organization(self, name: Any) -> Organization:
        if type(name) is Name:
            return Organization(self, name.record())
        return super().organization(name)
