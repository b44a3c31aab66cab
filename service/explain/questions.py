"""Questions that could be asked of a world, many at once, and the decisions that a change turns."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from service.domain.identifiers import Key
from service.policy.decision import AccessRequest

DESCRIBED = "described"
"""The id of a resource that is not stored, and is described where it lies."""


class Subject(NamedTuple):
    """Who asks, and for which organization; None for whoever acts for the only one he has."""

    key: Key
    acts_for: str | None


class Resource(NamedTuple):
    """What is asked about; `described_at` says where it lies if it is not stored."""

    key: Key
    described_at: str | None = None


class Difference(NamedTuple):
    """Decisions that turn: each of the subjects, each of the resources, each action."""

    gained: bool
    """Whether they become allows; else they become denials."""
    subjects: tuple[Subject, ...]
    resources: tuple[Resource, ...]
    actions: tuple[str, ...]
    apart: frozenset[tuple[Subject, Resource]]
    """Pairs to be left out, because they were decided for themselves."""

    @property
    def count(self) -> int:
        """How many decisions these are."""
        pairs = len(self.subjects) * len(self.resources) - len(self.apart)
        return pairs * len(self.actions)

    def questions(self) -> Iterator[tuple[Subject, str, Resource]]:
        """Each of the questions."""
        for subject, resource in product(self.subjects, self.resources):
            if (subject, resource) not in self.apart:
                for action in self.actions:
                    yield subject, action, resource


class Impact(NamedTuple):
    """Every decision that a change would turn."""

    revision: int
    policy: str
    differences: tuple[Difference, ...]
    questions: int
    """How many questions there are in all."""
    decided: int
    """How many of them were decided, each on both directories; a class of them counts as one."""
    left_out: tuple[str, ...]
    """Actions that need parameters, as `type.action`: nothing is said of them."""

    def count(self, gained: bool) -> int:
        """How many decisions become allows, or denials."""
        return sum(each.count for each in self.differences if each.gained == gained)


def asked(subject: Subject, resource: Resource, action: str) -> AccessRequest:
    """The request that a question is."""
    return AccessRequest(
        *subject.key,
        action,
        *resource.key,
        resource_properties={"organization": resource.described_at} if resource[1] else {},
        context={"organization": subject.acts_for} if subject.acts_for else {},
    )


def merged(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences in fewer groups: of the same subjects, then of the same resources."""
    plain = [each for each in differences if not each.apart]
    by_subjects: dict[Hashable, list[Difference]] = {}
    for each in plain:
        key = (each.gained, each.actions, each.subjects, each.resources[0].key[0])
        by_subjects.setdefault(key, []).append(each)
    by_resources: dict[Hashable, list[Difference]] = {}
    for same in by_subjects.values():
        resources = tuple(sorted({one for each in same for one in each.resources}, key=_order))
        each = same[0]._replace(resources=resources)
        by_resources.setdefault((each.gained, each.actions, resources), []).append(each)
    found = [each for each in differences if each.apart]
    for same in by_resources.values():
        subjects = tuple(sorted({one for each in same for one in each.subjects}, key=_order))
        found.append(same[0]._replace(subjects=subjects))
    return found


def _order(member: Subject | Resource) -> tuple[Key, str]:
    key, place = member
    return key, place or ""
