"""Money: decimal from the first digit to the last, rounded where it is said and nowhere else."""

import decimal
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

ROUNDINGS: Mapping[str, str] = {
    "half_up": decimal.ROUND_HALF_UP,
    "half_even": decimal.ROUND_HALF_EVEN,
    "down": decimal.ROUND_DOWN,
    "up": decimal.ROUND_UP,
}
"""What `billing.toml` may say, and what Python calls it."""

_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
# More digits than a price of eighteen and any number of people can have between them.
_EXACT = decimal.Context(prec=60, traps=[decimal.InvalidOperation, decimal.Inexact])
_ROUND = decimal.Context(prec=60, traps=[decimal.InvalidOperation])


def read_price(value: Any) -> Decimal | None:
    """The price that `value` spells: a string such as "40.50", or a whole number; else None.

    A JSON number with a fraction has been a binary one by the time it is here, so it is no price.
    """
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not _PRICE.fullmatch(value):
        return None
    return Decimal(value)


def amount(quantity: int, price: Decimal, decimals: int, rounding: str) -> Decimal:
    """What so many cost, with exactly so many decimals; `rounding` is one of ROUNDINGS."""
    exact = _EXACT.multiply(Decimal(quantity), price)
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUNDINGS[rounding], _ROUND)


def total(amounts: list[Decimal], decimals: int) -> Decimal:
    """The sum, with so many decimals; exact, because all amounts have them."""
    result = Decimal(0).scaleb(-decimals)
    for each in amounts:
        result = _EXACT.add(result, each)
    return result


def spell_amount(value: Decimal) -> str:
    """Its digits, never with an exponent."""
    return f"{value:f}"
