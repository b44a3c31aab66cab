"""Settings on the command line: each can be given as an option, which wins over its variable."""

import functools
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from service.commands.terminal import print_json, print_rows
from service.config import PREFIX, Settings, described, read_settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")

_SETTINGS = {each.name: each for each in fields(Settings)}
_METAVARS = {"world": "FILE", "database": "URL", "policies": "DIR", "levels": "NUMBER"}
_HELP = {"database": "Where the facts are kept: sqlite:///PATH or postgresql://…"}


def settings_options(*names: str, either: bool = False) -> Callable[[Callable], Callable]:
    """Give a verb an option for each of these settings, and all settings as `settings`.

    With `either`, the facts come from a world document or from a database: naming the one sets the
    other aside.
    """

    def decorate(verb: Callable) -> Callable:
        @functools.wraps(verb)
        def with_settings(**arguments: Any) -> Any:
            given = {name: arguments.pop(name) for name in names}
            given = {name: value for name, value in given.items() if value is not None}
            if either and {"world", "database"} <= given.keys():
                raise click.UsageError("the facts come from --world or from --database, not both")
            if either and {"world", "database"} & given.keys():
                # Whichever is named on the command line is meant, whatever the variables say.
                given = {"world": None, "database": None, **given}
            return verb(settings=replace(read_settings(), **given), **arguments)

        for name in reversed(names):
            with_settings = _option(name)(with_settings)
        return with_settings

    return decorate


def _option(name: str) -> Callable[[Callable], Callable]:
    metadata = _SETTINGS[name].metadata
    types = {"str": str, "path": click.Path(path_type=Path)}
    if metadata["read"] == "int":
        bounds = metadata["checks"]["validate"]
        types["int"] = click.IntRange(bounds.min, bounds.max)
    sentence = metadata["help"][0].upper() + metadata["help"][1:]
    return click.option(
        f"--{name}",
        type=types[metadata["read"]],
        metavar=_METAVARS.get(name),
        help=f"{_HELP.get(name, sentence)}.  [{PREFIX}{name.upper()}]",
    )


@click.command(epilog="Example:  watershed config")
@json_option
def config(as_json: bool) -> None:
    """Show every setting, its value, and what it is for."""
    rows = described(read_settings())
    if as_json:
        print_json(rows)
    else:
        shown = [(row["name"], _shown(row["value"]), row["help"]) for row in rows]
        print_rows(("variable", "value", "meaning"), shown)


def _shown(value: Any) -> Any:
    return "-" if value is None else value
