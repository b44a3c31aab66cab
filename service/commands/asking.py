"""A request as it is written on a command line: SUBJECT ACTION RESOURCE, and what goes with it."""

import functools
from collections.abc import Callable
from typing import Any

import click

from service.commands.arguments import TEXT, now_option, read_reference, read_values
from service.policy.decision import AccessRequest

_VALUE_HELP = "NAME=JSON; what is not JSON is taken as a string."


def _values(option: str, name: str, what: str) -> Callable[[Callable], Callable]:
    return click.option(
        option,
        name,
        type=TEXT,
        callback=read_values,
        multiple=True,
        metavar="NAME=JSON",
        help=f"{what}: {_VALUE_HELP}",
    )


_PARTS = (
    click.argument("subject", type=TEXT, callback=read_reference),
    click.argument("action", type=TEXT),
    click.argument("resource", type=TEXT, callback=read_reference),
    click.option(
        "--organization", type=TEXT, metavar="ORG", help="The organization that the user acts for."
    ),
    _values("--property", "properties", "A parameter of the action"),
    _values(
        "--resource-property",
        "resource_properties",
        "An attribute of a resource that is not in the world",
    ),
    _values(
        "--subject-property",
        "subject_properties",
        "An attribute of a subject that is not in the world",
    ),
    _values("--context", "context", "A circumstance of the request"),
    now_option,
)


def request_arguments(verb: Callable) -> Callable:
    """Give a verb the arguments of a request, as `request`, and the clock of it, as `now`."""

    @functools.wraps(verb)
    def with_request(**given: Any) -> Any:
        subject, resource = given.pop("subject"), given.pop("resource")
        context, organization = given.pop("context"), given.pop("organization")
        if organization is not None:
            context = {**context, "organization": organization}
        request = AccessRequest(
            *subject,
            given.pop("action"),
            *resource,
            subject_properties=given.pop("subject_properties"),
            action_properties=given.pop("properties"),
            resource_properties=given.pop("resource_properties"),
            context=context,
        )
        return verb(request=request, **given)

    for part in reversed(_PARTS):
        with_request = part(with_request)
    return with_request
