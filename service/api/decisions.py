"""The decision points: one evaluation, and many."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from service.api import examples, schemas
from service.api.answers import json_answer
from service.api.batches import answer_batch
from service.api.bodies import read_object
from service.api.documentation import documented
from service.api.rendering import decision_body
from service.api.requests import Evaluation, read_evaluation
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint

_EVALUATION: dict[str, Any] = {"schema": Evaluation, "example": examples.EVALUATION}
_BATCH: dict[str, Any] = {
    "schema": {"anyOf": [schemas.Batch, schemas.SingleInBatch]},
    "example": examples.BATCH,
}
_BATCH_ANSWER = {"anyOf": [schemas.BatchAnswer, schemas.DecisionAnswer]}
_REFUSALS = (400, 413, 415)


def decisions(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The routes that decide. Nothing parses their arguments but the code below: they are hot."""
    blueprint = Blueprint("decisions", __name__, description="May this subject do that?")
    body_limit, batch_limit = settings.body_limit_bytes, settings.batch_limit_items

    def evaluate() -> Response:
        asked = read_evaluation(read_object(request, body_limit))
        return json_answer(decision_body(pdp.decide(asked)))

    one = documented(
        blueprint,
        schemas.DecisionAnswer,
        examples.DECISION,
        refusals=_REFUSALS,
        body=_EVALUATION,
    )

    @blueprint.route("/authorize", methods=["POST"])
    @one
    def authorize() -> Response:
        """Decide one request

        An AuthZEN access evaluation. The service's main job, and its fastest path.
        """
        return evaluate()

    @blueprint.route("/access/v1/evaluation", methods=["POST"])
    @one
    def evaluation() -> Response:
        """Decide one request, at AuthZEN's path"""
        return evaluate()

    @blueprint.route("/access/v1/evaluations", methods=["POST"])
    @documented(blueprint, _BATCH_ANSWER, examples.BATCH_ANSWER, refusals=_REFUSALS, body=_BATCH)
    def evaluations() -> Response:
        """Decide several requests at one moment

        Each evaluation takes from the top level what it lacks. A malformed one is denied in its
        place and says why in `context.error`; the others are decided.
        """
        return json_answer(answer_batch(read_object(request, body_limit), pdp, batch_limit))

    return blueprint
