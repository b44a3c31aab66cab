"""Invoices: one for an account and a period, of what the account and all below it use (S1-10).

The facts know no history, so an invoice is of the facts at one revision; make it when the period
ends. Whoever owns two accounts gets two invoices (S1-37): nothing here takes more than one.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from service.domain.accounts import account_itself, people_of
from service.domain.billing import BillingTerms
from service.domain.moment import Moment
from service.domain.money import amount, total
from service.domain.periods import Period
from service.domain.records import UserRecord
from service.errors import InvalidRequest, Problem

USERS = "user"
"""What the price of people is called; the price of an item has the name of its type."""


class PaidUser(NamedTuple):
    """Somebody who is paid for, once, and every organization of the account where that is so."""

    user: str
    organizations: tuple[str, ...]


class Line(NamedTuple):
    """One line: what, of which organization (None: of all), how many, what each and all cost."""

    item: str
    organization: str | None
    quantity: int
    price: Decimal
    amount: Decimal


class Invoice(NamedTuple):
    """What one account pays for one period; addressed to the account and to nobody else."""

    account: str
    name: str
    period: Period
    lines: tuple[Line, ...]
    total: Decimal
    paid_users: tuple[PaidUser, ...]
    free_users: tuple[str, ...]


def invoice(
    moment: Moment,
    account: str,
    period: Period,
    prices: Mapping[str, Decimal],
    terms: BillingTerms,
) -> Invoice:
    """The invoice of this account, from the facts of this moment.

    People come first, in one line, because somebody who works in two organizations is one user;
    then each type of item, organization by organization. `prices` are of one user, and of one item
    by its type.

    Raises:
        UnknownEntity, NotAnAccount: no invoice goes there.
        InvalidRequest: a price is missing for what there is, or is of nothing that is paid for.
    """
    record = account_itself(moment.directory, account)
    _judge_prices(prices, terms)
    billed = [
        name
        for name in moment.directory.subtree(account)
        if moment.organization(name).standing in terms.billed
    ]
    paid, free = _people(moment, account, frozenset(billed), terms)
    counted: list[tuple[str, str | None, int]] = [(USERS, None, len(paid))]
    for item in terms.items:
        for name in billed:
            held = moment.directory.linked(("organization", name), f"holds {item}")
            counted.append((item, name, len(held)))
    lines = _lines(counted, prices, terms)
    whole = total([line.amount for line in lines], terms.decimals)
    return Invoice(account, record.name, period, lines, whole, paid, free)


def _judge_prices(prices: Mapping[str, Decimal], terms: BillingTerms) -> None:
    known = (USERS, *terms.items)
    reason = f"is nothing that is paid for; prices are of {', '.join(known)}"
    unknown = [Problem(f"prices.{name}", None, reason) for name in prices if name not in known]
    if unknown:
        raise InvalidRequest(unknown)


def _people(
    moment: Moment, account: str, billed: frozenset[str], terms: BillingTerms
) -> tuple[tuple[PaidUser, ...], tuple[str, ...]]:
    paid, free = [], []
    for user, places in people_of(moment.directory, account):
        if user.status != "active":
            continue
        where = tuple(name for name in places if name in billed)
        costly = tuple(name for name in where if _role(user, name) not in terms.free_roles)
        if costly:
            paid.append(PaidUser(user.key[1], costly))
        elif where:
            free.append(user.key[1])
    return tuple(paid), tuple(free)


def _role(user: UserRecord, organization: str) -> str:
    return next(role for place, role in user.memberships if place == organization)


def _lines(
    counted: list[tuple[str, str | None, int]],
    prices: Mapping[str, Decimal],
    terms: BillingTerms,
) -> tuple[Line, ...]:
    missing = {item for item, _, quantity in counted if quantity and item not in prices}
    if missing:
        reason = "is missing, and there are some to pay for"
        raise InvalidRequest(Problem(f"prices.{item}", None, reason) for item in sorted(missing))
    return tuple(
        Line(
            item,
            organization,
            quantity,
            prices[item],
            amount(quantity, prices[item], terms.decimals, terms.rounding),
        )
        for item, organization, quantity in counted
        if quantity
    )
