"""Money and reports: what an account pays for, what its report covers, what its usage comes to."""

from flask import Response, request
from flask_smorest import Blueprint

from service.api import billing_examples as examples
from service.api import billing_requests as asked
from service.api import billing_schemas as schemas
from service.api.answers import json_answer
from service.api.billing_rendering import invoice_body, report_body
from service.api.bodies import media_type, parse_object, pieces, read_bytes, read_object
from service.api.documentation import documented
from service.api.messages import JSON, NDJSON
from service.api.subjects import admit, asker_in_body, duties
from service.api.usage_count import UsageCount
from service.config import Settings
from service.domain.accounts import organization_record
from service.domain.invoices import invoice
from service.domain.reports import report
from service.errors import InvalidRequest, Problem
from service.policy.pdp import PolicyDecisionPoint

USAGE = "/organizations/<organization>/usage"
_REFUSALS = (400, 403, 404, 413, 415)


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

    @blueprint.route(USAGE, methods=["POST"])
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
        address; lines are counted as they come, so that there may be any number of them. Records
        come in the order in which they begin. One that is wrong is refused by its line and changes
        nothing for the others. Nothing is kept. Guarded by `view_subscriptions`.
        """
        if media_type(request.content_type or "") == NDJSON:
            asker, period = asked.read_usage_query(request.args)
            count = UsageCount(pdp, organization, asker, period)
            for piece in pieces(request, settings.usage_limit_bytes, (NDJSON,)):
                count.take(piece)
            return json_answer(count.end())
        if request.args:
            reason = "belongs into the body where that is JSON"
            raise InvalidRequest(Problem(name, None, reason) for name in request.args)
        body = read_bytes(request, body_limit, (JSON, NDJSON))
        document, period = asked.read_usage_request(parse_object(body))
        count = UsageCount(pdp, organization, asker_in_body(document), period)
        count.take_values(document["records"])
        return json_answer(count.end())

    return blueprint
