"""An explanation told to a person: the same text everywhere, with colours on a terminal alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.commands.terminal import one_line
from service.policy.decision import REASONS, AccessRequest

Line = tuple[str, str]
"""A style and a text."""

SHOWN_SETS = 5
_HELD, _FAILED, _UNKNOWN = "✓", "✗", "·"


def tell(request: AccessRequest, body: Mapping[str, Any]) -> None:
    """Print the account of a decision, as `account_body` spells it."""
    from rich.console import Console
    from rich.text import Text

    # Neither wrapped nor decorated by rich: what is piped is what is read.
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in _lines(request, body):
        text = Text()
        for style, part in line:
            text.append(one_line(part), style)
        console.print(text)


def _lines(request: AccessRequest, body: Mapping[str, Any]) -> Iterable[list[Line]]:
    context = body["context"]
    allowed = body["decision"]
    asked = f"{request.subject_type}:{request.subject_id} {request.action}"
    yield [
        ("bold green" if allowed else "bold red", "allow  " if allowed else "deny  "),
        ("", f"{asked} {request.resource_type}:{request.resource_id}"),
    ]
    why = context.get("detail") or REASONS[context["reason"]]
    yield [("", f"  {context['reason']}: {why}")]
    if "obligations" in context:
        names = ", ".join(each["name"] for each in context["obligations"])
        yield [("", f"  with {names}")]
    if "valid_until" in context:
        yield [("", f"  the clock alone can change this at {context['valid_until']}")]
    for path in body["paths"]:
        yield [("", "  "), *_path(path)]
    yield from _rules("Rules that matched", body["rules"])
    yield from _rules("Rules that came closest", body["closest"])
    if body["facts"]:
        yield from _title("Facts, in the order in which they were read")
        for number, fact in enumerate(body["facts"], start=1):
            yield [("dim", f"  {number:2}  "), ("", fact["words"])]
    if "nearest_allow" in body:
        yield from _nearest(body["nearest_allow"], body["complete"])
    if "hangs_on" in body:
        yield from _hinges(body["hangs_on"], body["complete"])
    yield []
    yield [("dim", f"policies {context['policy']}, facts at revision {context['revision']}")]


def _title(text: str) -> Iterable[list[Line]]:
    yield []
    yield [("bold", text)]


def _path(path: Iterable[Mapping[str, Any]]) -> Iterable[Line]:
    for index, place in enumerate(path):
        marks = [place["standing"]] if place["standing"] != "active" else []
        marks += ["acted for"] if place["acted_for"] else []
        marks += ["holds the resource"] if place["holds_resource"] else []
        yield "dim", " > " if index else ""
        yield "bold" if marks else "", place["id"]
        if marks:
            yield "dim", f" ({', '.join(marks)})"


def _rules(title: str, rules: Iterable[Mapping[str, Any]]) -> Iterable[list[Line]]:
    if not rules:
        return
    yield from _title(title)
    for rule in rules:
        style = {"allow": "green", "deny": "red"}.get(rule["predicate"], "yellow")
        place = f"  {rule['file']}:{rule['line']}"
        yield [(style, f"  {rule['predicate']}  "), ("bold", rule["name"]), ("dim", place)]
        yield [("italic", f"         {rule['comment']}")]
        for condition in rule["conditions"]:
            yield _condition(condition)


def _condition(condition: Mapping[str, Any]) -> list[Line]:
    holds = condition.get("holds")
    sign = _UNKNOWN if holds is None else _HELD if holds else _FAILED
    style = "dim" if holds is None else "green" if holds else "red"
    line = [(style, f"       {sign} "), ("", condition["source"])]
    if "words" in condition:
        line.append(("dim" if holds else "", f"  ({condition['words']})"))
    return line


def _nearest(nearest: Mapping[str, Any], complete: bool) -> Iterable[list[Line]]:
    yield from _title("Nearest allow")
    sets = nearest["sets"]
    if not complete:
        size = nearest["searched"] + 1
        found = "others may allow it too" if sets else "none was found so far"
        yield [("yellow", f"  not every set of up to {size} steps was tried: {found}")]
    elif not sets and nearest["searched"]:
        yield [("", f"  none: no set of up to {nearest['searched']} steps was found to allow it")]
    elif not sets:
        yield [("", "  none: nothing that could be granted would open this")]
    for found in sets[:SHOWN_SETS]:
        steps = ", and ".join(step["words"] for step in found["steps"])
        yield [("cyan", "  → "), ("", steps), ("dim", f"  (gives away {found['gain']})")]
    if len(sets) > SHOWN_SETS:
        yield [("dim", f"    and {len(sets) - SHOWN_SETS} more that give away more: see --json")]


def _hinges(hinges: Iterable[Mapping[str, Any]], complete: bool) -> Iterable[list[Line]]:
    yield from _title("It would be denied if")
    for hinge in hinges:
        yield [("cyan", "  → "), ("", hinge["words"]), ("dim", f"  ({_why(hinge['then'])})")]
    if not complete:
        yield [("yellow", "  not everything was tried: more may take it away")]


def _why(verdict: Mapping[str, Any]) -> str:
    context = verdict["context"]
    return ", ".join(context["rules"]) or context["reason"]
