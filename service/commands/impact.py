"""`watershed impact`: every decision that a change of the facts would turn."""

import gc
from collections.abc import Iterable, Sequence
from datetime import datetime

import click

from service.api.impacts import impact_body
from service.api.suppositions import read_changes
from service.commands.arguments import TEXT, now_option
from service.commands.opening import open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.simulate import read_array
from service.commands.terminal import one_line, print_json, progress
from service.config import Settings
from service.domain.identifiers import reference
from service.errors import InvalidRequest, Problem
from service.explain.impact import impact as compared
from service.explain.questions import Difference, Impact, Resource

SHOWN, NAMED = 20, 3


@click.command(
    epilog="""\b
Examples:
  watershed impact move.json --world brand.world.toml
  watershed impact '[{"op": "suspend_organization", "organization": "linz"}]' --json
\b
CHANGES is a list of changes: in JSON, or a file that holds it as JSON or as TOML ([[changes]]).
"""
)
@click.argument("changes", type=TEXT)
@now_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def impact(settings: Settings, changes: str, now: datetime | None, as_json: bool) -> None:
    """Who would gain and who would lose what by CHANGES, which are not made.

    Exact and complete over all subjects, the organizations for which they may act, all resources,
    and all actions that need no parameter.
    """
    problems: list[Problem] = []
    made = read_changes(read_array(changes, "changes"), problems)
    if problems:
        raise InvalidRequest(problems)
    pdp = open_pdp(settings)
    gc.freeze()  # millions of facts that stay: looking for garbage in them only takes time
    with progress("comparing"):
        found = compared(pdp, made, pdp.moment(now))
    if as_json:
        print_json(impact_body(found))
    else:
        for line in _lines(found):
            click.echo(line)


def _lines(found: Impact) -> Iterable[str]:
    for gained, word, colour in ((False, "deny", "red"), (True, "allow", "green")):
        each_way = [each for each in found.differences if each.gained == gained]
        if each_way:
            yield click.style(f"{_decisions(found.count(gained))} {word}", fg=colour)
        width = max((len(f"{each.count:,}") for each in each_way), default=0)
        for each in each_way[:SHOWN]:
            first, *rest = _said(each)
            yield f"  {each.count:{width},}  {first}"
            yield from (f"  {'':{width}}  {line}" for line in rest)
        if more := each_way[SHOWN:]:
            count = sum(each.count for each in more)
            yield f"  {'':{width}}  and {count:,} more in {len(more)} groups: see --json"
    if found.left_out:
        yield f"nothing is said of actions that need parameters: {', '.join(found.left_out)}"
    turned = found.count(gained=False) + found.count(gained=True)
    yield f"{turned:,} of {found.questions:,} decisions turn"


def _decisions(count: int) -> str:
    return "1 decision becomes" if count == 1 else f"{count:,} decisions become"


def _said(difference: Difference) -> Iterable[str]:
    """Who, what, and on what: as many decisions as all of these together, but for those apart."""
    by_place: dict[str | None, list[str]] = {}
    for each in difference.subjects:
        by_place.setdefault(each.acts_for, []).append(reference(each.key))
    shown = [
        _some(names) if place is None else f"{_some(names)} for {place}"
        for place, names in list(by_place.items())[:NAMED]
    ]
    if more := len(difference.subjects) - sum(map(len, list(by_place.values())[:NAMED])):
        shown.append(f"{more:,} for {len(by_place) - NAMED:,} more organizations")
    yield one_line("; ".join(shown))
    yield one_line(", ".join(difference.actions))
    resources = one_line(_some([_resource(each) for each in difference.resources]))
    besides = f" (but for {len(difference.apart):,} pairs of them)" if difference.apart else ""
    yield resources + besides


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED:,} more"


def _resource(resource: Resource) -> str:
    if resource.described_at is None:
        return reference(resource.key)
    return f"any {resource.key[0]} of {resource.described_at}"
