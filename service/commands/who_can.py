"""`watershed who-can`: every subject that may do something."""

from datetime import datetime
from typing import Any

import click

from service.api.search_rendering import entity_body, failure_body, reasons_body
from service.commands.arguments import TEXT, now_option, read_reference, request_options
from service.commands.known_names import require_known
from service.commands.opening import open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.terminal import one_line, print_json, print_rows
from service.config import Settings
from service.domain.identifiers import Key, reference
from service.policy.decision import AccessRequest
from service.search.lists import find_subjects, refusal


@click.command(
    "who-can",
    epilog="""\b
Examples:
  watershed who-can reply conversation:test-drive --world brand.world.toml
  watershed who-can manage channel:hotline --explain
  watershed who-can read conversation:new --resource-property organization=linz
  watershed who-can view organization:corvane --type partner --json
""",
)
@click.argument("action", type=TEXT)
@click.argument("resource", type=TEXT, callback=read_reference)
@click.option("--type", "kind", type=TEXT, default="user", show_default=True, metavar="TYPE")
@click.option("--explain", is_flag=True, help="Say by which rules, and where both lie.")
@request_options
@now_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def who_can(
    settings: Settings,
    action: str,
    resource: Key,
    kind: str,
    explain: bool,
    properties: dict[str, Any],
    resource_properties: dict[str, Any],
    subject_properties: dict[str, Any],
    context: dict[str, Any],
    now: datetime | None,
    as_json: bool,
) -> None:
    """Everybody who may take ACTION on RESOURCE, in order of the tree.

    A user counts for the organization that --organization names, else for the one selected. Why
    somebody is not there: watershed check.
    """
    pdp = open_pdp(settings)
    moment = pdp.moment(now)
    require_known(moment.vocabulary.schema, kind, resource[0], action)
    request = AccessRequest(
        kind,
        "",
        action,
        *resource,
        subject_properties=subject_properties,
        action_properties=properties,
        resource_properties=resource_properties,
        context=context,
    )
    failure = refusal("subject", moment, request)
    if failure is not None:
        click.echo(f"nobody: {failure.reason}, {one_line(failure.detail)}", err=True)
    rows, bodies = [], []
    for key in find_subjects(pdp.engine, moment, request):
        why = reasons_body(pdp, moment, request.but(subject_id=key[1])) if explain else {}
        place = "/".join(why["paths"].get("subject", ())) if explain else ""
        rows.append((reference(key), place, ", ".join(why.get("rules", ()))))
        bodies.append({**entity_body(key), **({"context": why} if explain else {})})
    if as_json:
        revision = moment.directory.revision
        print_json({"revision": revision, **failure_body(failure), "results": bodies})
    elif explain:
        print_rows(("subject", "acts for", "by"), rows)
    else:
        print_rows(("subject",), [row[:1] for row in rows])
