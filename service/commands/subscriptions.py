"""`watershed subscriptions`: which is the primary one, whom they cover, what may be added."""

from datetime import datetime
from typing import Any

import click

from service.api.billing_rendering import addition_body, coverage_body, subscriptions_body
from service.api.subjects import Asker, request_of
from service.commands.arguments import TEXT, now_option, read_reference, read_values
from service.commands.calendar import print_coverage
from service.commands.settings import json_option, settings_options
from service.commands.subject_options import asking_options, judged_for, opened_for
from service.commands.terminal import one_line, print_json, print_rows, progress
from service.config import Settings
from service.domain.accounts import account_itself
from service.domain.coverage import coverage as covered_by
from service.domain.identifiers import Key, spell_moment
from service.domain.provisioning import Binding
from service.domain.subscriptions import primary as primary_of
from service.domain.subscriptions import subscriptions_of
from service.policy.access import PolicyGate
from service.policy.additions import ACTION, Addition, judge_addition

_VIEW = "view_subscriptions"


@click.group()
def subscriptions() -> None:
    """Which subscription is the primary one, whom they cover, and what may be added."""


@subscriptions.command(
    "list",
    epilog="""\b
Examples:
  watershed subscriptions list fjordbank
  watershed subscriptions list fjordbank --now 2027-01-01 --json
""",
)
@click.argument("organization", type=TEXT, metavar="ORG")
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def list_subscriptions(
    settings: Settings,
    organization: str,
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """List what ORG, a level-2 account, has bought, the oldest first."""
    moment, policies = opened_for(settings, asker, now, _VIEW, organization)
    account_itself(moment.directory, organization)
    body = subscriptions_body(moment.directory, organization, moment.now, policies.terms)
    if as_json:
        print_json(body)
        return
    columns = ("subscription", "status", "type", "starts", "ends", "entitlements", "mapped")
    print_rows(columns, [_row(each) for each in body["subscriptions"]])


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    entitled = ", ".join(f"{name} {number}" for name, number in entry["entitlements"].items())
    status = "primary" if entry["primary"] else entry["status"]
    term = entry["starts"], entry["ends"]
    return entry["id"], status, entry["type"], *term, entitled, str(entry["mapped"])


@subscriptions.command(
    epilog="""\b
Examples:
  watershed subscriptions primary fjordbank
  watershed subscriptions primary fjordbank --now 2027-01-01
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def primary(
    settings: Settings,
    organization: str,
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """Print the primary subscription of ORG: the oldest active one.

    If none is active there is none, and the exit status is 1.
    """
    moment, _ = opened_for(settings, asker, now, _VIEW, organization)
    account_itself(moment.directory, organization)
    found = primary_of(subscriptions_of(moment.directory, organization), moment.now)
    if as_json:
        named = {} if found is None else {"primary": found.key[1]}
        print_json({"organization": organization, **named})
    elif found is not None:
        click.echo(found.key[1])
    if found is None:
        click.get_current_context().exit(1)


@subscriptions.command(
    epilog="""\b
Examples:
  watershed subscriptions coverage fjordbank
  watershed subscriptions coverage fjordbank --now 2026-12-01 --json
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def coverage(
    settings: Settings,
    organization: str,
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """Who of ORG loses access on which day, if nobody is mapped to another subscription.

    As the policies will decide. A day on which people are without access and nobody inside can map
    them any more is named as a lock-out, with those outside who can.
    """
    pdp, moment = judged_for(settings, asker, now, _VIEW, organization)
    gate = PolicyGate(pdp, moment.directory, organization)
    with progress(f"asking the policies about {organization}"):
        covered = covered_by(moment.directory, organization, moment.now, gate)
    if as_json:
        print_json(coverage_body(covered, moment.directory.revision))
    else:
        print_coverage(covered)


@subscriptions.command(
    epilog="""\b
Examples:
  watershed subscriptions check fjordbank user:henrik type=concurrent telephony=VPOP
  watershed subscriptions check fjordbank user:henrik type=named plan=Flex hybrid=true --json
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@click.argument("subject", type=TEXT, callback=read_reference)
@click.argument("wanted", type=TEXT, nargs=-1, callback=read_values, metavar="NAME=JSON...")
@click.option("--acting-for", type=TEXT, metavar="ORG", help="The organization SUBJECT acts for.")
@now_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def check(
    settings: Settings,
    organization: str,
    subject: Key,
    wanted: dict[str, Any],
    acting_for: str | None,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Whether SUBJECT may add a subscription to ORG; if not, why, and what could be added instead.

    NAME=JSON are the parameters of `add_subscription`: type, telephony, plan, product, term_years,
    hybrid. What is not JSON is taken as a string.
    """
    pdp, moment = judged_for(settings, None, now, ACTION, organization)
    context = {} if acting_for is None else {"organization": acting_for}
    question = request_of(Asker(*subject, context=context), ACTION, organization, wanted)
    addition = judge_addition(pdp, question, moment)
    if as_json:
        print_json(addition_body(addition))
    else:
        _print_addition(addition, wanted)


def _print_addition(addition: Addition, wanted: dict[str, Any]) -> None:
    decision = addition.decision
    verdict = click.style("allow", fg="green") if decision else click.style("deny", fg="red")
    click.echo(f"{verdict}  {decision.reason}  {one_line(decision.detail or '')}".rstrip())
    for name, says in addition.reasons:
        click.echo(one_line(f"  {name}: {says}"))
    for binding in addition.bound:
        click.echo(one_line(f"  bound: {_bound(binding)}"))
    if addition.instead is not None:
        changed = [
            f"{name}={value}"
            for name, value in addition.instead.items()
            if wanted.get(name) != value
        ]
        click.echo(one_line(f"  instead: {' '.join(changed)}"))


def _bound(binding: Binding) -> str:
    until = "" if binding.until is None else f" until {spell_moment(binding.until)}"
    return f"{binding.field}={binding.value} by {', '.join(binding.by)}{until}"
