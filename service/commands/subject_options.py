"""For whom a verb acts: whoever runs it, or a subject whom the policies judge."""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click

from service.api.subjects import Asker, admit
from service.commands.arguments import TEXT
from service.commands.opening import named_world, open_facts, open_pdp
from service.config import Settings
from service.domain.accounts import organization_record
from service.domain.identifiers import parse_reference
from service.domain.moment import Moment
from service.policy.decision import NOTHING
from service.policy.pdp import PolicyDecisionPoint, clock
from service.policy.policy_set import PolicySet, read_policy_set


def asking_options(verb: Callable) -> Callable:
    """Give a verb `--subject` and `--acting-for`, as `asker`: only what they may know."""

    @functools.wraps(verb)
    def with_asker(subject: str | None, acting_for: str | None, **arguments: Any) -> Any:
        return verb(asker=_asker(subject, acting_for), **arguments)

    for option in (
        click.option(
            "--acting-for", type=TEXT, metavar="ORG", help="The organization the subject acts for."
        ),
        click.option(
            "--subject",
            type=TEXT,
            metavar="TYPE:ID",
            help="Answer only if the policies allow this to the subject.",
        ),
    ):
        with_asker = option(with_asker)
    return with_asker


def _asker(subject: str | None, acting_for: str | None) -> Asker | None:
    if subject is None:
        if acting_for is not None:
            raise click.UsageError("--acting-for is of no use without --subject")
        return None
    key = parse_reference(subject)
    if key is None:
        raise click.UsageError(f"--subject: `{subject}` is not of the form `type:id`")
    return Asker(*key, context={} if acting_for is None else {"organization": acting_for})


def opened_for(
    settings: Settings,
    asker: Asker | None,
    now: datetime | None,
    action: str,
    organization: str,
    properties: Mapping[str, Any] = NOTHING,
) -> tuple[Moment, PolicySet]:
    """The world at that time, and the policies; compiled only if there is a subject to judge.

    Raises:
        Denied: the policies deny the action to the subject.
        UnknownEntity: there is no such organization.
    """
    if asker is not None:
        pdp, moment = judged_for(settings, asker, now, action, organization, properties)
        return moment, pdp.engine.policies
    if settings.database is None:
        named_world(settings)
    policies = read_policy_set(settings.policies)
    directory = open_facts(settings, policies.schema)
    organization_record(directory, organization)
    return Moment(directory, now or clock(), policies.vocabulary), policies


def judged_for(
    settings: Settings,
    asker: Asker | None,
    now: datetime | None,
    action: str,
    organization: str,
    properties: Mapping[str, Any] = NOTHING,
) -> tuple[PolicyDecisionPoint, Moment]:
    """A decision point that has let the subject pass, if there is one. Raises as `opened_for`."""
    pdp = open_pdp(settings)
    moment = pdp.moment(now)
    organization_record(moment.directory, organization)
    admit(pdp, moment, asker, action, organization, properties)
    return pdp, moment
