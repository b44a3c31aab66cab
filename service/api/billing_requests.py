"""What the routes of money, reports and subscriptions take.

Unlike an evaluation, a member that is not known is refused here: a misspelt `filter` would
otherwise bring the whole report.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import RAISE, Schema, fields, validate
from werkzeug.datastructures import MultiDict

from service.api.requests import Entity, entity, loaded, mapping, text
from service.api.subjects import Asker, asker_in_query
from service.domain.money import read_price
from service.domain.periods import Period, read_period
from service.errors import InvalidRequest, Problem

_MISSING = {"required": "is missing", "null": "is null; name one, or leave it out"}
_PERIOD = "a month or a year (UTC), such as 2026-11 or 2026"


class _Strict(Schema):
    error_messages = {"type": "is not an object", "unknown": "is not known here"}

    class Meta:
        unknown = RAISE


_CONTEXT = {"description": "`organization` is whom the subject acts for"}


class Asking(_Strict):
    """For whom a route acts, if for anybody but the holder of the key."""

    subject = fields.Nested(
        Entity,
        error_messages=_MISSING,
        metadata={"description": "who must be allowed to; nobody: the key is enough"},
    )
    context = mapping(metadata=_CONTEXT)


class InvoiceRequest(Asking):
    """Which period, and what things cost."""

    period = text(required=True, metadata={"description": f"{_PERIOD}; it stands on the invoice"})
    prices = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(
            metadata={"oneOf": [{"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$"},
                                {"type": "integer", "minimum": 0, "maximum": 999_999_999_999}]}
        ),
        required=True,
        error_messages={**_MISSING, "invalid": "is not an object"},
        metadata={"description": "of one `user`, and of one of each paid type of resource"},
    )  # fmt: skip


class ReportRequest(_Strict):
    """Whose report, and which part of it."""

    subject = entity(Entity, "for whom the report is made")
    context = mapping(metadata=_CONTEXT)
    filter = fields.List(
        text(),
        validate=validate.Length(1, error="names nothing; leave it out for the whole report"),
        error_messages={"invalid": "is not an array", "null": "is null; leave it out for all"},
        metadata={"description": "the organizations to report on, each for itself; all by default"},
    )


class UsageRequest(Asking):
    """The usage records of a tenant, in the order in which they begin."""

    period = text(metadata={"description": f"{_PERIOD}, cut into its months; all by default"})
    records = fields.List(
        fields.Raw(metadata={"type": "object"}),
        required=True,
        error_messages={**_MISSING, "invalid": "is not an array"},
        metadata={"description": "each as one line of the other media type"},
    )


class AdditionRequest(_Strict):
    """A subscription that somebody wants to add."""

    subject = entity(Entity, "who wants to add it")
    context = mapping(metadata=_CONTEXT)
    subscription = fields.Dict(
        required=True,
        error_messages={**_MISSING, "invalid": "is not an object"},
        metadata={"description": "the parameters of `add_subscription`, such as type, telephony"},
    )


class AskingQuery(_Strict):
    """For whom a route acts, in the address."""

    error_messages = {"unknown": "is no parameter of this route"}

    subject = text(metadata={"description": "as `type:id`, who must be allowed to"})
    acting_for = text(metadata={"description": "the organization that the subject acts for"})


class UsageQuery(AskingQuery):
    """For whom, and which part of the records."""

    period = text(metadata={"description": f"{_PERIOD}; only where lines are sent"})


_QUERY, _USAGE_QUERY = AskingQuery(), UsageQuery()
_INVOICE, _REPORT = InvoiceRequest(), ReportRequest()
_USAGE, _ADDITION = UsageRequest(), AdditionRequest()


def read_query(query: MultiDict[str, str]) -> dict[str, Any]:
    """Who asks, by address. Raises InvalidRequest."""
    return loaded(_QUERY, _once(query))


def parameters(query: bytes) -> MultiDict[str, str]:
    """The parameters of an address, from what stands behind its question mark."""
    return MultiDict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def read_usage_query(query: MultiDict[str, str]) -> tuple[Asker | None, Period | None]:
    """Who asks by address, and for which period. Raises InvalidRequest."""
    asked = loaded(_USAGE_QUERY, _once(query))
    return asker_in_query(asked), _period(asked.get("period"))


def read_invoice_request(
    document: Mapping[str, Any],
) -> tuple[dict[str, Any], Period, dict[str, Decimal]]:
    """Who asks, the period and the prices. Raises InvalidRequest."""
    asked = loaded(_INVOICE, document)
    return asked, _period(asked["period"]), read_prices(asked["prices"])


def read_prices(spelled: Mapping[str, Any]) -> dict[str, Decimal]:
    """The prices, decimal. Raises InvalidRequest for what is no price, a binary number included."""
    prices = {name: read_price(value) for name, value in spelled.items()}
    reason = 'is no price; write it as a string, such as "40.50", or as a whole number'
    wrong = [
        Problem(f"prices.{name}", spelled[name], reason)
        for name, price in prices.items()
        if price is None
    ]
    if wrong:
        raise InvalidRequest(wrong)
    return prices


def read_report_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks, and the filter. Raises InvalidRequest."""
    return loaded(_REPORT, document)


def read_usage_request(document: Mapping[str, Any]) -> tuple[dict[str, Any], Period | None]:
    """Who asks, the records as they came, and the period. Raises InvalidRequest."""
    asked = loaded(_USAGE, document)
    return asked, _period(asked.get("period"))


def read_addition_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks, and for what. Raises InvalidRequest."""
    return loaded(_ADDITION, document)


def _once(query: MultiDict[str, str]) -> dict[str, str]:
    twice = [name for name, values in query.lists() if len(values) > 1]
    if twice:
        raise InvalidRequest(Problem(name, None, "is given twice") for name in twice)
    return query.to_dict()


def _period(spelled: str | None) -> Period | None:
    if spelled is None:
        return None
    period = read_period(spelled)
    if period is None:
        raise InvalidRequest([Problem("period", spelled, f"is not {_PERIOD}")])
    return period
