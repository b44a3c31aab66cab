"""Where an action is allowed, as parts of the tree: for resources that others store.

A messaging service has millions of conversations and Watershed has none of them. It asks once where
its user may read, and puts the answer into its own WHERE clause: these subtrees, without those, at
these levels. The answer is exact for every organization: it lies in the scope if and only if a
decision about a resource described there would allow.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.entities import Organization
from service.domain.moment import Moment
from service.domain.schema import BUILT_IN_TYPES
from service.policy.decision import AccessRequest, Failure
from service.policy.engine import Engine
from service.policy.question import (
    Question,
    circumstances_of,
    resource_of,
    subject_of,
)
from service.search.attempts import find_areas
from service.search.lists import allowed
from service.search.notes import Notes
from service.search.places import OrganizationInHand
from service.search.queries import IMAGINED, Closed, Gated, In, Is, OneOf, Path
from service.search.regions import Region
from service.search.stand_ins import DescribedInHand
from service.search.watched import WatchedMoment

UNNAMED = "\0"
"""The id of a described resource, of which nothing is known yet. No id of the world looks so."""


class Subtree(NamedTuple):
    """An organization and all below it, but for some."""

    within: str | None
    """None for all organizations there are."""
    levels: tuple[int, ...] | None
    """Only at these levels; None for all."""
    without: tuple[str, ...]
    """Not in the subtrees of these."""

    def has(self, path: Path) -> bool:
        """Whether the last organization of the path is part of it."""
        return (
            (self.within is None or self.within in path)
            and (self.levels is None or len(path) in self.levels)
            and not any(name in path for name in self.without)
        )


class Scope(NamedTuple):
    """Where an action is allowed, what that takes for granted, and why it is nowhere if it is."""

    subtrees: tuple[Subtree, ...] = ()
    organizations: tuple[str, ...] = ()
    """Single ones beside the subtrees."""
    assumed: tuple[tuple[str, Any], ...] = ()
    """What the answer hung on of what the request says of the resource; None if it says nothing."""
    nowhere: Failure | None = None

    def has(self, path: Path) -> bool:
        """Whether the action is allowed in the last organization of the path."""
        return path[-1] in self.organizations or any(each.has(path) for each in self.subtrees)


def find_scope(engine: Engine, moment: Moment, request: AccessRequest) -> Scope:
    """Where in the tree the request's subject may take its action on resources of its type.

    The resource is as the request describes it but for its organization. An attribute that the
    request leaves out is absent, and an id that it leaves out is one that no rule knows.
    """
    kind, directory = request.resource_type, moment.directory
    request = request.but(
        resource_id=request.resource_id or UNNAMED,
        resource_properties={
            name: value
            for name, value in request.resource_properties.items()
            if name != "organization" and value is not None
        },
    )
    for found in (circumstances_of(request, moment), subject_of(request, moment)):
        if type(found) is Failure:
            return Scope(nowhere=found)
    if kind not in BUILT_IN_TYPES and directory.marks.roots:
        somewhere = {
            **request.resource_properties,
            "organization": next(iter(directory.marks.roots)),
        }
        probe = request.but(resource_id=UNNAMED, resource_properties=somewhere)
        if type(found := resource_of(probe, moment)) is Failure:
            return Scope(nowhere=found)
    cls = moment.vocabulary.entity_classes[kind]

    def ask(notes: Notes) -> Question:
        watched = WatchedMoment(notes, moment)
        given, context = circumstances_of(request, watched)
        subject = subject_of(request, watched)
        if cls is Organization:
            resource = Organization(watched, OrganizationInHand(notes))
        else:
            key = (kind, request.resource_id)
            resource = cls(watched, DescribedInHand(notes, key, request.resource_properties))
        return Question(subject, request.action, resource, given, context)

    def decides(name: str) -> bool:
        if cls is Organization:
            return allowed(engine, moment, request.but(resource_id=name))
        properties = {**request.resource_properties, "organization": name}
        return allowed(engine, moment, request.but(resource_properties=properties))

    areas, _, read = find_areas(engine, directory, ask, Region(), imagined=True)
    certain = [area.region for area in areas if area.certain]
    subtrees = tuple(_subtrees(certain, directory))
    single = sorted(
        {
            path[-1]
            for area in areas
            if not area.certain
            for path in area.region.paths(directory)
            if not any(region.has(path, directory) for region in certain) and decides(path[-1])
        }
    )
    said = {"id": request.resource_id, **request.resource_properties}
    if request.resource_id == UNNAMED:
        del said["id"]
    return Scope(subtrees, tuple(single), tuple((name, said.get(name)) for name in sorted(read)))


def _subtrees(regions: list[Region], directory: Directory) -> Iterator[Subtree]:
    """The regions as subtrees: one for each organization at which something changes."""
    known = directory.organizations
    paths: list[Path] = [(), *sorted(known[name].path for name in _landmarks(regions, directory))]
    levels_at: dict[Path, tuple[int, ...]] = {}
    changes: list[Path] = []
    lines: dict[Path, Path] = {}
    for path in paths:
        levels_at[path] = tuple(_levels(path, regions, directory))
        above = next((path[:n] for n in range(len(path) - 1, -1, -1) if path[:n] in levels_at), ())
        lines[path] = above
        inherited = tuple(level for level in levels_at[above] if level >= len(path))
        if not path or levels_at[path] != inherited:
            changes.append(path)
    changed = set(changes)
    without: dict[Path, list[str]] = {path: [] for path in changes}
    for path in changes:
        above = lines[path] if path else None
        while above is not None and above not in changed:
            above = lines[above]
        if above is not None and any(level >= len(path) for level in levels_at[above]):
            without[above].append(path[-1])
    for path in changes:
        if levels := levels_at[path]:
            every = tuple(range(max(1, len(path)), directory.levels + 1))
            yield Subtree(
                path[-1] if path else None,
                None if levels == every else levels,
                tuple(without[path]),
            )


def _landmarks(regions: list[Region], directory: Directory) -> set[str]:
    """Every organization at which the answer may change."""
    marks, found = directory.marks, set()
    for region in regions:
        for query, _, _ in region.constraints:
            match query:
                case In() | Is():
                    found.add(query.name)
                case OneOf():
                    found.update(query.names)
                case Closed():
                    found.update(marks.closed)
                case Gated():
                    found.update(marks.gated)
    return {name for name in found if name in directory.organizations}


def _levels(path: Path, regions: list[Region], directory: Directory) -> Iterator[int]:
    """The levels at which everything is allowed that has this landmark nearest above it."""
    for level in range(max(1, len(path)), directory.levels + 1):
        there = path + (IMAGINED,) * (level - len(path))
        if any(region.has(there, directory) for region in regions):
            yield level
