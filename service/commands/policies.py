"""`watershed policies`: what is in force, and whether it could be."""

import click

from service.bootstrap import build_pdp
from service.commands.opening import open_policies
from service.commands.settings import json_option, settings_options
from service.commands.tables import counts, described_cases, print_failures, run_tables
from service.commands.terminal import print_json, print_problems, print_rows
from service.config import Settings
from service.domain.directory import Directory
from service.errors import InvalidPolicy, InvalidTable
from service.policy.lint import characters_of_texts, too_fine
from service.policy.policy_set import read_policy_set


@click.group()
def policies() -> None:
    """Check the policies, or list their rules."""


@policies.command(
    epilog="""\b
Examples:
  watershed policies check
  watershed policies check --policies candidate
"""
)
@settings_options("policies", "levels")
@json_option
def check(settings: Settings, as_json: bool) -> None:
    """Read, lint and compile the policies, and run every decision table beside them.

    Decision tables are the files *.cases.toml in the folder of the policies and below. Every
    problem is a line `file:line:column: reason`, and the exit status is then 1. A place that reads
    values too fine for a compiled plan is named too, as is one that goes through the characters
    of a text with `in`: they are no problems, only slow, or hardly meant.
    """
    problems, results, read, plans, coarse, characters = (), [], None, None, [], []
    try:
        read = open_policies(settings)
        engine = build_pdp(read, Directory()).engine
        paths = sorted(settings.policies.rglob("*.cases.toml"))
        results = run_tables(paths, engine, settings) if paths else []
        plans = engine.plans.counts()
        coarse, characters = too_fine(read, plans.wide), characters_of_texts(read)
    except (InvalidPolicy, InvalidTable) as invalid:
        problems = invalid.problems
    passed, failed = counts(results)
    if as_json:
        print_json(
            {
                "problems": [problem._asdict() for problem in problems],
                "files": len(read.sources) if read else None,
                "rules": len(read.rules) if read else None,
                "revision": read.revision if read else None,
                "plans": plans._asdict() if plans else None,
                "too_fine": [problem._asdict() for problem in coarse],
                "characters_of_texts": [problem._asdict() for problem in characters],
                "passed": passed,
                "failed": failed,
                "cases": described_cases(results),
            }
        )
    else:
        print_problems(problems)
        print_failures(results)
        if read is not None:
            click.echo(
                f"{len(read.sources)} files, {len(read.rules)} rules, revision {read.revision}"
            )
        if plans is not None and results:
            click.echo(
                f"{plans.shapes} plans of {plans.nodes} nodes; "
                f"{plans.asked_oso} of {passed + failed} questions went to oso"
            )
        print_problems([*coarse, *characters])
        if results:
            click.echo(f"{passed} passed, {failed} failed")
    if problems or failed:
        click.get_current_context().exit(1)


@policies.command(
    "list",
    epilog="""\b
Examples:
  watershed policies list
  watershed policies list --json
""",
)
@settings_options("policies")
@json_option
def list_rules(settings: Settings, as_json: bool) -> None:
    """List every rule: what it does, its name, where it stands, and the sentence above it."""
    found = read_policy_set(settings.policies)
    if as_json:
        rules = [rule._asdict() for rule in found.rules]
        print_json({"revision": found.revision, "rules": rules})
    else:
        rows = [(r.predicate, r.name, f"{r.file}:{r.line}", r.comment) for r in found.rules]
        print_rows(("kind", "rule", "place", "meaning"), rows)
