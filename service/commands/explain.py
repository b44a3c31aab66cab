"""`watershed explain`: why one request is decided as it is, and what would turn it."""

from datetime import datetime

import click

from service.api.accounts import account_body
from service.commands.arguments import as_of_option
from service.commands.asking import request_arguments
from service.commands.opening import named_world, open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.story import tell
from service.commands.terminal import print_json
from service.config import Settings
from service.explain.account import Explainer
from service.explain.budget import processor_time
from service.explain.proof import prove
from service.policy.decision import AccessRequest


@click.command(
    epilog="""\b
Examples:
  watershed explain user:dora read conversation:winter-tyres --world brand.world.toml
  watershed explain user:lukas reply conversation:recall-linz --json
  watershed explain user:lukas reply conversation:recall-linz --proof > proof.json
  watershed explain user:lukas reply conversation:recall-linz --as-of 41
"""
)
@request_arguments
@click.option(
    "--proof",
    is_flag=True,
    help="Print a proof for `watershed verify`, and nothing else; needs a world document.",
)
@as_of_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def explain(
    settings: Settings,
    request: AccessRequest,
    now: datetime | None,
    proof: bool,
    as_of: int | None,
    as_json: bool,
) -> None:
    """Why SUBJECT may or may not take ACTION on RESOURCE, and what would turn it.

    Shows every rule that matched and those that nearly did, with file and line, the facts in the
    order in which they were read, and the path in the tree. For a denial: the smallest changes
    after which it would be an allow. For an allow: each change that would take it away. All of them
    have been tried, as far as WATERSHED_EXPLAIN_LIMIT_MILLISECONDS goes.
    """
    pdp = open_pdp(settings, as_of)
    explainer = Explainer(pdp)
    if proof:
        world = named_world(settings).read_bytes()
        print_json(prove(pdp.engine, request, pdp.moment(now), world, explainer.speaker))
        return
    is_spent = processor_time(settings.explain_limit_milliseconds)
    account = explainer.explain(request, pdp.moment(now), is_spent)
    body = account_body(account, explainer.speaker)
    if as_json:
        print_json(body)
    else:
        tell(request, body)
