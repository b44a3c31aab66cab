"""`watershed check`: one decision."""

from datetime import datetime

import click

from service.api.rendering import decision_body
from service.commands.arguments import as_of_option
from service.commands.asking import request_arguments
from service.commands.opening import open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.terminal import one_line, print_json
from service.config import Settings
from service.policy.decision import REASONS, AccessRequest, Decision


@click.command(
    epilog="""\b
Examples:
  watershed check user:dora reply conversation:test-drive --world brand.world.toml
  watershed check user:jakob read conversation:winter-tyres --organization graz
  watershed check user:clara assign conversation:test-drive --property agent=dora
  watershed check user:dora read conversation:new --resource-property organization=linz
  watershed check user:anton use_connect organization:corvane --now 2026-01-01T00:00:00Z
  watershed check user:dora reply conversation:test-drive --database sqlite:///facts.db --as-of 41
"""
)
@request_arguments
@click.option("--exit-status", is_flag=True, help="Exit with status 1 if the answer is deny.")
@as_of_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def check(
    settings: Settings,
    request: AccessRequest,
    now: datetime | None,
    exit_status: bool,
    as_of: int | None,
    as_json: bool,
) -> None:
    """Whether SUBJECT may take ACTION on RESOURCE, and which rules say so.

    SUBJECT and RESOURCE are written TYPE:ID. A denial is an answer, so that the exit status is 0
    for both; see --exit-status.
    """
    pdp = open_pdp(settings, as_of)
    decision = pdp.decide(request, pdp.moment(now))
    if as_json:
        print_json(decision_body(decision))
    else:
        click.echo(_answer(decision))
    if exit_status and not decision:
        click.get_current_context().exit(1)


def _answer(decision: Decision) -> str:
    """The decision on one line: the verdict, the reason, and who or what settled it."""
    verdict = click.style("allow", fg="green") if decision else click.style("deny ", fg="red")
    if decision.rules:
        why = f"by {', '.join(decision.rules)}"
    else:
        why = decision.detail or REASONS[decision.reason]
    duties = f"  with {', '.join(decision.obligations)}" if decision.obligations else ""
    return f"{verdict}  {decision.reason}  {one_line(why)}{duties}"
