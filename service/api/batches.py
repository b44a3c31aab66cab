"""Several evaluations in one request: defaults, semantics, errors by item (AuthZEN 1.0, 7)."""

from collections.abc import Mapping
from typing import Any

from service.api.problems import KINDS
from service.api.rendering import decision_body
from service.api.requests import read_evaluation
from service.domain.moment import Moment
from service.errors import InvalidRequest, Problem, RequestTooLarge
from service.policy.pdp import PolicyDecisionPoint

# Each semantic, and the decision at which it stops.
SEMANTICS: Mapping[str, bool | None] = {
    "execute_all": None,
    "deny_on_first_deny": False,
    "permit_on_first_permit": True,
}
_MEMBERS = ("subject", "action", "resource", "context")


def answer_batch(
    document: Mapping[str, Any], pdp: PolicyDecisionPoint, limit_items: int
) -> dict[str, Any]:
    """The answer to all evaluations of the document, or to itself if it has none.

    All are decided at one moment. What is wrong with one item denies that item alone.

    Raises:
        InvalidRequest: the document as a whole cannot be evaluated.
        RequestTooLarge: it has more than `limit_items` evaluations.
    """
    items = document.get("evaluations")
    if items is None or items == []:
        return decision_body(pdp.decide(read_evaluation(document)))
    if not isinstance(items, list):
        raise InvalidRequest([Problem("evaluations", None, "is not an array")])
    stops_at = SEMANTICS[_semantic(document)]
    if len(items) > limit_items:
        raise RequestTooLarge("the batch", limit_items, "evaluations")
    defaults = {name: document.get(name) for name in _MEMBERS}
    moment = pdp.moment()
    answers = []
    for item in items:
        answer = _answer(item, defaults, pdp, moment)
        answers.append(answer)
        if answer["decision"] is stops_at:
            break
    return {"evaluations": answers}


def _semantic(document: Mapping[str, Any]) -> str:
    options = document.get("options")
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise InvalidRequest([Problem("options", None, "is not an object")])
    semantic = options.get("evaluations_semantic")
    if semantic is None:
        return "execute_all"
    if not isinstance(semantic, str) or semantic not in SEMANTICS:
        reason = f"is not one of {', '.join(SEMANTICS)}"
        raise InvalidRequest([Problem("options.evaluations_semantic", None, reason)])
    return semantic


def _answer(
    item: Any, defaults: Mapping[str, Any], pdp: PolicyDecisionPoint, moment: Moment
) -> dict[str, Any]:
    """The answer to one item. Its own members replace the defaults whole; null counts as absent."""
    try:
        if not isinstance(item, dict):
            raise InvalidRequest([Problem("evaluation", None, "is not an object")])
        resolved = {
            name: default if (own := item.get(name)) is None else own
            for name, default in defaults.items()
        }
        asked = {name: value for name, value in resolved.items() if value is not None}
        return decision_body(pdp.decide(read_evaluation(asked), moment))
    except InvalidRequest as error:
        status = KINDS[InvalidRequest].status
        said = {"status": int(status), "code": error.code, "message": str(error)}
        return {"decision": False, "context": {"error": said}}
