"""`watershed invoice`: what an account pays for."""

from datetime import datetime
from decimal import Decimal

import click

from service.api.billing_rendering import invoice_body
from service.api.subjects import Asker
from service.commands.arguments import TEXT, now_option
from service.commands.settings import json_option, settings_options
from service.commands.subject_options import asking_options, opened_for
from service.commands.terminal import one_line, print_json, print_rows
from service.config import Settings
from service.domain import invoices
from service.domain.identifiers import spell_moment
from service.domain.money import read_price, spell_amount
from service.domain.periods import Period, read_period


def read_period_option(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Period | None:
    """The month or year that the option names."""
    period = read_period(text)
    if text is not None and period is None:
        raise click.BadParameter(f"`{text}` is no month or year, such as 2026-11 or 2026")
    return period


def _prices(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Decimal]:
    prices: dict[str, Decimal] = {}
    for text in texts:
        name, _, amount = text.partition("=")
        price = read_price(amount)
        if not name or price is None:
            raise click.BadParameter(f"`{text}` is not of the form NAME=AMOUNT, as in user=40.50")
        if name in prices:
            raise click.BadParameter(f"`{name}` is given twice")
        prices[name] = price
    return prices


@click.command(
    epilog="""\b
Examples:
  watershed invoice corvane --period 2026-11 --price user=40 --price add_on=25
  watershed invoice corvane --period 2026-11 --price user=40 --price add_on=25 --subject user:petra
"""
)
@click.argument("organization", type=TEXT, metavar="ORG")
@click.option(
    "--period",
    type=TEXT,
    required=True,
    callback=read_period_option,
    metavar="MONTH",
    help="A month or a year, such as 2026-11 or 2026; it stands on the invoice.",
)
@click.option(
    "--price",
    "prices",
    type=TEXT,
    multiple=True,
    callback=_prices,
    metavar="NAME=AMOUNT",
    help="What one `user` costs, or one resource of a type that is paid for.",
)
@now_option
@asking_options
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def invoice(
    settings: Settings,
    organization: str,
    period: Period,
    prices: dict[str, Decimal],
    now: datetime | None,
    asker: Asker | None,
    as_json: bool,
) -> None:
    """The lines of the invoice of ORG, a level-2 account, from the facts as they are now.

    Everybody who is paid for counts once in the account; guests are free. What is paid for stands
    in billing.toml, beside the policies; with --subject, `issue_invoice` must be allowed.
    """
    moment, policies = opened_for(settings, asker, now, "issue_invoice", organization)
    made = invoices.invoice(moment, organization, period, prices, policies.require_terms())
    if as_json:
        print_json(invoice_body(made, moment.directory.revision))
        return
    since, until = map(spell_moment, made.period)
    click.echo(one_line(f"invoice to {made.name} ({made.account}), {since} to {until}"))
    rows = [
        (line.item, line.organization or "", line.quantity, spell_amount(line.price), line.amount)
        for line in made.lines
    ]
    rows.append(("total", "", "", "", spell_amount(made.total)))
    print_rows(("item", "organization", "quantity", "price", "amount"), _aligned(rows))


def _aligned(rows: list[tuple]) -> list[list[str]]:
    """The rows with their numbers, the last three columns, one below the other."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*texts, strict=True)]
    return [
        [*row[:2], *(cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))]
        for row in texts
    ]
