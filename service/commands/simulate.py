"""`watershed simulate`: decisions after changes that are not made."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from service.api.accounts import simulation_body
from service.api.suppositions import read_supposition
from service.commands.arguments import now_option
from service.commands.documents import read_file
from service.commands.opening import open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.terminal import print_json, print_rows
from service.config import Settings
from service.domain.strict_json import read_json
from service.explain.simulation import simulate as simulated
from service.policy.decision import AccessRequest


@click.command(
    epilog="""\b
Examples:
  watershed simulate move.json questions.json --world brand.world.toml
  watershed simulate '[{"op": "suspend_organization", "organization": "linz"}]' questions.json
\b
CHANGES is a list of changes, REQUESTS one of evaluation requests: each in JSON, or a file that
holds it as JSON or as TOML ([[changes]], [[requests]]).
"""
)
@click.argument("changes")
@click.argument("requests")
@now_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def simulate(
    settings: Settings, changes: str, requests: str, now: datetime | None, as_json: bool
) -> None:
    """What would be decided on REQUESTS after CHANGES, which are not made."""
    document = {
        "changes": read_array(changes, "changes"),
        "requests": read_array(requests, "requests"),
    }
    made, asked, _ = read_supposition(document, settings.batch_limit_items)
    limit = settings.simulate_limit_milliseconds
    simulation = simulated(open_pdp(settings), made, asked, now, limit)
    if as_json:
        print_json(simulation_body(simulation))
        return
    rows = [
        (_verdict(outcome.now), "→" if outcome.differs else "=", _verdict(outcome.then), _said(one))
        for one, outcome in zip(asked, simulation.outcomes, strict=True)
    ]
    print_rows(("now", "", "then", "request"), rows)
    click.echo(f"{sum(o.differs for o in simulation.outcomes)} of {len(rows)} differ")


def read_array(text: str, name: str) -> Any:
    """The list that `text` is in JSON, or that the file of this name holds, JSON or TOML.

    A document may hold it under `name`, as `watershed changes apply` takes it. Raises
    MalformedDocument.
    """
    if text.lstrip().startswith(("[", "{")):
        found = read_json(text.encode("utf-8", "surrogateescape"))
    else:
        found = read_file(Path(text))
    return found.get(name, found) if isinstance(found, dict) else found


def _verdict(decision: Any) -> str:
    return "allow" if decision.allowed else "deny"


def _said(request: AccessRequest) -> str:
    subject = f"{request.subject_type}:{request.subject_id}"
    return f"{subject} {request.action} {request.resource_type}:{request.resource_id}"
