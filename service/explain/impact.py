"""Which decisions a change of the facts would turn: over all questions, exact, with counts.

A *question* is a subject acting for one of its organizations, an action that needs no parameter,
and a resource: every organization, user and partner, every stored resource, and for types of which
the world stores nothing (conversations, mostly) one that is described at each organization.

How all questions are covered without asking all:

1. A decision is a function of the supports of its subject and its resource (`forms`). If neither
   holds a changed record (`affected`), the decision is the same. So only questions with an affected
   subject or an affected resource are looked at.
2. Of these, one side is affected, or both are. The affected entities of one side fall into classes
   by their forms before and after; so do the entities of the other side, by their forms beside the
   organizations that the affected ones can reach, before or after. One question of each pair of
   classes is decided by the engine, on both directories, for every action.
3. If only one side is affected, and its form beside the organizations that the other can reach is
   the same before and after, every read is answered as before: such a pair is not decided. So if
   the form of an affected class is the same beside all but a few organizations (for a move, those
   that it leaves or enters), only those of the other side matter that can reach one of the few.
   They are found along the links of the directory, and nobody else is looked at. If its form is
   not the same, or if they are many, all of the other side are gone over.
4. Forms forget which user is which. So each question in which a user could meet himself (as the
   subject and as, or behind, the resource; or behind both) is decided for itself (`meetings`).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain, product
from typing import Any

from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.errors import RequestTooLarge
from service.explain.affected import affected, reaching
from service.explain.forms import Forms, reached
from service.explain.groups import Group, joined, of_one
from service.explain.meetings import Meetings
from service.explain.questions import (
    Difference,
    Impact,
    Resource,
    Subject,
    asked,
    merged,
)
from service.explain.sides import Surroundings
from service.explain.sight import sight_of
from service.explain.trials import changed
from service.policy.pdp import PolicyDecisionPoint

DECISIONS_LIMIT = 2_000_000
"""Questions that are decided for one impact; a change that needs more is refused."""
NEARBY_LIMIT = 20_000
"""Entities that are looked for along the links; if there are more, all are gone over instead."""

Member = Subject | Resource
Pair = tuple[Subject, Resource]
Others = Callable[[frozenset[Key] | None], list[Group]]
"""The unaffected of one side: those of these keys, or all."""


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
        self._meetings = Meetings(self._directories, self._schema)
        self._felt = affected(*self._directories, self._schema)
        near: set[str] = set()
        moved: set[str] = set()
        for key in self._felt:
            was, is_now = (set(reached(each, key)) for each in self._directories)
            near |= was | is_now
            moved |= was ^ is_now
        self._moved = frozenset(moved)
        # Whatever any side of a question that matters can reach keeps its id.
        forms = Forms(after.directory, self._sight, frozenset(near))
        self._around = Surroundings(self._directories, self._schema, self._felt, forms)
        self.actions = {
            kind: tuple(
                name
                for name, parameters in known.actions.items()
                if all(each.optional for each in parameters.values())
            )
            for kind, known in self._schema.types.items()
        }
        self._decided = 0

    def impact(self) -> Impact:
        """What turns."""
        around = self._around
        subjects, resources = around.felt_subjects(), around.felt_resources()
        found = [
            *self._turned(subjects, cache(around.resources), resources),
            *self._turned(resources, cache(around.subjects), []),
        ]
        per_subject = sum(
            len(self.actions[kind]) * count for kind, count in around.count_resources().items()
        )
        return Impact(
            self._directories[0].revision,
            self._pdp.engine.policies.revision,
            tuple(sorted(merged(found), key=lambda each: (each.gained, -each.count))),
            per_subject * around.count_subjects(),
            self._decided,
            tuple(
                f"{kind}.{name}"
                for kind, known in self._schema.types.items()
                for name in known.actions
                if name not in self.actions[kind]
            ),
        )

    # Classes

    def _turned(
        self, felt: Sequence[Member], unfelt: Others, felt_too: Sequence[Member]
    ) -> Iterator[Difference]:
        """What turns between affected entities of one side, and those of the other."""
        fixed = frozenset(self._reached(felt))
        for group in self._by_forms(map(of_one, felt), fixed, (0, 1)):
            met = self._met(group)
            for pair in chain.from_iterable(met.values()):
                yield from self._differences(pair, *map(of_one, pair), frozenset())
            near = frozenset(self._reached([group.first]))
            aside = self._stays(group.first, near - self._moved)
            others = unfelt(self._nearby if aside else None)
            facing = self._by_forms(map(of_one, felt_too), near, (0, 1))
            facing += self._not_alike(group.first, near, self._by_forms(others, near, (1,)))
            for each in facing:
                yield from self._compare(group, each, met)

    @cached_property
    def _nearby(self) -> frozenset[Key] | None:
        """Who can reach an organization that an affected one leaves or enters; None if many."""
        return reaching(self._moved, self._directories[1], self._schema, NEARBY_LIMIT)

    def _not_alike(
        self, member: Member, near: frozenset[str], groups: Iterable[Group]
    ) -> Iterator[Group]:
        """Those of unaffected groups beside which an affected entity does not stay as it is."""
        stays: dict[frozenset[str], bool] = {}
        for group in groups:
            beside = near.intersection(self._reached([group.first]))
            if beside not in stays:
                stays[beside] = self._stays(member, beside)
            if not stays[beside]:
                yield group

    def _stays(self, member: Member, beside: frozenset[str]) -> bool:
        """Whether it has the same form before and after beside these organizations."""
        if self._sight.ids:
            return False
        numbers: dict[Hashable, int] = {}
        was, is_now = (
            Forms(each, self._sight, beside, numbers).of(member) for each in self._directories
        )
        return was == is_now

    def _reached(self, members: Iterable[Member]) -> Iterator[str]:
        for each in members:
            for directory in self._directories:
                yield from reached(directory, each.key)
                place = directory.organizations.get(each[1]) if each[1] else None
                yield from place.path if place else ()

    def _by_forms(
        self, groups: Iterable[Group], fixed: frozenset[str], sides: tuple[int, ...]
    ) -> list[Group]:
        """The groups put together whose members have one form on each of these sides."""
        forms = [Forms(self._directories[side], self._sight, fixed) for side in sides]
        found: dict[Hashable, list[Group]] = {}
        for group in groups:
            first = group.first
            form = tuple([each.of(first) for each in forms])
            found.setdefault(form, []).append(group)
        return [joined(same) for same in found.values()]

    # Decisions

    def _met(self, group: Group) -> dict[Key, list[Pair]]:
        """Each pair of one of these and one of the other side who meet somebody in each other, by
        the key of the other; if both are affected, it counts for the subject alone."""
        found: dict[Key, list[Pair]] = {}
        for member in group.members:
            for key in self._meetings.of(member.key):
                if isinstance(member, Subject):
                    if key[0] in self._schema.types:
                        found.setdefault(key, []).append((member, Resource(key)))
                elif key not in self._felt:
                    pairs = [(each, member) for each in self._around.as_subjects(key)]
                    found.setdefault(key, []).extend(pairs)
        return found

    def _compare(
        self, group: Group, facing: Group, met: Mapping[Key, list[Pair]]
    ) -> Iterator[Difference]:
        """What turns between two classes, but for those who meet themselves."""
        at = 1 if group.makes is Subject else 0
        apart: frozenset[Pair] = frozenset()
        if not met.keys().isdisjoint(facing.keys):
            apart = frozenset(
                pair
                for each in facing.members
                for pair in met.get(each.key, ())
                if pair[at] == each
            )
        if len(apart) == len(group) * len(facing):
            return
        subjects, resources = (group, facing) if at else (facing, group)
        pair = subjects.first, resources.first
        if pair in apart:
            every = product(subjects.members, resources.members)
            pair = next(pair for pair in every if pair not in apart)
        yield from self._differences(pair, subjects, resources, apart)

    def _differences(
        self, pair: Pair, subjects: Group, resources: Group, apart: frozenset[Pair]
    ) -> Iterator[Difference]:
        """What turns for one pair, told of all that are like it."""
        turned: dict[bool, list[str]] = {}
        for action in self.actions[pair[1].key[0]]:
            self._decided += 1
            if self._decided > DECISIONS_LIMIT:
                raise RequestTooLarge("the impact", DECISIONS_LIMIT, "questions to decide")
            request = asked(*pair, action)
            was, will_be = (self._pdp.decide(request, each).allowed for each in self._moments)
            if was != will_be:
                turned.setdefault(will_be, []).append(action)
        for gained, actions in turned.items():
            yield Difference(gained, subjects.members, resources.members, tuple(actions), apart)
