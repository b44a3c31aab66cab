"""Several evaluations in one request: defaults, semantics, errors by item (AuthZEN 1.0, 7)."""

from collections.abc import Generator, Mapping
from time import monotonic
from typing import Any

from service.api.messages import spell
from service.api.problems import KINDS
from service.api.rendering import spell_decision
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

SECONDS_AT_ONCE = 0.005
"""How long is decided between two steps: whoever has others waiting sees to them in between."""


def answer_one(document: dict[str, Any], pdp: PolicyDecisionPoint) -> str:
    """The answer to one evaluation, as JSON. Raises InvalidRequest."""
    return spell_decision(pdp.decide(read_evaluation(document)))


def answer_batch(
    document: dict[str, Any], pdp: PolicyDecisionPoint, limit_items: int
) -> Generator[None, None, str]:
    """The answer to all evaluations of the document, or to itself if it has none, step by step.

    All are decided at one moment. What is wrong with one item denies that item alone. The answer is
    the generator's return value, as JSON.

    Raises:
        InvalidRequest: the document as a whole cannot be evaluated.
        RequestTooLarge: it has more than `limit_items` evaluations.
    """
    items = document.get("evaluations")
    if items is None or items == []:
        return answer_one(document, pdp)
    if not isinstance(items, list):
        raise InvalidRequest([Problem("evaluations", None, "is not an array")])
    stops_at = SEMANTICS[_semantic(document)]
    if len(items) > limit_items:
        raise RequestTooLarge("the batch", limit_items, "evaluations")
    defaults = {name: document[name] for name in _MEMBERS if document.get(name) is not None}
    moment = pdp.moment()
    answers, pause_at = [], monotonic() + SECONDS_AT_ONCE
    for item in items:
        if monotonic() >= pause_at:
            yield
            pause_at = monotonic() + SECONDS_AT_ONCE
        allowed, answer = _answer(item, defaults, pdp, moment)
        answers.append(answer)
        if allowed is stops_at:
            break
    return f'{{"evaluations":[{",".join(answers)}]}}'


def at_once(steps: Generator[None, None, str]) -> str:
    """The answer of steps that are taken without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


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
) -> tuple[bool, str]:
    """The verdict on one item, and the answer to it as JSON.

    Its own members replace the defaults whole; null counts as absent.
    """
    try:
        if type(item) is not dict:
            raise InvalidRequest([Problem("evaluation", None, "is not an object")])
        if defaults:
            own = {name: item[name] for name in _MEMBERS if item.get(name) is not None}
            item = {**defaults, **own}
        decision = pdp.decide(read_evaluation(item), moment)
        return decision.allowed, spell_decision(decision)
    except InvalidRequest as error:
        status = KINDS[InvalidRequest].status
        said = {"status": int(status), "code": error.code, "message": str(error)}
        return False, spell({"decision": False, "context": {"error": said}})
