"""Which decisions a change of the facts would turn: over all questions, exact, with counts.

A *question* is a subject acting for one of its organizations, an action that needs no parameter,
and a resource: every organization, user and partner, every stored resource, and for types of which
the world stores nothing (conversations, mostly) one that is described at each organization.

How all questions are covered without asking all:

1. A decision is a function of the supports of its subject and its resource (`forms`). If neither
   holds a changed record (`affected`), the decision is the same. So only questions with an affected
   subject or an affected resource are looked at.
2. Of these, one side is affected, or both are. The entities of the other side fall into classes of
   equal form beside the organizations that the affected side can reach, before or after; so do the
   affected ones, by their forms before and after. One question of each pair of classes is decided
   by the engine, on both directories, for every action.
3. Forms forget which user is which. So each question in which a user could meet himself (as the
   subject and as, or behind, the resource) is decided for itself.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.domain.records import ResourceRecord
from service.domain.schema import PLAIN_KINDS
from service.errors import RequestTooLarge
from service.explain.affected import affected
from service.explain.forms import Forms, reached, sight_of
from service.explain.questions import (
    Difference,
    Impact,
    Resource,
    Subject,
    asked,
    merged,
)
from service.explain.sides import Side, Surroundings
from service.explain.trials import changed
from service.policy.pdp import PolicyDecisionPoint

DECISIONS_LIMIT = 2_000_000
"""Questions that are decided for one impact; a change that needs more is refused."""


def impact(
    pdp: PolicyDecisionPoint, changes: Sequence[Mapping[str, Any]], moment: Moment
) -> Impact:
    """What these changes would turn, at the clock of this moment.

    Raises:
        InvalidChanges: one of them cannot be made.
        RequestTooLarge: more than DECISIONS_LIMIT questions would have to be decided.
    """
    schema = moment.vocabulary.schema
    after = Moment(changed(moment.directory, changes, schema), moment.now, moment.vocabulary)
    return _Comparison(pdp, moment, after).impact()


class _Comparison:
    """Two directories, and what was found of their questions."""

    def __init__(self, pdp: PolicyDecisionPoint, before: Moment, after: Moment):
        self._pdp = pdp
        self._moments = (before, after)
        self._directories = (before.directory, after.directory)
        self._schema = before.vocabulary.schema
        self._sight = sight_of(pdp.engine.policies)
        felt = affected(*self._directories, self._schema)
        around = Surroundings(self._directories, self._schema, felt, self._sight)
        self.subjects, self.resources = around.subjects(), around.resources()
        self.actions = {
            kind: tuple(
                name
                for name, parameters in known.actions.items()
                if all(each.optional for each in parameters.values())
            )
            for kind, known in self._schema.types.items()
        }
        self._references = sorted(
            {
                f"attribute {each.name}"
                for known in self._schema.types.values()
                for each in known.attributes.values()
                if each.kind not in PLAIN_KINDS
            }
        )
        self._decided = 0

    def impact(self) -> Impact:
        """What turns."""
        subjects, resources = self.subjects, self.resources
        found = [
            *self._turned(subjects.felt, resources, felt_side=0),
            *self._turned(resources.felt, subjects._replace(felt=[]), felt_side=1),
        ]
        per_subject = sum(
            len(self.actions[group[0].key[0]]) * len(group)
            for group in (*resources.alike, *([each] for each in resources.felt))
        )
        return Impact(
            self._directories[0].revision,
            self._pdp.engine.policies.revision,
            tuple(sorted(merged(found), key=lambda each: (each.gained, -each.count))),
            per_subject * (len(subjects.felt) + sum(map(len, subjects.alike))),
            self._decided,
            tuple(
                f"{kind}.{name}"
                for kind, known in self._schema.types.items()
                for name in known.actions
                if name not in self.actions[kind]
            ),
        )

    # Classes

    def _turned(self, felt: Sequence[Any], other: Side, felt_side: int) -> Iterator[Difference]:
        """What turns between affected entities of one side and all of the other."""
        fixed = frozenset(self._reached(felt))
        classes = self._by_forms([[each] for each in felt], fixed, (0, 1))
        coarse = self._by_forms(other.alike, fixed, (1,)) if felt else []
        for members in classes:
            near = frozenset(self._reached(members[:1]))
            singles = self._by_forms([[each] for each in other.felt], near, (0, 1))
            for group in (*self._by_forms(coarse, near, (1,)), *singles):
                pair = (members, group) if felt_side == 0 else (group, members)
                yield from self._compare(*pair)

    def _reached(self, members: Iterable[Any]) -> Iterator[str]:
        for each in members:
            for directory in self._directories:
                yield from reached(directory, self._schema, each.key)
                place = directory.organizations.get(each[1]) if each[1] else None
                yield from place.path if place else ()

    def _by_forms(
        self, groups: Iterable[list[Any]], fixed: frozenset[str], sides: tuple[int, ...]
    ) -> list[list[Any]]:
        """The groups put together whose members have one form on each of these sides."""
        forms = [Forms(self._directories[side], self._sight, fixed) for side in sides]
        found: dict[Hashable, list[list[Any]]] = {}
        for group in groups:
            first = group[0]
            is_subject = type(first) is Subject
            form = tuple(
                one.of_subject(*first) if is_subject else one.of_resource(*first) for one in forms
            )
            found.setdefault(form, []).append(group)
        return [
            same[0] if len(same) == 1 else [each for group in same for each in group]
            for same in found.values()
        ]

    # Decisions

    def _compare(self, subjects: list[Subject], resources: list[Resource]) -> Iterator[Difference]:
        """What turns between two classes; who could meet himself is decided for himself."""
        apart = set(self._meetings(subjects, resources))
        for pair in apart:
            yield from self._differences([pair[0]], [pair[1]], frozenset(), pair)
        if len(apart) < len(subjects) * len(resources):
            pair = next(
                pair for pair in product(subjects, resources) if not apart or pair not in apart
            )
            yield from self._differences(subjects, resources, frozenset(apart), pair)

    def _meetings(
        self, subjects: list[Subject], resources: list[Resource]
    ) -> Iterator[tuple[Subject, Resource]]:
        """Each pair in which the resource is the subject, or can reach it."""
        kind, subject_kind = resources[0].key[0], subjects[0].key[0]
        if kind != subject_kind and not self._names_others(kind):
            return
        few_subjects = len(subjects) <= len(resources)
        near, far = (subjects, resources) if few_subjects else (resources, subjects)
        wanted: dict[Key, list[Any]] = {}
        for one in near:
            for key in _closure(one.key, self._naming if few_subjects else self._named):
                if key[0] == far[0].key[0]:
                    wanted.setdefault(key, []).append(one)
        for other in far if wanted else ():
            for one in wanted.get(other.key, ()):
                yield (one, other) if few_subjects else (other, one)

    def _names_others(self, kind: str) -> bool:
        attributes = self._schema.types[kind].attributes.values()
        return any(each.kind not in PLAIN_KINDS for each in attributes)

    def _named(self, key: Key) -> Iterator[Key]:
        for directory in self._directories:
            record = directory.records.get(key)
            if isinstance(record, ResourceRecord):
                yield from (link.target for link in record.references)

    def _naming(self, key: Key) -> Iterator[Key]:
        for directory in self._directories:
            for name in self._references:
                yield from directory.linked(key, name)

    def _differences(
        self,
        subjects: Sequence[Subject],
        resources: Sequence[Resource],
        apart: frozenset[tuple[Subject, Resource]],
        pair: tuple[Subject, Resource],
    ) -> Iterator[Difference]:
        turned: dict[bool, list[str]] = {}
        for action in self.actions[pair[1].key[0]]:
            was, will_be = (self._allows(pair, action, moment) for moment in self._moments)
            if was != will_be:
                turned.setdefault(will_be, []).append(action)
        for gained, actions in turned.items():
            yield Difference(gained, tuple(subjects), tuple(resources), tuple(actions), apart)

    def _allows(self, pair: tuple[Subject, Resource], action: str, moment: Moment) -> bool:
        self._decided += 1
        if self._decided > 2 * DECISIONS_LIMIT:
            raise RequestTooLarge("the impact", DECISIONS_LIMIT, "decisions")
        return self._pdp.decide(asked(*pair, action), moment).allowed


def _closure(key: Key, further: Callable[[Key], Iterable[Key]]) -> set[Key]:
    found, pending = {key}, [key]
    while pending:
        for other in further(pending.pop()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found
