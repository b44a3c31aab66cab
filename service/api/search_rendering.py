"""How results of searches are told, and why each of them is one."""

from typing import Any

from service.api.rendering import holding_body
from service.domain.directory import Directory
from service.domain.entities import Placed, User
from service.domain.identifiers import Key
from service.domain.inheritance import inherited
from service.domain.moment import Moment
from service.domain.records import ResourceRecord
from service.policy.decision import AccessRequest, Failure
from service.policy.pdp import PolicyDecisionPoint
from service.policy.question import resolve
from service.search.scopes import Scope, Subtree


def entity_body(key: Key) -> dict[str, Any]:
    """A subject or a resource."""
    return {"type": key[0], "id": key[1]}


def failure_body(failure: Failure | None) -> dict[str, Any]:
    """Why nothing at all is found, if that has a reason but the rules."""
    if failure is None:
        return {}
    return {"context": {"reason": failure.reason, "detail": failure.detail}}


def reasons_body(
    pdp: PolicyDecisionPoint, moment: Moment, request: AccessRequest
) -> dict[str, Any]:
    """Why this request is allowed: the rules, the places in the tree, the share that reaches down.

    `share` is there where the resource lies above the organization that the subject acts for.
    """
    decision = pdp.decide(request, moment)
    body: dict[str, Any] = {"reason": decision.reason, "rules": list(decision.rules)}
    if decision.obligations:
        body["obligations"] = [{"name": name} for name in decision.obligations]
    question = resolve(request, moment)
    places = {}
    for what in ("subject", "resource"):
        entity = getattr(question, what)
        acts = what == "subject" and isinstance(entity, User)
        if acts or isinstance(entity, Placed):
            places[what] = moment.directory.organizations[entity.organization.id].path
    body["paths"] = {what: list(path) for what, path in places.items()}
    record = moment.directory.get((request.resource_type, request.resource_id))
    if isinstance(record, ResourceRecord) and "subject" in places:
        path = places["subject"]
        if record.organization in path[:-1] and (held := inherited(moment, record, path)):
            told = holding_body(held)
            body |= {name: told[name] for name in ("share", "valid_until") if name in told}
    return body


def scope_body(scope: Scope, directory: Directory) -> dict[str, Any]:
    """Where an action is allowed, ready to become a condition on paths of organizations."""
    subtrees = [_subtree_body(each, directory) for each in scope.subtrees]
    body: dict[str, Any] = {"subtrees": subtrees}
    if scope.organizations:
        body["organizations"] = list(scope.organizations)
    return body


def assumptions_body(scope: Scope) -> dict[str, Any]:
    """What the scope takes for granted of the resource: what it says, and what it does not say."""
    said = {name: value for name, value in scope.assumed if value is not None}
    absent = [name for name, value in scope.assumed if value is None]
    return {"properties": said, "absent": absent}


def _subtree_body(subtree: Subtree, directory: Directory) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if subtree.within is not None:
        body["within"] = subtree.within
        body["path"] = list(directory.organizations[subtree.within].path)
    if subtree.levels is not None:
        body["levels"] = list(subtree.levels)
    if subtree.without:
        body["without"] = list(subtree.without)
    return body
