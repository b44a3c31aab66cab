"""Changes of the facts (contract section 2), each checked against the facts it meets.

A list of changes applies whole or not at all. Each is checked against what the ones before it have
made, so a list may create an organization and then put a user into it.

What can be wrong with a change is of two sorts, which are kept apart: what it says is wrong in
whatever world (`Entry.problem`), or these facts have something against it (`_Step.clash`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from service.domain import entries
from service.domain.directory import Directory
from service.domain.entries import Entry
from service.domain.identifiers import Key, reference
from service.domain.records import ROLES, OrganizationRecord, Record, ResourceRecord, UserRecord
from service.domain.schema import Schema
from service.errors import InvalidChanges, Problem

HOLDERS_SHOWN = 3
HOLDERS_LOOKED_AT = 100
"""Of all that keep something from being removed, where not everybody may be shown each."""

Shows = Callable[[Key], bool]
"""Whether whoever makes a change may be told that something is there."""


@dataclass(slots=True)
class _Step:
    """One change being made: the facts before it, its fields, and whatever is wrong with it."""

    directory: Directory
    schema: Schema
    entry: Entry
    shows: Shows | None
    clashes: list[Problem]
    meant: Record | None = None
    """What would stand there, were there nothing against it; None for nothing."""

    @property
    def failed(self) -> bool:
        return bool(self.entry.problems or self.clashes)

    def clash(self, field: str, value: Any, reason: str) -> None:
        """Note that the facts have something against this field."""
        self.clashes.append(Problem(f"{self.entry.path}.{field}", value, reason))

    def existing(self, field: str, kind: str) -> Record | None:
        """The record that `field` names, which must be in the world."""
        name = self.entry.id(field)
        record = self.directory.get((kind, name)) if name is not None else None
        if name is not None and record is None:
            self.clash(field, name, f"names no {kind} of this world")
        return record

    def resource(self, to_share: bool = False) -> ResourceRecord | None:
        key = entries.resource_key(self.entry, "resource", self.schema)
        record = self.directory.get(key) if key else None
        if key and to_share and not self.schema.types[key[0]].shareable:
            reason = entries.not_shareable(key, self.schema)
            self.entry.problem("resource", reference(key), reason)
        if key and record is None:
            self.clash("resource", reference(key), "is not in the world")
        return record


class Attempt(NamedTuple):
    """What becomes of one change: the facts after it, or why there are none."""

    after: Directory | None
    """None if anything is wrong with it."""
    meant: Record | None
    """What would stand where the change is made, None for nothing; also where the facts clash with
    it, unless it is that something it names is not there."""
    misspelt: tuple[Problem, ...]
    """What is wrong with its own words, in whatever world."""
    clashes: tuple[Problem, ...]
    """What these facts have against it."""


def apply_changes(
    directory: Directory, changes: Iterable[Mapping[str, Any]], schema: Schema
) -> Directory:
    """The directory after all changes, one revision later.

    Raises:
        InvalidChanges: at least one cannot be made; every problem of the first such change is
            listed as `changes[INDEX].field`, and `directory` stays as it is.
    """
    current = directory
    for index, change in enumerate(changes):
        made = attempt(current, change, index, schema)
        if made.after is None:
            raise InvalidChanges(made.misspelt + made.clashes)
        current = made.after
    return current.at_revision(directory.revision + 1)


def attempt(
    directory: Directory,
    change: Mapping[str, Any],
    index: int,
    schema: Schema,
    shows: Shows | None = None,
) -> Attempt:
    """What becomes of the change that stands at `index` of a list; raises nothing.

    With `shows`, what is wrong names nothing else of the world than what the change itself names
    and what `shows` lets pass.
    """
    entry = Entry(change, f"changes[{index}]", [])
    name = entry.choice("op", tuple(OPERATIONS))
    if entry.problems:
        return Attempt(None, None, tuple(entry.problems), ())
    step = _Step(directory, schema, entry, shows, clashes=[])
    made = OPERATIONS[name](step)
    entry.finish()
    after = None if step.failed else made
    return Attempt(after, step.meant, tuple(entry.problems), tuple(step.clashes))


def _put(step: _Step, record: Record) -> Directory:
    step.meant = record
    for field, value, reason in entries.dangling(record, step.directory.get):
        if value:
            step.clash(field, value, reason)
    return step.directory if step.failed else step.directory.put([record])


def _remove(step: _Step, record: Record | None, in_the_way: Sequence[str]) -> Directory:
    """The directory without `record`, refused while anything points to it in one of these ways."""
    if record is None:
        return step.directory
    for relation in in_the_way:
        if holders := step.directory.linked(record.key, relation):
            kind, name = record.key
            field = kind if kind in step.entry.fields else "resource"
            still = _SAYS.get(relation, "what refers to it")
            step.clash(field, name, f"still has {still}{_some_of(holders, step.shows)}")
    return step.directory if step.failed else step.directory.remove(record.key)


def _some_of(holders: Iterable[Key], shows: Shows | None) -> str:
    """The first of them, as far as they may be shown; nothing, rather than how many, of others."""
    ordered = sorted(holders)
    if shows is not None:
        seen = filter(shows, ordered[:HOLDERS_LOOKED_AT])
        ordered = list(islice(seen, HOLDERS_SHOWN))
    if not ordered:
        return ""
    more = len(ordered) - HOLDERS_SHOWN
    first = ", ".join(reference(key) for key in ordered[:HOLDERS_SHOWN])
    return f": {first} and {more} more" if more > 0 else f": {first}"


_SAYS = {
    "parent": "organizations below it",
    "member": "members",
    "partner": "partners",
    "subscription": "subscriptions",
    "mapped": "users who are mapped to it",
    "share target": "resources shared with it",
}


# Organizations


def _put_organization(step: _Step) -> Directory:
    name = step.entry.id("organization")
    parent_name = entries.parent_of(step.entry)
    above: tuple[str, ...] = ()
    if parent_name is not None:
        parent = step.directory.get(("organization", parent_name))
        if parent is None:
            step.clash("parent", parent_name, "names no organization of this world")
        else:
            above = parent.path
    record = entries.organization(name or "", step.entry, (*above, name or ""))
    before = step.directory.get(record.key)
    if step.failed:
        return step.directory
    if before is None or before.path == record.path:
        _check_level(step, "parent", len(record.path))
        return _put(step, record)
    return _moved(step, record, above, "parent")


def _move_organization(step: _Step) -> Directory:
    record = step.existing("organization", "organization")
    target = step.existing("to", "organization")
    if record is None or target is None:
        return step.directory
    return _moved(step, record, target.path, "to")


def _moved(
    step: _Step, record: OrganizationRecord, above: tuple[str, ...], field: str
) -> Directory:
    """The directory in which `record` and all below it stand under the path `above`."""
    name = record.key[1]
    step.meant = replace(record, path=(*above, name))
    if name in above:
        step.clash(field, above[-1], f"lies in {name} itself; nothing stands above itself")
        return step.directory
    below = list(step.directory.subtree(name))
    old_length = len(step.directory.get(record.key).path)
    moved = [step.meant]
    for inner in below[1:]:
        other = step.directory.get(("organization", inner))
        moved.append(replace(other, path=(*above, *other.path[old_length - 1 :])))
    _check_level(step, field, max(len(each.path) for each in moved))
    for each in moved:
        if len(each.path) != 2 and step.directory.linked(each.key, "subscription"):
            reason = f"would put {each.key[1]} at level {len(each.path)}, but it has subscriptions"
            step.clash(field, above[-1] if above else None, reason)
    return step.directory if step.failed else step.directory.put(moved)


def _check_level(step: _Step, field: str, level: int) -> None:
    last = step.directory.levels
    if level > last:
        value = step.entry.fields.get(field)
        step.clash(field, value, f"would reach level {level}; the last level is {last}")


def _set_status(step: _Step, status: str, from_statuses: tuple[str, ...]) -> Directory:
    record = step.existing("organization", "organization")
    if record is None:
        return step.directory
    if record.status not in from_statuses:
        name = record.key[1]
        step.clash("organization", name, f"is {record.status}; use put_organization")
    return _put(step, replace(record, status=status))


def _suspend_organization(step: _Step) -> Directory:
    return _set_status(step, "suspended", ("active", "invited", "suspended"))


def _resume_organization(step: _Step) -> Directory:
    return _set_status(step, "active", ("active", "suspended"))


def _remove_organization(step: _Step) -> Directory:
    record = step.existing("organization", "organization")
    if record is None:
        return step.directory
    holds = [f"holds {kind}" for kind in step.schema.types]
    refers = _references_to(step.schema, "organization", "organizations", "targets")
    below = ("parent", "member", "subscription", "partner", "share target")
    return _remove(step, record, (*below, *holds, *refers))


# Users


def _put_user(step: _Step) -> Directory:
    name = step.entry.id("user")
    return _put(step, entries.user(name or "", step.entry))


def _remove_user(step: _Step) -> Directory:
    return _remove(step, step.existing("user", "user"), _references_to(step.schema, "user"))


def _with_user(step: _Step, change: Callable[[UserRecord], UserRecord]) -> Directory:
    record = step.existing("user", "user")
    return step.directory if record is None else _put(step, change(record))


def _grant_membership(step: _Step) -> Directory:
    place = step.existing("organization", "organization")
    role = step.entry.choice("role", ROLES)
    if place is None:
        step.existing("user", "user")
        return step.directory

    def granted(user: UserRecord) -> UserRecord:
        memberships = {**dict(user.memberships), place.key[1]: role}
        return replace(user, memberships=tuple(memberships.items()))

    return _with_user(step, granted)


def _revoke_membership(step: _Step) -> Directory:
    place = step.existing("organization", "organization")
    if place is None:
        step.existing("user", "user")
        return step.directory
    name = place.key[1]

    def revoked(user: UserRecord) -> UserRecord:
        memberships = tuple(held for held in user.memberships if held[0] != name)
        selected = None if user.selected == name else user.selected
        return replace(user, memberships=memberships, selected=selected)

    return _with_user(step, revoked)


def _select_organization(step: _Step) -> Directory:
    place = step.entry.id("organization")

    def selected(user: UserRecord) -> UserRecord:
        if place not in dict(user.memberships):
            step.clash("organization", place, "is not one of the user's memberships")
        return replace(user, selected=place)

    return _with_user(step, selected)


def _assign_subscription(step: _Step) -> Directory:
    name = step.entry.id("subscription")

    def assigned(user: UserRecord) -> UserRecord:
        if name in user.subscriptions:
            return user
        return replace(user, subscriptions=(*user.subscriptions, name or ""))

    return _with_user(step, assigned)


def _unassign_subscription(step: _Step) -> Directory:
    bought = step.existing("subscription", "subscription")
    if bought is None:
        step.existing("user", "user")
        return step.directory
    name = bought.key[1]

    def unassigned(user: UserRecord) -> UserRecord:
        return replace(user, subscriptions=tuple(s for s in user.subscriptions if s != name))

    return _with_user(step, unassigned)


# Resources and shares


def _put_resource(step: _Step) -> Directory:
    key = entries.resource_key(step.entry, "resource", step.schema)
    if key is None:
        return step.directory
    before = step.directory.get(key)
    shares = before.shares if before is not None else ()
    return _put(step, entries.resource(key, step.entry, step.schema, shares))


def _remove_resource(step: _Step) -> Directory:
    record = step.resource()
    kind = record.key[0] if record else ""
    return _remove(step, record, _references_to(step.schema, kind))


def _share(step: _Step) -> Directory:
    record = step.resource(to_share=True)
    share = entries.share(step.entry)
    if record is None:
        return step.directory
    for target in share.targets or ():
        found = step.directory.get(("organization", target))
        if found is not None and record.organization not in found.path[:-1]:
            reason = f"does not lie below {record.organization}, which owns the resource"
            step.clash("with", target, reason)
    shares = record.shares if share in record.shares else (*record.shares, share)
    return _put(step, replace(record, shares=shares))


def _unshare(step: _Step) -> Directory:
    record = step.resource()
    return step.directory if record is None else _put(step, replace(record, shares=()))


# Subscriptions and partners


def _put_subscription(step: _Step) -> Directory:
    name = step.entry.id("subscription")
    return _put(step, entries.subscription(name or "", step.entry))


def _remove_subscription(step: _Step) -> Directory:
    in_the_way = ("mapped", *_references_to(step.schema, "subscription"))
    return _remove(step, step.existing("subscription", "subscription"), in_the_way)


def _put_partner(step: _Step) -> Directory:
    name = step.entry.id("partner")
    return _put(step, entries.partner(name or "", step.entry))


def _remove_partner(step: _Step) -> Directory:
    in_the_way = _references_to(step.schema, "partner")
    return _remove(step, step.existing("partner", "partner"), in_the_way)


def _references_to(schema: Schema, *kinds: str) -> list[str]:
    """The relations by which a resource of any type may point to something of these kinds."""
    return sorted(
        {
            f"attribute {attribute.name}"
            for known in schema.types.values()
            for attribute in known.attributes.values()
            if attribute.kind in kinds
        }
    )


OPERATIONS: dict[str, Callable[[_Step], Directory]] = {
    function.__name__.removeprefix("_"): function
    for function in (
        _put_organization,
        _move_organization,
        _suspend_organization,
        _resume_organization,
        _remove_organization,
        _put_user,
        _remove_user,
        _grant_membership,
        _revoke_membership,
        _select_organization,
        _put_resource,
        _remove_resource,
        _share,
        _unshare,
        _put_subscription,
        _remove_subscription,
        _assign_subscription,
        _unassign_subscription,
        _put_partner,
        _remove_partner,
    )
}
