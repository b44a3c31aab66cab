"""`watershed report`: which organizations a report covers."""

from datetime import datetime

import click

from service.api.billing_rendering import report_body
from service.api.subjects import Asker
from service.commands.arguments import TEXT, now_option
from service.commands.settings import json_option, settings_options
from service.commands.subject_options import asking_options, opened_for
from service.commands.terminal import print_json, print_rows
from service.config import Settings
from service.domain import reports
from service.domain.accounts import organization_record


@click.command(
    epilog="""\b
Examples:
  watershed report corvane
  watershed report corvane --filter linz --filter graz --subject user:miriam
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@click.option(
    "--filter",
    "wanted",
    type=TEXT,
    multiple=True,
    metavar="ORG",
    help="Only this organization, by itself; again for another.  [all of it]",
)
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def report(
    settings: Settings,
    organization: str,
    wanted: tuple[str, ...],
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """Which organizations a report of ORG covers: exactly their rows, and no others.

    One that lies outside ORG refuses the whole report. With --subject, `view_report` must be
    allowed.
    """
    names = list(wanted) or None
    properties = {} if names is None else {"filter": names}
    moment, _ = opened_for(settings, asker, now, "view_report", organization, properties)
    covered = reports.report(moment.directory, organization, names)
    if as_json:
        print_json(report_body(covered, moment.directory.revision))
        return
    found = [organization_record(moment.directory, name) for name in covered.organizations]
    rows = [(each.key[1], len(each.path), each.name) for each in found]
    print_rows(("organization", "level", "name"), rows)
