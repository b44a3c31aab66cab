"""`watershed test`: decision tables run against the policies."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from service.bootstrap import build_pdp
from service.commands.junit import junit_report
from service.commands.opening import open_policies, open_world
from service.commands.settings import json_option, settings_options
from service.commands.terminal import one_line, print_json, progress, write_file
from service.config import Settings
from service.domain.directory import Directory
from service.errors import InvalidTable, InvalidWorld, Problem
from service.policy.engine import Engine
from service.policy.policy_set import PolicySet
from service.policy.tables import Outcome, Table, read_table, run_case


@click.command(
    epilog="""\b
Examples:
  watershed test fixtures/*.cases.toml
  watershed test accounts.cases.toml --policies candidate --junit report.xml
"""
)
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TABLE..."
)
@click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write a JUnit report, for CI."
)
@settings_options("policies", "levels")
@json_option
def test(settings: Settings, paths: tuple[Path, ...], junit: Path | None, as_json: bool) -> None:
    """Run decision tables: one line for each case that fails, then how many passed and failed.

    Each table names its world. The exit status is 0 only if every case passes, 1 if one fails, and
    2 if a table cannot be run.
    """
    policies = open_policies(settings)
    results = run_tables(paths, build_pdp(policies, Directory()).engine, settings)
    passed, failed = counts(results)
    if as_json:
        cases = described_cases(results)
        summary = {"passed": passed, "failed": failed, "policy": policies.revision}
        print_json({**summary, "cases": cases})
    else:
        print_failures(results)
        click.echo(f"{passed} passed, {failed} failed")
    if junit is not None:
        write_file(junit, junit_report(results))
    if failed:
        click.get_current_context().exit(1)


class Result(NamedTuple):
    """A decision table and what became of its cases."""

    table: Table
    outcomes: tuple[Outcome, ...]


def run_tables(paths: Sequence[Path], engine: Engine, settings: Settings) -> list[Result]:
    """What the policies of this engine decide in every case of these tables.

    Raises:
        InvalidTable: with every problem of every table and of its world; nothing has been run.
    """
    opened = _open_tables(paths, engine.policies, settings)
    results, done = [], 0
    with progress("cases", total=sum(len(table.cases) for table, _ in opened)) as tell:
        for table, directory in opened:
            outcomes = []
            for case in table.cases:
                tell(table.name, done)
                outcomes.append(run_case(case, engine, directory))
                done += 1
            results.append(Result(table, tuple(outcomes)))
    return results


def _open_tables(
    paths: Sequence[Path], policies: PolicySet, settings: Settings
) -> list[tuple[Table, Directory]]:
    problems: list[Problem] = []
    worlds: dict[Path, Directory | None] = {}
    opened = []
    for path in paths:
        try:
            table = read_table(_content(path), str(path))
        except InvalidTable as invalid:
            problems += invalid.problems
            continue
        world = path.parent / table.world
        if not world.is_file():
            problems.append(Problem(f"{path}: world", table.world, "is no file beside the table"))
            continue
        # Several tables may share a world, which is read, and found wanting, once.
        key = world.resolve()
        if key not in worlds:
            worlds[key] = None
            try:
                worlds[key] = open_world(world, policies.schema, settings)
            except InvalidWorld as invalid:
                problems += (_within(world, each) for each in invalid.problems)
        opened.append((table, worlds[key]))
    if problems:
        raise InvalidTable(problems)
    return opened


def _within(world: Path, problem: Problem) -> Problem:
    """The problem of a world, told to somebody who has several."""
    if problem.path == str(world):
        return problem
    return problem._replace(path=f"{world}: {problem.path}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidTable(
            [Problem(str(path), None, f"cannot be read: {error.strerror}")]
        ) from None


def counts(results: Iterable[Result]) -> tuple[int, int]:
    """How many cases have passed, and how many have failed."""
    verdicts = [outcome.passed for result in results for outcome in result.outcomes]
    return verdicts.count(True), verdicts.count(False)


def print_failures(results: Sequence[Result]) -> None:
    """One line a failed case; which table it stands in where there are several."""
    for table, outcomes in results:
        place = f"  ({table.name})" if len(results) > 1 else ""
        for outcome in outcomes:
            if not outcome.passed:
                click.echo(one_line(f"{outcome}{place}"))


def described_cases(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Every case with what was expected and what came."""
    return [
        {
            "table": table.name,
            "id": outcome.case.id,
            "title": outcome.case.title,
            "from": outcome.case.source,
            "passed": outcome.passed,
            "expected": outcome.case.expected,
            "got": outcome.got,
            "rules": list(outcome.rules),
            "why": outcome.why,
        }
        for table, outcomes in results
        for outcome in outcomes
    ]
