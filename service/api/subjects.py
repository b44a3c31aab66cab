"""For whom a route acts: nobody but the holder of the key, or a subject whom the policies judge.

A caller that names a subject is answered only if the policies allow the route's action to that
subject, in that context. A caller that names none asks for itself, as on any other route; whoever
reaches the port without a key could read the whole world anyway. `null` names nobody by mistake.
"""

from typing import Any, NamedTuple

from service.domain.identifiers import parse_reference
from service.domain.moment import Moment
from service.errors import Denied, InvalidRequest, Problem
from service.policy.decision import NOTHING, AccessRequest, Decision
from service.policy.pdp import PolicyDecisionPoint


class Asker(NamedTuple):
    """A subject, and the circumstances in which it asks."""

    type: str
    id: str
    properties: Any = NOTHING
    context: Any = NOTHING


def asker_in_body(document: dict[str, Any]) -> Asker | None:
    """The subject that a body names, already of the right shape; None if it names none."""
    subject, context = document.get("subject"), document.get("context")
    if subject is None:
        return None
    return Asker(
        subject["type"], subject["id"], subject.get("properties") or NOTHING, context or {}
    )


def asker_in_query(query: dict[str, Any]) -> Asker | None:
    """The subject that a query names as `type:id`; None if it names none. Raises InvalidRequest."""
    spelled = query.get("subject")
    if spelled is None:
        if "acting_for" in query:
            raise InvalidRequest([Problem("acting_for", None, "is of no use without `subject`")])
        return None
    key = parse_reference(spelled)
    if key is None:
        reason = "is not of the form type:id, such as user:dora"
        raise InvalidRequest([Problem("subject", spelled, reason)])
    acting_for = query.get("acting_for")
    return Asker(*key, context={} if acting_for is None else {"organization": acting_for})


def request_of(
    asker: Asker, action: str, organization: str, properties: Any = NOTHING
) -> AccessRequest:
    """The question whether the subject may take this action on this organization."""
    return AccessRequest(
        asker.type,
        asker.id,
        action,
        "organization",
        organization,
        subject_properties=asker.properties,
        action_properties=properties,
        context=asker.context,
    )


def admit(
    pdp: PolicyDecisionPoint,
    moment: Moment,
    asker: Asker | None,
    action: str,
    organization: str,
    properties: Any = NOTHING,
) -> Decision | None:
    """The decision that lets the subject pass; None if there is no subject. Raises Denied."""
    if asker is None:
        return None
    decision = pdp.decide(request_of(asker, action, organization, properties), moment)
    if not decision:
        who, what = f"{asker.type}:{asker.id}", f"organization:{organization}"
        raise Denied(who, action, what, decision)
    return decision


def duties(decision: Decision | None) -> dict[str, Any]:
    """The member of an answer that says what the caller owes; empty if nothing."""
    if decision is None or not decision.obligations:
        return {}
    return {"obligations": [{"name": name} for name in decision.obligations]}
