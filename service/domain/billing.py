"""What a policy set says of money: what is paid for, how usage is counted, who answers for it.

Declared in `policies/billing.toml`, beside the rules, so that changing it changes no Python.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from service.domain.entities import STANDINGS
from service.domain.entries import Entry
from service.domain.money import ROUNDINGS
from service.domain.records import ROLES
from service.domain.schema import BUILT_IN_TYPES, Schema
from service.domain.subscriptions import ANSWERS
from service.errors import InvalidPolicy, Problem

SEATS, QUANTITY = "seats", "quantity"
ACTIVE, MONTH = "active", "month"
_MOST_DECIMALS = 6
_MOST_GRACE_DAYS = 366


class UsageType(NamedTuple):
    """A kind of usage: how it is counted, and whose it is."""

    name: str
    counted: str
    """SEATS or QUANTITY."""
    split: bool
    """Whether it belongs to the subscription of whoever caused it (S2-10)."""
    overage: bool
    """Whether what exceeds the entitlement is charged (S2-15)."""


class BillingTerms(NamedTuple):
    """All that `billing.toml` says."""

    free_roles: tuple[str, ...]
    billed: tuple[str, ...]
    """Standings of organizations whose people and items are paid for."""
    items: tuple[str, ...]
    """Types of resources that are paid for."""
    decimals: int
    rounding: str
    responsible: str
    """One of `subscriptions.ANSWERS`."""
    entitled: str
    """ACTIVE or MONTH: whose entitlements count (DC-20)."""
    grace_days: int
    usage: Mapping[str, UsageType]
    access: str
    mapping: str


def read_billing(
    document: Mapping[str, Any], schema: Schema, file: str = "billing.toml"
) -> BillingTerms:
    """The terms that a parsed `billing.toml` declares.

    Raises:
        InvalidPolicy: with every problem, its place as `billing.toml: invoice.free_roles`.
    """
    problems: list[Problem] = []
    top = Entry(document, file, problems)
    sections = {}
    for name in ("invoice", "usage", "coverage"):
        fields = top.take(name)
        sections[name] = Entry({} if fields is None else fields, f"{file}: {name}", problems)
    top.finish()
    invoice, usage, coverage = sections.values()
    users = _actions(schema, "user")
    terms = BillingTerms(
        free_roles=_choices(invoice, "free_roles", ROLES),
        billed=_choices(invoice, "billed", STANDINGS),
        items=_choices(invoice, "items", tuple(sorted(schema.types.keys() - set(BUILT_IN_TYPES)))),
        decimals=_whole(invoice, "decimals", _MOST_DECIMALS),
        rounding=invoice.choice("rounding", tuple(ROUNDINGS)),
        responsible=usage.choice("responsible", tuple(ANSWERS)),
        entitled=usage.choice("entitled", (ACTIVE, MONTH)),
        grace_days=_whole(usage, "grace_days", _MOST_GRACE_DAYS),
        usage=_usage_types(usage.table("types", "types of usage"), f"{file}: usage", problems),
        access=coverage.choice("access", _actions(schema, "organization")),
        mapping=coverage.choice("mapping", users),
    )
    for section in sections.values():
        section.finish()
    if problems:
        raise InvalidPolicy(problems)
    return terms


def _actions(schema: Schema, kind: str) -> tuple[str, ...]:
    return tuple(schema.types[kind].actions) or ("",)


def _usage_types(
    table: Mapping[str, Any], place: str, problems: list[Problem]
) -> dict[str, UsageType]:
    found = {}
    for name, fields in table.items():
        entry = Entry(fields, f"{place}.types.{name}", problems)
        counted = entry.choice("counted", (SEATS, QUANTITY))
        found[name] = UsageType(name, counted, _flag(entry, "split"), _flag(entry, "overage"))
        entry.finish()
    return found


def _flag(entry: Entry, field: str) -> bool:
    if entry.fields.get(field) is None:
        entry.problem(field, None, "is missing; it is true or false")
    return entry.flag(field)


def _choices(entry: Entry, field: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    value = entry.take(field)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        for item in value:
            if item not in choices:
                entry.problem(field, item, f"is not one of {', '.join(choices)}")
        return tuple(value)
    what = "is missing; it is" if value is None else "is not"
    entry.problem(field, value, f"{what} a list of some of {', '.join(choices)}")
    return ()


def _whole(entry: Entry, field: str, most: int) -> int:
    value = entry.take(field)
    if type(value) is int and 0 <= value <= most:
        return value
    what = "is missing; it is" if value is None else "is not"
    entry.problem(field, value, f"{what} a whole number from 0 to {most}")
    return 0
