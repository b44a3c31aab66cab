"""The two sides of all questions: every subject, and every resource, before a change or after.

Nearly all of them do not feel the change: their support is the same in both directories, so that
one look at the one after it tells which of them rules cannot tell apart. Whoever is left out here
is left out of the answer: that is for the caller to answer for, who names the keys that matter.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import Record
from service.domain.schema import BUILT_IN_TYPES, Schema
from service.explain.forms import Forms
from service.explain.groups import Group
from service.explain.questions import DESCRIBED, Resource, Subject


class Surroundings:
    """Two directories, and all that could ask or be asked about in either."""

    def __init__(
        self, directories: tuple[Directory, Directory], schema: Schema, felt: set[Key], forms: Forms
    ):
        """`felt` are the keys of what feels the change; `forms` those of the second directory."""
        self._directories = directories
        self._types = schema.types
        self._felt = felt
        self._forms = forms

    # Whoever feels the change

    def felt_subjects(self) -> list[Subject]:
        """Every subject that does, for each organization that it acts for, before or after."""
        return [subject for key in sorted(self._felt) for subject in self.as_subjects(key)]

    def as_subjects(self, key: Key) -> list[Subject]:
        """The subjects that this entity is, before or after; none if it never asks."""
        if not self._acts(key[0]):
            return []
        records = [each.get(key) for each in self._directories]
        if key[0] != "user":
            return [Subject(key, None)] if any(records) else []
        held = [name for each in records if each for name, _ in each.memberships]
        return [Subject(key, place) for place in dict.fromkeys(held)]

    def felt_resources(self) -> list[Resource]:
        """Every resource that does, before or after, and those that are only described."""
        keys = sorted(self._felt)
        places = [name for kind, name in keys if kind == "organization"]
        stored = [Resource(key) for key in keys if key[0] in self._types]
        return stored + [
            Resource((kind, DESCRIBED), place) for kind in self._described() for place in places
        ]

    # The others

    def subjects(self, only: frozenset[Key] | None = None) -> list[Group]:
        """All subjects that do not, or those of these keys, in groups of equal form."""
        alike: dict[Hashable, Group] = {}
        for kind in self._directories[1].kinds:
            if not self._acts(kind):
                continue
            for crowd in self._crowds(kind, only):
                if kind != "user":
                    form = self._forms.of_stored(crowd[0])
                    group = alike.setdefault(form, Group(Subject, []))
                    group.keys.extend([each.key for each in crowd])
                    continue
                for at, (place, _) in enumerate(crowd[0].memberships):
                    form = self._forms.of_user(crowd[0], place)
                    group = alike.setdefault(form, Group(Subject, [], []))
                    group.keys.extend([each.key for each in crowd])
                    group.places.extend([each.memberships[at][0] for each in crowd])
        return list(alike.values())

    def resources(self, only: frozenset[Key] | None = None) -> list[Group]:
        """All resources that do not, or those of these keys and what is described at these
        organizations, in groups of equal form."""
        alike: dict[Hashable, list[Key]] = {}
        for kind in self._directories[1].kinds:
            if kind in self._types:
                for crowd in self._crowds(kind, only):
                    keys = alike.setdefault(self._forms.of_stored(crowd[0]), [])
                    keys.extend([record.key for record in crowd])
        spots: dict[Hashable, list[str]] = {}
        for record in self._unfelt("organization", only):
            spots.setdefault(self._forms.of_place(record.key[1]), []).append(record.key[1])
        return [Group(Resource, keys) for keys in alike.values()] + [
            Group(Resource, [(kind, DESCRIBED)] * len(places), places)
            for kind in self._described()
            for places in spots.values()
        ]

    def _crowds(self, kind: str, only: frozenset[Key] | None) -> Iterable[list[Record]]:
        """The records of a kind, those together that are alike at first sight."""
        sketch = self._forms.sketch_of(kind)
        crowds: dict[Hashable, list[Record]] = {}
        for record in self._unfelt(kind, only):
            crowds.setdefault(sketch(record), []).append(record)
        return crowds.values()

    def _unfelt(self, kind: str, only: frozenset[Key] | None) -> Iterator[Any]:
        named = self._directories[1].kinds[kind]
        if only is not None:
            keys = sorted(key for key in only - self._felt if key[0] == kind)
            yield from (named[name] for _, name in keys if name in named)
            return
        felt = {name for of, name in self._felt if of == kind}
        for name, record in named.items():
            if name not in felt:
                yield record

    # How many there are

    def count_subjects(self) -> int:
        """How many subjects there are, before or after, counted for each that they act for."""
        kinds = self._directories[1].kinds
        count = len(self.felt_subjects())
        for kind in filter(self._acts, kinds):
            for record in self._unfelt(kind, None):
                count += len(record.memberships) if kind == "user" else 1
        return count

    def count_resources(self) -> dict[str, int]:
        """How many resources of each type there are, before or after."""
        after = self._directories[1].kinds
        gone = [kind for kind, name in self._felt if name not in after.get(kind, ())]
        counts = {kind: len(after.get(kind, ())) + gone.count(kind) for kind in self._types}
        return counts | dict.fromkeys(self._described(), counts["organization"])

    def _acts(self, kind: str) -> bool:
        return kind in self._types and self._types[kind].subject

    def _described(self) -> Iterator[str]:
        """The types of which nothing is stored, and which can be described by a place alone."""
        stored = {*BUILT_IN_TYPES, *(kind for each in self._directories for kind in each.kinds)}
        for kind, known in self._types.items():
            if kind not in stored and all(each.optional for each in known.attributes.values()):
                yield kind
