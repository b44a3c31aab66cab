"""May a subscription be added, by which rules not, and what could be bought instead."""

from typing import Any, NamedTuple

from service.domain.moment import Moment
from service.domain.provisioning import Binding, alternatives, bindings
from service.policy.decision import AccessRequest, Decision
from service.policy.pdp import PolicyDecisionPoint

ACTION = "add_subscription"


class Addition(NamedTuple):
    """The decision on adding a subscription, and what helps whoever gets a denial."""

    decision: Decision
    reasons: tuple[tuple[str, str], ...]
    """Each rule that settled it, with its sentence."""
    bound: tuple[Binding, ...]
    instead: dict[str, Any] | None
    """The nearest other subscription that the policies would let the same subject add."""


def judge_addition(pdp: PolicyDecisionPoint, request: AccessRequest, moment: Moment) -> Addition:
    """What the policies say to this `add_subscription`, and what they would say yes to."""
    decision = pdp.decide(request, moment)
    sentences = {rule.name: rule.comment for rule in pdp.engine.policies.rules}
    reasons = tuple((name, sentences[name]) for name in decision.rules)
    bound = bindings(moment.directory, request.resource_id, moment.now)
    instead = None
    if not decision:
        instead = next(
            (
                wanted
                for wanted in alternatives(request.action_properties, bound)
                if pdp.decide(request.but(action_properties=wanted), moment)
            ),
            None,
        )
    return Addition(decision, reasons, bound, instead)
