"""Arguments as they are written on a command line, and what they mean."""

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import click

from service.domain.identifiers import Key, parse_moment, parse_reference
from service.domain.strict_json import read_json
from service.errors import MalformedDocument, RequestTooLarge


class _Text(click.ParamType):
    """Text that can be printed again, which bytes that are not UTF-8 could not."""

    name = "text"

    def convert(
        self, value: str, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        if any("\ud800" <= character <= "\udfff" for character in value):
            self.fail("this is not UTF-8", parameter, context)
        return value


TEXT = _Text()


def read_reference(context: click.Context, parameter: click.Parameter, text: str) -> Key:
    """The type and id of `TYPE:ID`."""
    key = parse_reference(text)
    if key is None:
        raise click.BadParameter(f"`{text}` is not of the form `type:id`, such as user:dora")
    return key


def read_moment(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    """The instant that a date, or a time with a zone, names."""
    moment = parse_moment(text)
    if text is not None and moment is None:
        reason = "is no date or time with a zone, such as 2026-01-01 or 2026-01-01T00:00:00Z"
        raise click.BadParameter(f"`{text}` {reason}")
    return moment


def read_values(
    context: click.Context, parameter: click.Parameter, texts: Iterable[str]
) -> dict[str, Any]:
    """The values of every `NAME=JSON`; what is not JSON is a string."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"`{text}` is not of the form NAME=JSON")
        if name in values:
            raise click.BadParameter(f"`{name}` is given twice")
        values[name] = _value(value)
    return values


def _value(text: str) -> Any:
    try:
        return read_json(text.encode("utf-8"))
    except (MalformedDocument, RequestTooLarge):
        return text


def revision_option(name: str, meaning: str) -> Callable[[Callable], Callable]:
    """An option that names a revision of the facts."""
    return click.option(name, type=click.IntRange(0), metavar="REVISION", help=meaning)


as_of_option = revision_option(
    "--as-of", "The facts as they were at this revision; needs a database.  [the newest]"
)

now_option = click.option(
    "--now",
    type=TEXT,
    callback=read_moment,
    metavar="TIME",
    help="The clock of the question.  [the real one]",
)


_VALUE_HELP = "NAME=JSON; what is not JSON is taken as a string."


def _values_option(name: str, parameter: str, sentence: str) -> Callable[[Callable], Callable]:
    return click.option(
        name,
        parameter,
        type=TEXT,
        callback=read_values,
        multiple=True,
        metavar="NAME=JSON",
        help=f"{sentence}: {_VALUE_HELP}",
    )


def request_options(verb: Callable) -> Callable:
    """Give a verb what a request says beside subject, action and resource: `properties`,
    `resource_properties`, `subject_properties`, and `context` with the organization in it."""

    @functools.wraps(verb)
    def with_context(*, organization: str | None, context: dict[str, Any], **rest: Any) -> Any:
        if organization is not None:
            context = {**context, "organization": organization}
        return verb(context=context, **rest)

    options = [
        click.option(
            "--organization",
            type=TEXT,
            metavar="ORG",
            help="The organization that the user acts for.",
        ),
        _values_option("--property", "properties", "A parameter of the action"),
        _values_option(
            "--resource-property",
            "resource_properties",
            "An attribute of a resource that is not in the world",
        ),
        _values_option(
            "--subject-property",
            "subject_properties",
            "An attribute of a subject that is not in the world",
        ),
        _values_option("--context", "context", "A circumstance of the request"),
    ]
    for option in reversed(options):
        with_context = option(with_context)
    return with_context
