"""`watershed usage`: what usage records come to, read as a stream of any length."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from service.api.billing_rendering import listed, usage_body
from service.api.subjects import Asker
from service.commands.arguments import TEXT, now_option
from service.commands.invoice import read_period_option
from service.commands.settings import json_option, settings_options
from service.commands.subject_options import asking_options, opened_for
from service.commands.terminal import Progress, one_line, print_json, print_rows, progress
from service.config import Settings
from service.domain.identifiers import spell_moment
from service.domain.periods import ALWAYS, EVER, FOREVER, Period
from service.domain.stretches import Stretch
from service.domain.usage import Meter, count_lines

_MIB = 2**20
_PIECE_BYTES = 2**16


@click.command(
    epilog="""\b
Examples:
  watershed usage fjordbank december.ndjson --period 2026-12
  zcat 2026.ndjson.gz | watershed usage fjordbank - --period 2026 --json
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option(
    "--period",
    type=TEXT,
    callback=read_period_option,
    metavar="MONTH",
    help="A month, or a year to be cut into its months: 2026-12 or 2026.  [all there is]",
)
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def usage(
    settings: Settings,
    organization: str,
    file: BinaryIO,
    period: Period | None,
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """What the records in FILE come to: usage by subscription, and overage.

    One JSON record a line, in the order in which they begin; `-` is standard input. A record that
    is wrong is refused by its line, on standard error, and changes nothing for the others; the exit
    status is then 1. With --subject, `view_subscriptions` must be allowed.
    """
    moment, policies = opened_for(settings, asker, now, "view_subscriptions", organization)
    terms = policies.require_terms()
    meter = Meter(moment.directory, organization, terms, period or EVER, months=True)
    with progress(f"counting {Path(file.name).name}", _size_mib(file)) as tell:
        refused = listed(count_lines(meter, _pieces(file, meter, tell)))
    stretches = meter.finish()
    if as_json:
        print_json(usage_body(meter, stretches, refused, moment.directory.revision))
    else:
        print_rows(_COLUMNS, list(_rows(stretches)))
        outside = f", {meter.outside:,} outside the period" if meter.outside else ""
        click.echo(f"{meter.accepted:,} records counted, {meter.refused:,} refused{outside}")
        for line, problem in refused:
            click.echo(one_line(f"line {line}: {str(problem).removeprefix(': ')}"), err=True)
        if meter.refused > len(refused):
            click.echo(f"and {meter.refused - len(refused):,} more", err=True)
    if meter.refused:
        click.get_current_context().exit(1)


def _pieces(file: BinaryIO, meter: Meter, tell: Progress) -> Iterator[bytes]:
    size_bytes = 0
    while piece := file.read(_PIECE_BYTES):
        yield piece
        size_bytes += len(piece)
        done = meter.accepted + meter.refused + meter.outside
        tell(f"{done:,} records, MiB", size_bytes // _MIB)


def _size_mib(file: BinaryIO) -> int | None:
    """How large the file is; None for a pipe, of which nobody knows."""
    try:
        return os.fstat(file.fileno()).st_size // _MIB or None
    except OSError:
        return None


_COLUMNS = ("from", "until", "usage", "of", "used", "entitled", "overage", "peak at")


def _rows(stretches: tuple[Stretch, ...]) -> Iterator[tuple]:
    """For each stretch and type of usage one row of the tenant, then one of each subscription."""
    for stretch in stretches:
        since, until = stretch.period
        place = (
            "" if since == ALWAYS else spell_moment(since),
            "" if until == FOREVER else spell_moment(until),
        )
        for counted in stretch.counted:
            peak = "" if counted.peak_at is None else spell_moment(counted.peak_at)
            row = ("all", counted.used, counted.entitled, counted.overage, peak)
            yield (*place, counted.kind, *row)
            for part in counted.parts:
                yield (
                    *place,
                    counted.kind,
                    part.subscription or "-",
                    part.used,
                    "",
                    part.overage,
                    "",
                )
