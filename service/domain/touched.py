"""Which records a list of changes may have touched, so that nobody has to compare two worlds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.domain.directory import Directory
from service.domain.identifiers import Key, parse_reference

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


def key_of(change: Mapping[str, Any]) -> Key:
    """What a change is about: the only record it changes, but for the paths below one that moves.

    The change must be one that `apply_changes` has made.
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
