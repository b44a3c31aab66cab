"""How JSON spells invoices, reports, subscriptions, usage and coverage.

Money is a string of digits, so that no reader makes a binary number of it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from service.api.rendering import decision_body
from service.domain.billing import BillingTerms
from service.domain.coverage import Coverage
from service.domain.directory import Directory
from service.domain.identifiers import spell_moment
from service.domain.invoices import Invoice
from service.domain.money import spell_amount
from service.domain.periods import ALWAYS, FOREVER, Period
from service.domain.provisioning import Binding
from service.domain.records import SubscriptionRecord
from service.domain.reports import Scope
from service.domain.stretches import Counted, Stretch
from service.domain.subscriptions import active, entitlement, responsible, subscriptions_of
from service.domain.usage import Meter
from service.errors import Problem
from service.policy.additions import Addition

PROBLEMS_LISTED = 100
"""Of the records that are refused; all of them are counted."""


def invoice_body(invoice: Invoice, revision: int) -> dict[str, Any]:
    """The invoice with its lines, and everybody who is counted in the first of them."""
    return {
        "account": invoice.account,
        "name": invoice.name,
        "period": period_body(invoice.period),
        "lines": [
            {
                "item": line.item,
                **({} if line.organization is None else {"organization": line.organization}),
                "quantity": line.quantity,
                "price": spell_amount(line.price),
                "amount": spell_amount(line.amount),
            }
            for line in invoice.lines
        ],
        "total": spell_amount(invoice.total),
        "paid_users": [
            {"id": paid.user, "organizations": list(paid.organizations)}
            for paid in invoice.paid_users
        ],
        "free_users": list(invoice.free_users),
        "revision": revision,
    }


def report_body(covered: Scope, revision: int) -> dict[str, Any]:
    """Which organizations' rows the report holds, and those of no other."""
    account = {} if covered.account is None else {"account": covered.account}
    return {
        "organization": covered.organization,
        **account,
        "organizations": list(covered.organizations),
        "revision": revision,
    }


def period_body(period: Period) -> dict[str, str]:
    """`from` and `until` (exclusive), without what has no end."""
    body = {}
    if period.since != ALWAYS:
        body["from"] = spell_moment(period.since)
    if period.until != FOREVER:
        body["until"] = spell_moment(period.until)
    return body


def subscriptions_body(
    directory: Directory, account: str, now: datetime, terms: BillingTerms | None
) -> dict[str, Any]:
    """Every subscription of the account, the oldest first, and which is the primary one now."""
    bought = subscriptions_of(directory, account)
    in_force = active(bought, now)
    body: dict[str, Any] = {
        "organization": account,
        "revision": directory.revision,
        "at": spell_moment(now),
    }
    if in_force:
        body["primary"] = in_force[0].key[1]
        body["type"] = in_force[0].type
    body["entitlements"] = entitlement(in_force)
    if terms is not None and in_force:
        rule = terms.responsible
        body["responsible"] = {
            name: responsible(rule, in_force, name).key[1] for name in terms.usage
        }
    first = in_force[0] if in_force else None
    body["subscriptions"] = [_subscription(each, directory, now, each is first) for each in bought]
    return body


def _subscription(
    record: SubscriptionRecord, directory: Directory, now: datetime, is_primary: bool
) -> dict[str, Any]:
    status = "ended" if record.ends <= now else "active" if record.starts <= now else "not-begun"
    terms = ("plan", "telephony", "product", "department")
    return {
        "id": record.key[1],
        "status": status,
        "primary": is_primary,
        "type": record.type,
        "starts": spell_moment(record.starts),
        "ends": spell_moment(record.ends),
        **{name: value for name in terms if (value := getattr(record, name)) is not None},
        **({"hybrid": True} if record.hybrid else {}),
        "entitlements": dict(record.entitlements),
        "mapped": len(directory.linked(record.key, "mapped")),
    }


class Refused(NamedTuple):
    """A record that was not counted: the line it stands in, from 1, and what is wrong."""

    line: int
    problem: Problem


def listed(problems: Iterable[tuple[int, Problem]]) -> list[Refused]:
    """The first of all problems; the rest is looked at too, since looking is what counts."""
    found = []
    for line, problem in problems:
        if len(found) < PROBLEMS_LISTED:
            found.append(Refused(line, problem))
    return found


def usage_body(
    meter: Meter, stretches: Iterable[Stretch], refused: Iterable[Refused], revision: int
) -> dict[str, Any]:
    """What the records came to, and those that were refused, by line."""
    return {
        "organization": meter.account,
        "revision": revision,
        "accepted": meter.accepted,
        "refused": meter.refused,
        "outside": meter.outside,
        "problems": [
            {"line": line, "path": problem.path, "reason": problem.reason}
            for line, problem in refused
        ],
        "stretches": [_stretch(each) for each in stretches],
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    primary = {} if stretch.primary is None else {"primary": stretch.primary}
    kind = {} if stretch.type is None else {"type": stretch.type}
    usage = [_counted(each) for each in stretch.counted]
    return {**period_body(stretch.period), **primary, **kind, "usage": usage}


def _counted(counted: Counted) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": counted.kind,
        "used": counted.used,
        "entitled": counted.entitled,
        "overage": counted.overage,
    }
    if counted.charged_to is not None:
        body["charged_to"] = counted.charged_to
    if counted.peak_at is not None:
        body["peak_at"] = spell_moment(counted.peak_at)
    body["subscriptions"] = [
        {
            **({} if part.subscription is None else {"id": part.subscription}),
            "used": part.used,
            "overage": part.overage,
        }
        for part in counted.parts
    ]
    return body


def coverage_body(covered: Coverage, revision: int) -> dict[str, Any]:
    """Who loses access when, and how things stand after each change; the first state is now."""
    return {
        "organization": covered.account,
        "revision": revision,
        "at": spell_moment(covered.since),
        "subscription_required": covered.required,
        "people": len(covered.people),
        "changes": [
            {
                "at": spell_moment(change.at),
                "user": change.user,
                "access": "begins" if change.opens else "ends",
                "because": list(change.because),
            }
            for change in covered.changes
        ],
        "states": [
            {
                "at": spell_moment(state.at),
                "without_access": list(state.without),
                "can_map": list(state.mapping),
                "locked_out": state.trapped,
                **({"rescue": list(state.rescue)} if state.trapped else {}),
            }
            for state in covered.states
        ],
    }


def addition_body(addition: Addition) -> dict[str, Any]:
    """The decision, its rules in words, what is bound, and what could be added instead."""
    instead = {} if addition.instead is None else {"instead": addition.instead}
    return {
        **decision_body(addition.decision),
        "reasons": [{"rule": name, "says": says} for name, says in addition.reasons],
        "bound": [_binding(each) for each in addition.bound],
        **instead,
    }


def _binding(binding: Binding) -> dict[str, Any]:
    until = {} if binding.until is None else {"until": spell_moment(binding.until)}
    return {"name": binding.field, "value": binding.value, "by": list(binding.by), **until}
