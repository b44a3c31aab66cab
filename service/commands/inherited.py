"""`watershed inherited`: what a sub-account has part in."""

from datetime import datetime

import click

from service.api.rendering import holding_body
from service.commands.arguments import TEXT, as_of_option, now_option
from service.commands.opening import named_world, open_facts
from service.commands.settings import json_option, settings_options
from service.commands.terminal import print_json, print_rows
from service.config import Settings
from service.domain.identifiers import reference, spell_moment
from service.domain.inheritance import INHERITED, SOURCES, Holding, holdings
from service.domain.moment import Moment
from service.policy.pdp import clock
from service.policy.policy_set import read_policy_set


@click.command(
    epilog="""\b
Examples:
  watershed inherited linz --world brand.world.toml
  watershed inherited linz --type channel --source all --json
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@click.option("--type", "kind", type=TEXT, metavar="TYPE", help="Only resources of this type.")
@click.option("--source", type=click.Choice(SOURCES), default=INHERITED, show_default=True)
@now_option
@as_of_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def inherited(
    settings: Settings,
    organization: str,
    kind: str | None,
    source: str,
    now: datetime | None,
    as_of: int | None,
    as_json: bool,
) -> None:
    """What ORG inherits: the resources that are shared with it from above, and until when."""
    if settings.database is None:
        named_world(settings)
    vocabulary = read_policy_set(settings.policies).vocabulary
    if kind is not None and kind not in vocabulary.schema.types:
        known = ", ".join(sorted(vocabulary.schema.types))
        raise click.BadParameter(f"the policies know no type `{kind}`; known are {known}")
    directory = open_facts(settings, vocabulary.schema, as_of)
    moment = Moment(directory, now or clock(), vocabulary)
    moment.organization(organization)  # refuses one that is not in the world
    found = holdings(moment, organization, source, kind)
    if as_json:
        body = {"organization": organization, "revision": moment.directory.revision}
        print_json({**body, "results": [holding_body(holding) for holding in found]})
    else:
        columns = ("resource", "source", "owner", "shared with", "until")
        print_rows(columns, [_row(holding) for holding in found])


def _row(holding: Holding) -> tuple[str, ...]:
    share, until = holding.share, holding.until
    if share is None:
        shared = ""
    elif share.targets is None:
        shared = "all descendants" if share.descendants else "all children"
    else:
        shared = f"{holding.via} and below" if share.descendants else str(holding.via)
    ends = "" if until is None else f"until {spell_moment(until)}"
    return reference(holding.key), holding.source, holding.owner, shared, ends
