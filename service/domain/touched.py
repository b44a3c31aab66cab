"""What changes name, and which records they may have touched, so that nobody compares worlds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.domain import entries
from service.domain.directory import Directory
from service.domain.identifiers import Key, parse_reference
from service.domain.records import ALL
from service.domain.schema import Schema

SUBJECTS = {
    "put_organization": "organization",
    "move_organization": "organization",
    "suspend_organization": "organization",
    "resume_organization": "organization",
    "remove_organization": "organization",
    "put_user": "user",
    "remove_user": "user",
    "grant_membership": "user",
    "revoke_membership": "user",
    "select_organization": "user",
    "assign_subscription": "user",
    "unassign_subscription": "user",
    "put_resource": "resource",
    "remove_resource": "resource",
    "share": "resource",
    "unshare": "resource",
    "put_subscription": "subscription",
    "remove_subscription": "subscription",
    "put_partner": "partner",
    "remove_partner": "partner",
}
"""The field of each operation that names what it changes: one record, or a subtree that moves."""


_ONE = {
    **{"organization": "organization", "parent": "organization", "to": "organization"},
    **{"user": "user", "subscription": "subscription", "partner": "partner"},
}
_SEVERAL = {"with": "organization", "memberships": "organization", "subscriptions": "subscription"}


def named(change: Mapping[str, Any], schema: Schema) -> Iterator[tuple[str, Key]]:
    """Everything that a change names, each under its field; what is left out names nothing.

    The change must be well spelt, whether it can be made or not.
    """
    if change["op"] == "put_resource":
        key = key_of(change)
        yield "resource", key
        yield "organization", ("organization", change["organization"])
        for attribute in schema.attributes_of(key[0]).values():
            value = change.get(attribute.name)
            for link in () if value is None else entries.references(attribute, value):
                yield link.field, link.target
        return
    for field, value in change.items():
        if field == "resource":
            yield field, parse_reference(value)
        elif field in _ONE and value is not None:
            yield field, (_ONE[field], value)
        elif field in _SEVERAL and value not in (None, ALL):
            for index, name in enumerate(value):
                place = f".{name}" if field == "memberships" else f"[{index}]"
                yield f"{field}{place}", (_SEVERAL[field], name)


def key_of(change: Mapping[str, Any]) -> Key:
    """What a change is about: the only record it changes, but for the paths below one that moves.

    The change must be well spelt.
    """
    field = SUBJECTS[change["op"]]
    name = change[field]
    return parse_reference(name) if field == "resource" else (field, name)


def touched(before: Directory, after: Directory, changes: Sequence[Mapping[str, Any]]) -> set[Key]:
    """The keys of all records that differ between the facts before and after these changes.

    Some of them may be equal: a change may say what was true already.
    """
    return {key for change in changes for key in _touched_by(before, after, change)}


def _touched_by(before: Directory, after: Directory, change: Mapping[str, Any]) -> Iterator[Key]:
    key = key_of(change)
    yield key
    # Whoever moves takes along all below it. What lay below it before has either moved with it, or
    # was moved or removed by a change of its own.
    old, new = before.get(key), after.get(key)
    if key[0] == "organization" and old and new and old.path != new.path:
        for inner in after.subtree(key[1]):
            yield "organization", inner
