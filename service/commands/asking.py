"""A request as it is written on a command line: SUBJECT ACTION RESOURCE, and what goes with it."""

import functools
from collections.abc import Callable
from typing import Any

import click

from service.commands.arguments import TEXT, now_option, read_reference, request_options
from service.policy.decision import AccessRequest


def request_arguments(verb: Callable) -> Callable:
    """Give a verb the arguments of a request, as `request`, and the clock of it, as `now`."""

    @functools.wraps(verb)
    def with_request(**given: Any) -> Any:
        subject, resource = given.pop("subject"), given.pop("resource")
        request = AccessRequest(
            *subject,
            given.pop("action"),
            *resource,
            subject_properties=given.pop("subject_properties"),
            action_properties=given.pop("properties"),
            resource_properties=given.pop("resource_properties"),
            context=given.pop("context"),
        )
        return verb(request=request, **given)

    for part in (
        now_option,
        request_options,
        click.argument("resource", type=TEXT, callback=read_reference),
        click.argument("action", type=TEXT),
        click.argument("subject", type=TEXT, callback=read_reference),
    ):
        with_request = part(with_request)
    return with_request
