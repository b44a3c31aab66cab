"""`changes.toml`: which actions a change means. What it does not name is allowed to nobody."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from service.domain.effects import KINDS, PUTTING, RESOURCE_EFFECTS, TERMS
from service.domain.schema import BUILT_IN_TYPES, Schema
from service.errors import InvalidPolicy, Problem

CHANGES_FILE = "changes.toml"

# What an effect brings along for the parameters of an action, beyond a resource's own attributes.
_VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("organization", "moved"): ("to",),
    ("user", "mapped"): ("subscription",),
    ("user", "unmapped"): ("subscription",),
    **dict.fromkeys(
        [("subscription", name) for name in ("bought", "entitled", "backdated")],
        (*TERMS, "term_years"),
    ),
}
_RESOURCE_VALUES: Mapping[str, tuple[str, ...]] = {"moved": ("to",), "shared": ("with",)}


class Demand(NamedTuple):
    """An action that must be allowed, and the word for what it must be allowed on."""

    action: str
    place: str


Mandates = Mapping[tuple[str, str], tuple[Demand, ...]]
"""By kind and effect, such as ("organization", "created"): whatever must be allowed."""


def read_mandates(document: Mapping[str, Any], schema: Schema) -> Mandates:
    """What a parsed `changes.toml` says of a policy set that speaks about these types.

    Raises:
        InvalidPolicy: with every problem, its place as `changes.toml: channel.moved`.
    """
    mandates: dict[tuple[str, str], tuple[Demand, ...]] = {}
    problems: list[Problem] = []
    for kind, lines in document.items():
        known = KINDS.get(kind)
        if known is None and kind in schema.types:
            known = RESOURCE_EFFECTS
        if known is None or not isinstance(lines, Mapping):
            what = _meant(kind, (*KINDS, *schema.types))
            problems.append(_problem(kind, None, f"is no type that changes{what}"))
            continue
        for effect, demands in lines.items():
            if effect not in known:
                reason = f"is nothing that happens to it{_meant(effect, known)}"
                problems.append(_problem(f"{kind}.{effect}", None, reason))
                continue
            asked = tuple(_demands(demands))
            mandates[kind, effect] = asked
            for reason in _wrong(kind, effect, asked, known[effect], schema):
                problems.append(_problem(f"{kind}.{effect}", None, reason))
    if problems:
        raise InvalidPolicy(problems)
    return mandates


def _problem(path: str, value: Any, reason: str) -> Problem:
    return Problem(f"{CHANGES_FILE}: {path}", value, reason)


def _demands(table: Any) -> Iterator[Demand]:
    """Each action with each of its places; nothing of whatever is no such table."""
    for action, places in table.items() if isinstance(table, Mapping) else ():
        for place in places if isinstance(places, list) else [places]:
            yield Demand(action, place if isinstance(place, str) else "")


def _wrong(
    kind: str, effect: str, asked: tuple[Demand, ...], places: tuple[str, ...], schema: Schema
) -> Iterator[str]:
    if not asked:
        yield 'demands nothing; write { ACTION = "WHAT" }, or leave the line out to deny it'
    named = _named(kind, effect, schema)
    for action, place in asked:
        if place not in places and place not in named:
            words = (*places, *named)
            near = f"; it is one of {', '.join(words)}" if words else ""
            yield f"`{place}` is nothing that this can be asked on{near}"
            continue
        of_type = named[place] if place not in places else _type_of(place, kind)
        actions = schema.types[of_type].actions if of_type in schema.types else {}
        if action not in actions:
            yield f"`{action}` is no action on {of_type}{_meant(action, actions)}"
            continue
        for parameter in actions[action].values():
            if not parameter.optional and parameter.name not in _values(kind, effect, schema):
                yield f"`{action}` needs `{parameter.name}`, which this change does not say"


def _named(kind: str, effect: str, schema: Schema) -> dict[str, str]:
    """The type of what each attribute of a resource names, where the effect puts the resource."""
    if kind in KINDS or effect not in PUTTING:
        return {}
    return {
        attribute.name: attribute.kind
        for attribute in schema.attributes_of(kind).values()
        if attribute.kind in schema.types
    }


def _type_of(place: str, kind: str) -> str:
    """The type of what a word stands for."""
    if place in ("resource", "put"):
        return kind
    return place if place in ("user", "partner") else "organization"


def _values(kind: str, effect: str, schema: Schema) -> set[str]:
    if kind in BUILT_IN_TYPES or kind not in schema.types:
        return set(_VALUES.get((kind, effect), ()))
    own = schema.attributes_of(kind) if effect in PUTTING else ()
    return {*_RESOURCE_VALUES.get(effect, ()), *own}


def _meant(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"; did you mean `{near[0]}`?" if near else ""
