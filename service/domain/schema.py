"""What the law speaks about: types of resources and subjects, their attributes, their actions.

Declared in `policies/types.toml`, so that a policy set brings its own with no line of Python.
`organization`, `user` and `partner` are always there; a policy set only gives them actions.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from service.errors import InvalidPolicy, Problem

PLAIN_KINDS = ("string", "integer", "number", "boolean", "strings")
REFERENCE_KINDS = ("organization", "user", "partner", "subscription")
LIST_KINDS = ("organizations", "targets")
ANY_KIND = "any"
"""Of a name that two actions declare differently."""
BUILT_IN_TYPES = ("organization", "user", "partner")
_CLASSES_OF_ALL_RULES = ("entity", "placed", "item", "shareable", "request", "context")
_CLASSES_OF_POLAR = ("float", "list", "dictionary")
RESERVED_NAMES = frozenset(
    (*PLAIN_KINDS, *REFERENCE_KINDS, *LIST_KINDS, *_CLASSES_OF_ALL_RULES, *_CLASSES_OF_POLAR)
)
RESERVED_ATTRIBUTES = frozenset(
    ("id", "type", "organization", "has", "shared_with", "usable_in", "shares")
)

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")


class Attribute(NamedTuple):
    """A named value of an entity, an action or the context."""

    name: str
    kind: str
    """One of PLAIN_KINDS, REFERENCE_KINDS, LIST_KINDS, or the name of a declared type."""
    optional: bool


Attributes = Mapping[str, Attribute]


class EntityType(NamedTuple):
    """A type of resource, and of subject where `subject` says so."""

    name: str
    attributes: Attributes
    actions: Mapping[str, Attributes]
    shareable: bool
    subject: bool

    @property
    def class_name(self) -> str:
        """How a rule's head spells the type: `add_on` is `AddOn`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


class Schema(NamedTuple):
    """Every type a policy set speaks about, and what it may read of the context."""

    types: Mapping[str, EntityType]
    context: Attributes

    def attributes_of(self, kind: str) -> Attributes:
        """What is declared of a type beyond what all have; empty for a type that is not known."""
        known = self.types.get(kind)
        return known.attributes if known else {}


def read_schema(document: Mapping[str, Any], file: str = "types.toml") -> Schema:
    """The schema that a parsed `types.toml` declares.

    Raises:
        InvalidPolicy: with every problem, its place as `types.toml: types.document.attributes.x`.
    """
    problems: list[Problem] = []

    def problem(path: str, value: Any, reason: str) -> None:
        problems.append(Problem(f"{file}: {path}", value, reason))

    for key in document.keys() - {"types", "context"}:
        problem(key, None, "is not known; a type is declared as [types.NAME]")
    declared = _table(document, "types", "types", problem)
    context = _attributes(_table(document, "context", "context", problem), "context", problem)
    types: dict[str, EntityType] = {}
    for name in BUILT_IN_TYPES:
        types[name] = EntityType(name, {}, {}, False, name != "organization")
    for name, entry in declared.items():
        path = f"types.{name}"
        if not isinstance(entry, Mapping):
            problem(path, entry, "is not a table")
        elif not _NAME.match(name):
            problem(path, name, "is not a lower_snake_case name")
        elif name in RESERVED_NAMES and name not in BUILT_IN_TYPES:
            problem(path, name, "is a name that Watershed uses itself; choose another")
        else:
            types[name] = _entity_type(name, entry, path, problem)
    _check_kinds(types, context, problem)
    class_names: dict[str, str] = {}
    for name, known in types.items():
        other = class_names.setdefault(known.class_name, name)
        if other != name:
            problem(
                f"types.{name}", name, f"is spelled {known.class_name} in rules, like `{other}`"
            )
    if problems:
        raise InvalidPolicy(problems)
    return Schema(types, context)


def _entity_type(name: str, entry: Mapping[str, Any], path: str, problem) -> EntityType:
    built_in = name in BUILT_IN_TYPES
    known = {"actions"} if built_in else {"actions", "attributes", "shareable", "subject"}
    for key in entry.keys() - known:
        reason = f"is not known here; known are {', '.join(sorted(known))}"
        problem(f"{path}.{key}", None, reason)
    flags = {}
    for flag in ("shareable", "subject"):
        flags[flag] = entry.get(flag, False)
        if not isinstance(flags[flag], bool):
            problem(f"{path}.{flag}", flags[flag], "is not true or false")
    attributes = _attributes(
        _table(entry, "attributes", f"{path}.attributes", problem), f"{path}.attributes", problem
    )
    for attribute in attributes.keys() & RESERVED_ATTRIBUTES:
        problem(f"{path}.attributes.{attribute}", attribute, "is there for every resource already")
    actions = {}
    for action, parameters in _table(entry, "actions", f"{path}.actions", problem).items():
        place = f"{path}.actions.{action}"
        if not _NAME.match(action):
            problem(place, action, "is not a lower_snake_case name")
        if not isinstance(parameters, Mapping):
            problem(place, parameters, "is not a table of parameters; write {} for none")
            continue
        actions[action] = _attributes(parameters, place, problem)
    is_subject = name != "organization" if built_in else bool(flags["subject"])
    return EntityType(name, attributes, actions, bool(flags["shareable"]), is_subject)


def _table(parent: Mapping[str, Any], key: str, path: str, problem) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if isinstance(value, Mapping):
        return value
    problem(path, value, "is not a table")
    return {}


def _attributes(table: Mapping[str, Any], path: str, problem) -> dict[str, Attribute]:
    result = {}
    for name, kind in table.items():
        if not _NAME.match(name) or name == "has":
            problem(f"{path}.{name}", name, "is not a lower_snake_case name that rules could read")
        elif not isinstance(kind, str):
            problem(f"{path}.{name}", kind, 'is not a kind, such as "string" or "channel?"')
        else:
            result[name] = Attribute(name, kind.removesuffix("?"), kind.endswith("?"))
    return result


def _check_kinds(types: Mapping[str, EntityType], context: Attributes, problem) -> None:
    known = {*PLAIN_KINDS, *REFERENCE_KINDS, *LIST_KINDS, *types}
    places = [(f"context.{a.name}", a) for a in context.values()]
    for name, entity in types.items():
        places += [(f"types.{name}.attributes.{a.name}", a) for a in entity.attributes.values()]
        for action, parameters in entity.actions.items():
            place = f"types.{name}.actions.{action}"
            places += [(f"{place}.{a.name}", a) for a in parameters.values()]
    for place, attribute in places:
        if attribute.kind not in known:
            reason = f"is no kind of value; known are {', '.join(sorted(known))}"
            problem(place, attribute.kind, reason)
