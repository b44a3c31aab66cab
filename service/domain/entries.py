"""One entry of a world document, or of a change, read into a record.

Every reader collects what is wrong and goes on, so that one pass finds every problem. What an
entry points to is checked afterwards (`dangling`), when all of the world is known.

Ids of other entries and words from a list are interned: they stand in thousands of records, take
their place once, and are found equal without being looked at.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from sys import intern
from typing import Any

from service.domain.identifiers import (
    Key,
    are_plain_ids,
    id_problem,
    parse_moment,
    parse_reference,
    reference,
)
from service.domain.records import (
    ALL,
    DEPTHS,
    NO_ATTRIBUTES,
    PARTNER_ROLES,
    ROLES,
    STATUSES,
    SUBSCRIPTION_TYPES,
    USER_STATUSES,
    USER_TYPES,
    Link,
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    Share,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import LIST_KINDS, Attribute, Schema
from service.errors import Problem

TERMS = ("plan", "telephony", "product", "department")


class Entry:
    """The fields of one entry, taken one by one; what is left over is unknown."""

    def __init__(self, fields: Any, path: str, problems: list[Problem]):
        self.path = path
        self.problems = problems
        if not isinstance(fields, Mapping):
            self.problem("", fields, "is not a table of fields")
            fields = {}
        self.fields = fields
        self._taken: set[str] = set()

    def problem(self, field: str, value: Any, reason: str) -> None:
        """Note that `field` of this entry holds what it must not."""
        path = f"{self.path}.{field}" if field else self.path
        self.problems.append(Problem(path, value, reason))

    def take(self, field: str) -> Any:
        """The field as it stands; None where it is absent or null."""
        self._taken.add(field)
        return self.fields.get(field)

    def text(self, field: str, default: str | None = None) -> str | None:
        value = self.take(field)
        if value is None:
            return default
        if not isinstance(value, str):
            self.problem(field, value, "is not a string")
            return default
        return value

    def flag(self, field: str) -> bool:
        value = self.take(field)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.problem(field, value, "is not true or false")
        return False

    def table(self, field: str, what: str) -> Mapping[str, Any]:
        value = self.take(field)
        if value is None or isinstance(value, Mapping):
            return value or {}
        self.problem(field, value, f"is not a table of {what}")
        return {}

    def choice(self, field: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.take(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in choices:
            what = "is missing; it is" if value is None else "is not"
            self.problem(field, value, f"{what} one of {', '.join(choices)}")
            return default or choices[0]
        return intern(value)

    def id(self, field: str, optional: bool = False) -> str | None:
        value = self.take(field)
        if value is None:
            if not optional:
                self.problem(field, None, "is missing")
            return None
        if reason := id_problem(value):
            self.problem(field, value, f"{reason}, so it is no id")
            return None
        return intern(value)

    def ids(self, field: str) -> tuple[str, ...]:
        value = self.take(field)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problem(field, value, "is not a list of ids")
            return ()
        result = []
        for index, item in enumerate(value):
            if reason := id_problem(item):
                self.problem(f"{field}[{index}]", item, f"{reason}, so it is no id")
            elif item in result:
                self.problem(f"{field}[{index}]", item, "stands in the list twice")
            else:
                result.append(intern(item))
        return tuple(result)

    def moment(self, field: str, optional: bool = False) -> datetime | None:
        value = self.take(field)
        if value is None:
            if not optional:
                self.problem(field, None, "is missing")
            return None
        moment = parse_moment(value)
        if moment is None:
            reason = "is no date or time with a zone, such as 2026-01-01 or 2026-01-01T00:00:00Z"
            self.problem(field, value, reason)
        return moment

    def finish(self) -> None:
        """Note every field that nobody took."""
        if self.fields.keys() <= self._taken:
            return
        for field in self.fields.keys() - self._taken:
            near = get_close_matches(str(field), self._taken, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            self.problem(str(field), None, f"is not known here{hint}")


def parent_of(entry: Entry) -> str | None:
    """The organization above, None at level 1."""
    if isinstance(entry.fields.get("parent"), list):
        entry.problem(
            "parent", entry.take("parent"), "names several; an organization has one parent"
        )
        return None
    return entry.id("parent", optional=True)


def organization(name: str, entry: Entry, path: tuple[str, ...]) -> OrganizationRecord:
    """The organization that `entry` describes, at `path`; its `parent` is read by `parent_of`."""
    return OrganizationRecord(
        key=("organization", intern(name)),
        name=entry.text("name", name),
        kind=entry.text("kind", ""),
        status=entry.choice("status", STATUSES, "active"),
        subscription_required=entry.flag("subscription_required"),
        path=tuple(intern(each) for each in path),
    )


def user(name: str, entry: Entry) -> UserRecord:
    held = []
    for place, role in entry.table("memberships", "organizations and roles").items():
        if reason := id_problem(place):
            entry.problem(f"memberships.{place}", place, f"{reason}, so it is no id")
        elif role not in ROLES:
            reason = f"is not one of {', '.join(ROLES)}"
            entry.problem(f"memberships.{place}", role, reason)
        else:
            held.append((intern(place), intern(role)))
    selected = entry.id("selected", optional=True)
    if selected is not None and selected not in dict(held):
        entry.problem("selected", selected, "is not one of the user's memberships")
    return UserRecord(
        key=("user", name),
        name=entry.text("name", ""),
        type=entry.choice("type", USER_TYPES, "human"),
        status=entry.choice("status", USER_STATUSES, "active"),
        memberships=tuple(held),
        selected=selected,
        subscriptions=entry.ids("subscriptions"),
    )


def subscription(name: str, entry: Entry) -> SubscriptionRecord:
    starts, ends = entry.moment("starts"), entry.moment("ends")
    if starts and ends and ends <= starts:
        entry.problem("ends", entry.take("ends"), "is not after `starts`; the end is exclusive")
    numbers = entry.table("entitlements", "numbers")
    for what, number in numbers.items():
        if _integer_problem(number) or number < 0:
            reason = "is not a whole number from 0 of at most 64 bits"
            entry.problem(f"entitlements.{what}", number, reason)
    return SubscriptionRecord(
        key=("subscription", intern(name)),
        organization=entry.id("organization") or "",
        type=entry.choice("type", SUBSCRIPTION_TYPES),
        starts=starts,
        ends=ends,
        **{term: entry.text(term) for term in TERMS},
        hybrid=entry.flag("hybrid"),
        entitlements=dict(numbers),
    )


def partner(name: str, entry: Entry) -> PartnerRecord:
    place = entry.id("organization") or ""
    return PartnerRecord(("partner", name), place, entry.choice("role", PARTNER_ROLES))


def resource(key: Key, entry: Entry, schema: Schema, shares: tuple[Share, ...]) -> ResourceRecord:
    """The resource that `entry` describes. Raises nothing; its type must be known to the schema."""
    place = entry.id("organization") or ""
    values: dict[str, Any] = {}
    links: list[Link] = []
    for attribute in schema.attributes_of(key[0]).values():
        value = entry.take(attribute.name)
        if value is None:
            if not attribute.optional:
                entry.problem(attribute.name, None, "is missing")
        elif reason := value_problem(attribute.kind, value):
            entry.problem(attribute.name, value, reason)
        else:
            values[attribute.name] = value
            links += references(attribute, value)
    return ResourceRecord(key, place, values or NO_ATTRIBUTES, tuple(links), shares)


def references(attribute: Attribute, value: Any) -> Iterable[Link]:
    """What a resource points to through this attribute, which has been checked."""
    relation = f"attribute {attribute.name}"
    if attribute.kind in LIST_KINDS:
        for index, name in enumerate(() if value == ALL else value):
            yield Link(("organization", name), relation, f"{attribute.name}[{index}]")
    elif attribute.kind not in _PLAIN:
        yield Link((attribute.kind, value), relation, attribute.name)


def share(entry: Entry) -> Share:
    """The share that `entry` describes; its `resource` is read by the caller."""
    wanted = entry.take("with")
    targets: frozenset[str] | None = None
    if isinstance(wanted, list):
        targets = frozenset(entry.ids("with"))
        if not wanted:
            entry.problem("with", wanted, 'names nobody; list organizations, or say "all"')
    elif wanted != ALL:
        entry.problem("with", wanted, 'is neither "all" nor a list of organizations')
    depth = entry.choice("depth", DEPTHS, "children")
    begins, ends = entry.moment("valid_from", True), entry.moment("valid_until", True)
    if begins and ends and ends <= begins:
        entry.problem("valid_until", entry.take("valid_until"), "is not after `valid_from`")
    return Share(targets, depth == "descendants", begins, ends)


def not_shareable(key: Key, schema: Schema) -> str:
    """Why a resource of this type cannot be shared, with those that can (S1-28 to S1-31)."""
    open_types = ", ".join(name for name, known in schema.types.items() if known.shareable)
    return f"is of type {key[0]}, which cannot be shared; these can: {open_types or 'none'}"


def resource_key(entry: Entry, field: str, schema: Schema) -> Key | None:
    """The resource that `field` names as `type:id`, of a type that the policies know."""
    value = entry.take(field)
    problem = resource_key_problem(value, schema)
    if problem:
        entry.problem(field, value, problem)
        return None
    return parse_reference(value)


def resource_key_problem(value: Any, schema: Schema) -> str | None:
    """Why `value` names no storable resource, or None when it does."""
    key = parse_reference(value)
    if key is None:
        return "is not of the form `type:id`"
    if key[0] in ("organization", "user", "partner"):
        return f"is not stored as a resource; put it under `{key[0]}s`"
    if key[0] not in schema.types:
        near = get_close_matches(key[0], schema.types, 1)
        hint = f"; did you mean `{near[0]}`?" if near else "; see policies/types.toml"
        return f"has a type that the policies do not know{hint}"
    if reason := id_problem(key[1]):
        return f"has an id that {reason}"
    return None


def dangling(
    record: Record, lookup: Callable[[Key], Record | None]
) -> Iterable[tuple[str, str, str]]:
    """(field, id, reason) for each link of `record` that points nowhere, or where it must not."""
    for target, relation, field in record.links():
        found = lookup(target)
        if found is None:
            yield field, target[1], f"names {reference(target)}, which is not in the world"
        elif relation == "subscription" and len(found.path) != 2:
            level = len(found.path)
            yield field, target[1], f"is at level {level}; subscriptions belong to level 2"


def value_problem(kind: str, value: Any) -> str | None:
    """Why `value` is not of this kind of attribute, or None when it is."""
    # What is named need only be a string here: whether it is in the world is asked elsewhere.
    return _CHECKS.get(kind, _string_problem)(value)


def _string_problem(value: Any) -> str | None:
    return None if type(value) is str else "is not a string"


def _integer_problem(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "is not a whole number"
    return None if -(2**63) <= value < 2**63 else "does not fit into 64 bits"


def _number_problem(value: Any) -> str | None:
    if isinstance(value, float):
        return None if isfinite(value) else "is not a finite number"
    return None if _integer_problem(value) is None else "is not a number"


def _boolean_problem(value: Any) -> str | None:
    return None if type(value) is bool else "is not true or false"


def _strings_problem(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return None
    return "is not a list of strings"


def _ids_problem(value: Any) -> str | None:
    if not isinstance(value, list):
        return "is not a list of ids"
    if are_plain_ids(value):
        return None
    return next(
        (f"holds an id that {reason}" for item in value if (reason := id_problem(item))), None
    )


def _targets_problem(value: Any) -> str | None:
    if value == ALL:
        return None
    if not isinstance(value, list) or not value:
        return 'is neither "all" nor a list of organizations'
    return _ids_problem(value)


_PLAIN: dict[str, Callable[[Any], str | None]] = {
    "string": _string_problem,
    "integer": _integer_problem,
    "number": _number_problem,
    "boolean": _boolean_problem,
    "strings": _strings_problem,
}
_CHECKS = {**_PLAIN, "organizations": _ids_problem, "targets": _targets_problem}
