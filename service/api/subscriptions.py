"""Subscriptions of an account: which is the primary one, whom they cover, what may be added."""

from flask import Response, request
from flask_smorest import Blueprint

from service.api import billing_examples as examples
from service.api import billing_requests as asked
from service.api import billing_schemas as schemas
from service.api.answers import json_answer
from service.api.billing_rendering import addition_body, coverage_body, subscriptions_body
from service.api.bodies import read_object
from service.api.documentation import documented
from service.api.subjects import admit, asker_in_body, asker_in_query, duties, request_of
from service.config import Settings
from service.domain.accounts import account_itself, organization_record
from service.domain.coverage import coverage
from service.policy.access import PolicyGate
from service.policy.additions import ACTION, judge_addition
from service.policy.pdp import PolicyDecisionPoint


def subscriptions(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The routes of what an account has bought. Each names the action that guards it."""
    blueprint = Blueprint("subscriptions", __name__, description="What an account has bought.")

    @blueprint.route("/organizations/<organization>/subscriptions")
    @documented(
        blueprint,
        schemas.SubscriptionList,
        examples.SUBSCRIPTIONS,
        refusals=(400, 403, 404),
        query=asked.AskingQuery,
    )
    def list_subscriptions(organization: str) -> Response:
        """An account's subscriptions, and which is the primary one

        The oldest first. The primary one is the oldest active one; what all active ones entitle to
        is in `entitlements`. Guarded by `view_subscriptions`.
        """
        asker = asker_in_query(asked.read_query(request.args))
        moment = pdp.moment()
        directory = moment.directory
        organization_record(directory, organization)
        allowed = admit(pdp, moment, asker, "view_subscriptions", organization)
        account_itself(directory, organization)
        terms = pdp.engine.policies.terms
        body = subscriptions_body(directory, organization, moment.now, terms)
        return json_answer({**body, **duties(allowed)})

    @blueprint.route("/organizations/<organization>/coverage")
    @documented(
        blueprint,
        schemas.CoverageAnswer,
        examples.COVERAGE,
        refusals=(400, 403, 404),
        query=asked.AskingQuery,
    )
    def get_coverage(organization: str) -> Response:
        """Who of an account loses access when, if nobody is mapped anew

        As the policies will decide. `locked_out` says that people are without access and nobody
        inside can map them any more; `rescue` then names who outside can. Guarded by
        `view_subscriptions`.
        """
        asker = asker_in_query(asked.read_query(request.args))
        moment = pdp.moment()
        directory = moment.directory
        organization_record(directory, organization)
        allowed = admit(pdp, moment, asker, "view_subscriptions", organization)
        gate = PolicyGate(pdp, directory, organization)
        covered = coverage(directory, organization, moment.now, gate)
        return json_answer({**coverage_body(covered, directory.revision), **duties(allowed)})

    @blueprint.route("/organizations/<organization>/subscriptions/check", methods=["POST"])
    @documented(
        blueprint,
        schemas.AdditionAnswer,
        examples.ADDITION,
        refusals=(400, 404, 413, 415),
        body={"schema": asked.AdditionRequest, "example": examples.ADDITION_REQUEST},
    )
    def check_subscription(organization: str) -> Response:
        """Whether a subject may add a subscription, and if not, what could be added instead

        The decision is that of `add_subscription`, and a denial is an answer. `bound` says what
        earlier subscriptions demand of later ones. Nothing is added.
        """
        document = asked.read_addition_request(read_object(request, settings.body_limit_bytes))
        moment = pdp.moment()
        organization_record(moment.directory, organization)
        asker = asker_in_body(document)
        question = request_of(asker, ACTION, organization, document["subscription"])
        return json_answer(addition_body(judge_addition(pdp, question, moment)))

    return blueprint
