"""`watershed world`: world documents checked and written."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from service.commands.arguments import as_of_option, revision_option
from service.commands.changes import COMMAND_LINE, print_written
from service.commands.opening import open_database, open_facts, open_world
from service.commands.settings import json_option, settings_options
from service.commands.terminal import print_json, print_problems, progress, write_file
from service.config import Settings
from service.domain.directory import Directory
from service.domain.records import ResourceRecord
from service.domain.world import SECTIONS, write_world
from service.errors import InvalidWorld
from service.policy.policy_set import read_policy_set

_json = json.JSONEncoder(ensure_ascii=False).encode


@click.group()
def world() -> None:
    """Check a world document, put it into a database, or write what there is."""


@world.command(epilog="Example:  watershed world check accounts.world.toml")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@settings_options("policies", "levels")
@json_option
def check(settings: Settings, path: Path, as_json: bool) -> None:
    """Read FILE as a world: how many entries each section has, or everything that is wrong.

    Every problem is a line `path: value reason`, and the exit status is then 1.
    """
    schema = read_policy_set(settings.policies).schema
    problems, sizes = (), {}
    try:
        sizes = _sizes(open_world(path, schema, settings))
    except InvalidWorld as invalid:
        problems = invalid.problems
    if as_json:
        print_json({"problems": [problem._asdict() for problem in problems], "entries": sizes})
    else:
        print_problems(problems)
        for section, size in sizes.items():
            click.echo(f"{section} {size}")
    if problems:
        click.get_current_context().exit(1)


def _sizes(directory: Directory) -> dict[str, int]:
    """How many entries each section of the world document has."""
    sizes = dict.fromkeys(SECTIONS, 0)
    for (kind, _), record in directory.records.items():
        if isinstance(record, ResourceRecord):
            sizes["resources"] += 1
            sizes["shares"] += len(record.shares)
        else:
            sizes[f"{kind}s"] += 1
    return sizes


@world.command(
    epilog="""\b
Examples:
  watershed world load accounts.world.toml --database sqlite:///facts.db
  watershed world load accounts.world.toml --expect-revision 41
"""
)
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@revision_option(
    "--expect-revision", "Only if the facts are at this revision; 0 is an empty database."
)
@settings_options("database", "policies", "levels")
@json_option
def load(settings: Settings, path: Path, expect_revision: int | None, as_json: bool) -> None:
    """Put the world of FILE in the place of all facts in the database, as one revision.

    Whole or not at all; servers on the same database follow within a second.
    """
    schema = read_policy_set(settings.policies).schema
    with open_database(settings, schema, create=True) as store:
        directory = open_world(path, schema, settings)
        with progress("writing the facts"):
            made = store.replace(directory, caller=COMMAND_LINE, expect_revision=expect_revision)
    print_written(made, as_json)


@world.command(
    epilog="""\b
Examples:
  watershed world export --world accounts.world.toml
  watershed world export --world accounts.world.toml --output accounts.world.json
  watershed world export --database sqlite:///facts.db --as-of 41 --output before.world.json
"""
)
@as_of_option
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here.  [the terminal]"
)
@settings_options("world", "database", "policies", "levels", either=True)
def export(settings: Settings, output: Path | None, as_of: int | None) -> None:
    """Write the world as one JSON document, complete and in order, each entry on its own line."""
    schema = read_policy_set(settings.policies).schema
    directory = open_facts(settings, schema, as_of)
    with progress("writing the world"):
        text = "".join(_lines(write_world(directory)))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document as JSON in which two versions differ by the lines of what has changed."""
    before = "{"
    for section, entries in document.items():
        named = isinstance(entries, Mapping)
        yield f"{before}\n{_json(section)}: {'{' if named else '['}"
        rows = (
            [f"{_json(name)}: {_json(entry)}" for name, entry in entries.items()]
            if named
            else [_json(entry) for entry in entries]
        )
        yield ",".join(f"\n  {row}" for row in rows)
        yield f"\n{'}' if named else ']'}" if rows else "}" if named else "]"
        before = ","
    yield "\n}\n"
