"""Money and reports: what an account pays for, what its report covers, what its usage comes to."""

from collections.abc import Callable, Iterable
from io import BytesIO

from flask import Response, request
from flask_smorest import Blueprint

from service.api import billing_examples as examples
from service.api import billing_requests as asked
from service.api import billing_schemas as schemas
from service.api.answers import json_answer
from service.api.billing_rendering import invoice_body, listed, report_body, usage_body
from service.api.bodies import media_type, parse_object, read_bytes, read_object
from service.api.documentation import documented
from service.api.messages import JSON, NDJSON
from service.api.subjects import Asker, admit, asker_in_body, asker_in_query, duties
from service.config import Settings
from service.domain.accounts import organization_record
from service.domain.invoices import invoice
from service.domain.periods import EVER, Period
from service.domain.reports import report
from service.domain.usage import Meter, count_lines, count_values
from service.errors import InvalidRequest, Problem
from service.policy.pdp import PolicyDecisionPoint

_REFUSALS = (400, 403, 404, 413, 415)
Counting = Callable[[Meter], Iterable[tuple[int, Problem]]]
"""Gives all records to a meter; the line of each that is refused, and why."""


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
        if media_type(request.content_type or "") == NDJSON:
            asker = asker_in_query(query)
            return count(
                organization, asker, period, lambda meter: count_lines(meter, BytesIO(body))
            )
        if query:
            reason = "belongs into the body where that is JSON"
            raise InvalidRequest(Problem(name, None, reason) for name in query)
        document, period = asked.read_usage_request(parse_object(body))
        records = document["records"]
        asker = asker_in_body(document)
        return count(organization, asker, period, lambda meter: count_values(meter, records))

    def count(
        organization: str, asker: Asker | None, period: Period | None, counted: Counting
    ) -> Response:
        moment = pdp.moment()
        directory = moment.directory
        organization_record(directory, organization)
        allowed = admit(pdp, moment, asker, "view_subscriptions", organization)
        terms = pdp.engine.policies.require_terms()
        meter = Meter(directory, organization, terms, period or EVER, months=True)
        refused = listed(counted(meter))
        body = usage_body(meter, meter.finish(), refused, directory.revision)
        return json_answer({**body, **duties(allowed)})

    return blueprint
