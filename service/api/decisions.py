"""The decision points: one evaluation, and many."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from service.api import examples, schemas
from service.api.answers import response_of
from service.api.batches import answer_batch, answer_one, at_once
from service.api.bodies import read_object
from service.api.documentation import documented
from service.api.messages import Answer
from service.api.requests import Evaluation
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint

AUTHORIZE, EVALUATION = "/authorize", "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"

_EVALUATION: dict[str, Any] = {"schema": Evaluation, "example": examples.EVALUATION}
_BATCH: dict[str, Any] = {
    "schema": {"anyOf": [schemas.Batch, schemas.SingleInBatch]},
    "example": examples.BATCH,
}
_BATCH_ANSWER = {"anyOf": [schemas.BatchAnswer, schemas.DecisionAnswer]}
_REFUSALS = (400, 413, 415)


def decisions(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The routes that decide, for any WSGI server; `door.py` answers them without Flask."""
    blueprint = Blueprint("decisions", __name__, description="May this subject do that?")
    body_limit, batch_limit = settings.body_limit_bytes, settings.batch_limit_items

    def evaluate() -> Response:
        return response_of(Answer(answer_one(read_object(request, body_limit), pdp)))

    one = documented(
        blueprint,
        schemas.DecisionAnswer,
        examples.DECISION,
        refusals=_REFUSALS,
        body=_EVALUATION,
    )

    @blueprint.route(AUTHORIZE, methods=["POST"])
    @one
    def authorize() -> Response:
        """Decide one request

        An AuthZEN access evaluation. The service's main job, and its fastest path.
        """
        return evaluate()

    @blueprint.route(EVALUATION, methods=["POST"])
    @one
    def evaluation() -> Response:
        """Decide one request, at AuthZEN's path

        The same as `/authorize`, where AuthZEN 1.0 (section 6) wants it. A denial is an answer.
        """
        return evaluate()

    @blueprint.route(EVALUATIONS, methods=["POST"])
    @documented(blueprint, _BATCH_ANSWER, examples.BATCH_ANSWER, refusals=_REFUSALS, body=_BATCH)
    def evaluations() -> Response:
        """Decide several requests at one moment

        Each evaluation takes from the top level what it lacks. A malformed one is denied in its
        place and says why in `context.error`; the others are decided.
        """
        steps = answer_batch(read_object(request, body_limit), pdp, batch_limit)
        return response_of(Answer(at_once(steps)))

    return blueprint
