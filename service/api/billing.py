"""Money and reports: what an account pays for, what its report covers, what its usage comes to."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from service.api import billing_examples as examples
from service.api import billing_requests as asked
from service.api import billing_schemas as schemas
from service.api.answers import json_answer
from service.api.billing_rendering import (
    PROBLEMS_LISTED,
    Refused,
    invoice_body,
    report_body,
    usage_body,
)
from service.api.bodies import media_type, parse_object, read_bytes, read_object
from service.api.documentation import documented
from service.api.messages import JSON, NDJSON
from service.api.subjects import Asker, admit, asker_in_body, asker_in_query, duties
from service.config import Settings
from service.domain.accounts import account_itself, organization_record
from service.domain.billing import UsageType
from service.domain.invoices import invoice
from service.domain.periods import EVER, Period
from service.domain.reports import report
from service.domain.usage import Meter
from service.domain.usage_records import Usage, lines, read_line, read_usage
from service.errors import InvalidRequest, Problem
from service.policy.pdp import PolicyDecisionPoint

_REFUSALS = (400, 403, 404, 413, 415)
Numbered = Iterable[tuple[int, Usage | Problem]]


def billing(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The routes of an account's money. Each names in its description the action that guards it."""
    blueprint = Blueprint("money", __name__, description="What an account pays for, and reports.")
    body_limit = settings.body_limit_bytes

    @blueprint.route("/organizations/<organization>/invoice", methods=["POST"])
    @documented(
        blueprint,
        schemas.Invoice,
        examples.INVOICE,
        refusals=_REFUSALS,
        body={"schema": asked.InvoiceRequest, "example": examples.INVOICE_REQUEST},
    )
    def make_invoice(organization: str) -> Response:
        """The lines of an account's invoice

        Each paid user once in the account, guests free, items by organization; `prices` come with
        the request, amounts are decimal. Only a level-2 account has an invoice. The facts are those
        of the revision in the answer: they keep no history. Guarded by `issue_invoice`.
        """
        document, period, prices = asked.read_invoice_request(read_object(request, body_limit))
        moment = pdp.moment()
        organization_record(moment.directory, organization)
        asker = asker_in_body(document)
        allowed = admit(pdp, moment, asker, "issue_invoice", organization)
        terms = pdp.engine.policies.require_terms()
        made = invoice(moment, organization, period, prices, terms)
        return json_answer({**invoice_body(made, moment.directory.revision), **duties(allowed)})

    @blueprint.route("/organizations/<organization>/report", methods=["POST"])
    @documented(
        blueprint,
        schemas.Report,
        examples.REPORT,
        refusals=_REFUSALS,
        body={"schema": asked.ReportRequest, "example": examples.REPORT_REQUEST},
    )
    def cover_report(organization: str) -> Response:
        """Which organizations a report covers

        An exact filter of rows: those of `organizations`, and of no other. Without `filter`, the
        organization and all below it; with one, exactly those it names. One that lies outside, or
        a second account, refuses the whole request. Guarded by `view_report`.
        """
        document = asked.read_report_request(read_object(request, body_limit))
        moment, wanted = pdp.moment(), document.get("filter")
        organization_record(moment.directory, organization)
        properties = {} if wanted is None else {"filter": wanted}
        asker = asker_in_body(document)
        allowed = admit(pdp, moment, asker, "view_report", organization, properties)
        covered = report(moment.directory, organization, wanted)
        return json_answer({**report_body(covered, moment.directory.revision), **duties(allowed)})

    @blueprint.route("/organizations/<organization>/usage", methods=["POST"])
    @documented(
        blueprint,
        schemas.UsageAnswer,
        examples.USAGE,
        refusals=_REFUSALS,
        query=asked.UsageQuery,
        body={"schema": asked.UsageRequest, "example": examples.USAGE_REQUEST},
        lines={"schema": {"type": "string"}, "example": examples.USAGE_LINES},
    )
    def count_usage(organization: str) -> Response:
        """What usage records come to: split by subscription, overage on the one that answers

        As JSON, or as `application/x-ndjson`, one record a line, with subject and period in the
        address. Records come in the order in which they begin. One that is wrong is refused by its
        line and changes nothing for the others. Nothing is kept. Guarded by `view_subscriptions`.
        """
        body = read_bytes(request, body_limit, (JSON, NDJSON))
        query, period = asked.read_usage_query(request.args)
        types = pdp.engine.policies.require_terms().usage
        asker = asker_in_query(query)
        if media_type(request.content_type or "") == NDJSON:
            records = _records_of_lines(body, types)
        else:
            document, period = asked.read_usage_request(_only_in_body(query, parse_object(body)))
            asker, records = asker_in_body(document), _records_of(document["records"], types)
        return json_answer(_count(organization, asker, records, period))

    def _count(
        organization: str, asker: Asker | None, records: Numbered, period: Period | None
    ) -> dict[str, Any]:
        moment = pdp.moment()
        directory = moment.directory
        organization_record(directory, organization)
        allowed = admit(pdp, moment, asker, "view_subscriptions", organization)
        account_itself(directory, organization)
        terms = pdp.engine.policies.require_terms()
        meter = Meter(directory, organization, terms, period or EVER, months=True)
        refused = take(meter, records)
        body = usage_body(meter, meter.finish(), refused, directory.revision)
        return {**body, **duties(allowed)}

    return blueprint


def take(meter: Meter, records: Numbered) -> list[Refused]:
    """Count the records; the first of those that are refused, by line."""
    refused: list[Refused] = []
    for line, record in records:
        if type(record) is Problem:
            meter.refused += 1
            problem: Problem | None = record
        else:
            problem = meter.add(record)
        if problem is not None and len(refused) < PROBLEMS_LISTED:
            refused.append(Refused(line, problem))
    return refused


def _records_of_lines(body: bytes, types: Mapping[str, UsageType]) -> Iterator[tuple[int, Any]]:
    for line, text in lines(BytesIO(body)):
        yield line, read_line(text, types)


def _records_of(values: list[Any], types: Mapping[str, UsageType]) -> Iterator[tuple[int, Any]]:
    for line, value in enumerate(values, start=1):
        yield line, read_usage(value, types)


def _only_in_body(query: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The body as JSON, which says all there is to say: a subject in the address is refused."""
    if query:
        reason = "belongs into the body where that is JSON"
        raise InvalidRequest(Problem(name, None, reason) for name in query)
    return document
