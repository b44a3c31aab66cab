"""Why a request is decided as it is, and what would be decided if the facts were others."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from service.api import examples, explain_schemas
from service.api.accounts import account_body, simulation_body
from service.api.answers import json_answer
from service.api.bodies import read_object
from service.api.documentation import documented
from service.api.requests import Evaluation, read_evaluation
from service.api.suppositions import read_supposition
from service.config import Settings
from service.explain.account import Explainer
from service.explain.budget import processor_time
from service.explain.simulation import simulate
from service.policy.pdp import PolicyDecisionPoint

_EVALUATION: dict[str, Any] = {"schema": Evaluation, "example": examples.EVALUATION}
_SUPPOSITION: dict[str, Any] = {
    "schema": explain_schemas.Supposition,
    "example": examples.SUPPOSITION,
}


def explaining(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The routes that explain and simulate. They write nothing."""
    blueprint = Blueprint("explaining", __name__, description="Why, and what if.")
    explainer = Explainer(pdp)

    @blueprint.route("/explain", methods=["POST"])
    @documented(blueprint, explain_schemas.Account, refusals=(400, 413, 415), body=_EVALUATION)
    def explain() -> Response:
        """Why one request is decided as it is

        The rules with file and line, the facts in order, the path in the tree; for a denial the
        smallest changes that would turn it, for an allow each change that would take it away.
        They are tried as far as WATERSHED_EXPLAIN_LIMIT_MILLISECONDS goes; `complete` says whether
        all were.
        """
        is_spent = processor_time(settings.explain_limit_milliseconds)
        asked = read_evaluation(read_object(request, settings.body_limit_bytes))
        account = explainer.explain(asked, pdp.moment(), is_spent)
        return json_answer(account_body(account, explainer.speaker))

    @blueprint.route("/simulate", methods=["POST"])
    @documented(
        blueprint,
        explain_schemas.Simulation,
        examples.SIMULATION,
        refusals=(400, 413, 415, 422),
        body=_SUPPOSITION,
    )
    def simulate_changes() -> Response:
        """Decisions as they would be after changes that are not made

        Each comes with the decision on the facts as they are, at the same instant, and says whether
        the two differ.
        """
        document = read_object(request, settings.body_limit_bytes)
        changes, requests, now = read_supposition(document, settings.batch_limit_items)
        limit = settings.simulate_limit_milliseconds
        return json_answer(simulation_body(simulate(pdp, changes, requests, now, limit)))

    return blueprint
