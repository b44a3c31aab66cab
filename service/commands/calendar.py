"""Who loses access when: a calendar of months for a person at a terminal, lines for others."""

import calendar
import sys
from collections.abc import Iterable

import click

from service.commands.terminal import one_line, print_rows
from service.domain.coverage import Change, Coverage, State
from service.domain.identifiers import spell_moment

_MONTHS_SHOWN = 12
_STYLES = {None: "", True: "bold green", False: "bold white on red"}
"""Of a day on which nothing changes, people only get access, or people lose it."""


def print_coverage(covered: Coverage) -> None:
    """The changes of access day by day, and how things stand after each; lock-outs by name."""
    today = covered.states[0]
    if not covered.required:
        click.echo(f"access does not depend on subscriptions at {one_line(covered.account)}")
    if sys.stdout.isatty() and covered.changes:
        _draw_months(covered.changes)
    rows = [(spell_moment(covered.since), "is without", name, "") for name in today.without]
    rows += [
        (
            spell_moment(change.at),
            "gets access" if change.opens else "loses access",
            change.user,
            f"{', '.join(change.because) or 'other reasons'}"
            f" {'begins' if change.opens else 'has ended'}",
        )
        for change in covered.changes
    ]
    if rows:
        print_rows(("when", "access", "user", "because"), rows)
    for state in covered.states:
        if state is not today or state.trapped:
            click.echo(_standing(state, len(covered.people)))
    if not covered.changes:
        click.echo("nobody loses access by the end of a subscription")


def _standing(state: State, people: int) -> str:
    at = spell_moment(state.at)
    without = f"{at}  {len(state.without)} of {people} without access"
    if not state.trapped:
        return one_line(f"{without}; who can still map people: {', '.join(state.mapping)}")
    locked = click.style("LOCK-OUT:", fg="red", bold=True)
    if state.rescue:
        help = f"nobody inside can map people any more; outside: {', '.join(state.rescue)}"
    else:
        help = "nobody can map people any more, since no subscription is left"
    return f"{one_line(without)}; {locked} {one_line(help)}"


def _draw_months(changes: Iterable[Change]) -> None:
    """Each month in which something changes, the days marked on which it does (UTC)."""
    from rich.columns import Columns
    from rich.console import Console

    days: dict[tuple[int, int], dict[int, bool]] = {}
    for change in changes:
        marked = days.setdefault((change.at.year, change.at.month), {})
        # A day on which anybody loses access is marked so, whoever else gets it.
        marked[change.at.day] = marked.get(change.at.day, True) and change.opens
    shown = sorted(days)[:_MONTHS_SHOWN]
    console = Console()
    console.print(Columns([_month(*month, days[month]) for month in shown], padding=(1, 3)))
    console.print("days on which access ends or begins, in UTC", style="dim")


def _month(year: int, month: int, marked: dict[int, bool]):
    from rich.text import Text

    text = Text(f"{calendar.month_name[month]} {year}".center(20) + "\n", end="")
    text.stylize("bold")
    text.append("Mo Tu We Th Fr Sa Su", style="dim")
    for week in calendar.monthcalendar(year, month):
        text.append("\n")
        for day in week:
            text.append(f"{day or '':>2}", style=_STYLES[marked.get(day)])
            text.append(" ")
    return text
