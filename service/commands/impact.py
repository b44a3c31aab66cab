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
from service.errors import InvalidRequest, Problem
from service.explain.impact import impact as compared
from service.explain.questions import Difference, Impact, Resource, Subject

SHOWN, NAMED = 20, 3


@click.command(
    epilog="""\b
Examples:
  watershed impact move.json --world brand.world.toml
  watershed impact '[{"op": "suspend_organization", "organization": "linz"}]' --json
\b
CHANGES is a JSON array of changes: a file, or the array itself.
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
    for each in found.differences[:SHOWN]:
        sign = click.style("+", fg="green") if each.gained else click.style("-", fg="red")
        yield f"{sign} {one_line(_said(each))}"
    more = found.differences[SHOWN:]
    if more:
        yield f"  and {sum(each.count for each in more):,} more in {len(more)} groups: see --json"
    gained, lost = found.count(gained=True), found.count(gained=False)
    yield f"{gained:,} decisions become allow, {lost:,} become deny, of {found.questions:,}"


def _said(difference: Difference) -> str:
    who = _some([_subject(each) for each in difference.subjects])
    what = _some([_resource(each) for each in difference.resources])
    return f"{difference.count:,}  {who}  {', '.join(difference.actions)}  {what}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED:,} more"


def _subject(subject: Subject) -> str:
    name = ":".join(subject.key)
    return name if subject.acts_for is None else f"{name} for {subject.acts_for}"


def _resource(resource: Resource) -> str:
    if resource.described_at is None:
        return ":".join(resource.key)
    return f"any {resource.key[0]} of {resource.described_at}"
