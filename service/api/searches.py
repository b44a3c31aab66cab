"""Searches: which subjects, which resources, which actions, and where in the tree."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from service.api import examples, schemas
from service.api.answers import json_answer
from service.api.bodies import read_object
from service.api.documentation import documented
from service.api.pages import Page, Pages
from service.api.search_rendering import assumptions_body, entity_body, reasons_body, scope_body
from service.api.search_requests import (
    ACTIONS,
    RESOURCES,
    SCOPE,
    SUBJECTS,
    ActionSearch,
    ResourceSearch,
    ScopeRequest,
    Search,
    SubjectSearch,
    read_search,
)
from service.config import Settings
from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.domain.schema import BUILT_IN_TYPES
from service.errors import InvalidRequest, Problem
from service.policy.decision import AccessRequest
from service.policy.pdp import PolicyDecisionPoint
from service.search.lists import find_actions, find_resources, find_subjects, refusal
from service.search.scopes import find_scope

SEARCHES = {
    "subject": "/access/v1/search/subject",
    "resource": "/access/v1/search/resource",
    "action": "/access/v1/search/action",
}
_REFUSALS = (400, 410, 413, 415)


def searches(pdp: PolicyDecisionPoint, settings: Settings, pages: Pages) -> Blueprint:
    """The routes that list."""
    blueprint = Blueprint("searches", __name__, description="Who can, what can, and where.")
    body_limit = settings.body_limit_bytes

    def subjects(asked: AccessRequest, page: Page) -> Iterator[Key]:
        return find_subjects(pdp.engine, page.moment, asked, page.after)

    def resources(asked: AccessRequest, page: Page) -> Iterator[Key]:
        return find_resources(pdp.engine, page.moment, asked, page.after)

    def actions(asked: AccessRequest, page: Page) -> Iterator[Key]:
        found = find_actions(pdp.engine, page.moment, asked)
        return (("", name) for name in found if page.after is None or name > page.after[1])

    def answer(
        wanted: str, search: Search, found: Callable[[AccessRequest, Page], Iterator[Key]]
    ) -> Response:
        query = search.query(wanted)
        page = pages.page(query, search.limit, search.token)
        moment, asked = page.moment, search.request
        listed = list(islice(found(asked, page), page.limit + 1))
        results = listed[: page.limit]
        token = ""
        if len(listed) > page.limit:
            token = pages.token(query, page, results[-1] if results else page.after)
        context = {"revision": moment.directory.revision, "policy": pdp.engine.policies.revision}
        if failure := refusal(wanted, moment, asked):
            context |= {"reason": failure.reason, "detail": failure.detail}
        body = {
            "page": {"next_token": token, "count": len(results)},
            "context": context,
            "results": [told(wanted, key, asked, moment, search.explain) for key in results],
        }
        return json_answer(body)

    def told(
        wanted: str, key: Key, asked: AccessRequest, moment: Moment, explain: bool
    ) -> dict[str, Any]:
        body = {"name": key[1]} if wanted == "action" else entity_body(key)
        if explain:
            field = "action" if wanted == "action" else f"{wanted}_id"
            body["context"] = reasons_body(pdp, moment, asked.but(**{field: key[1]}))
        return body

    @blueprint.route(SEARCHES["subject"], methods=["POST"])
    @documented(
        blueprint,
        schemas.SubjectResults,
        examples.SUBJECTS,
        refusals=_REFUSALS,
        body={"schema": SubjectSearch, "example": examples.SUBJECT_SEARCH},
    )
    def search_subjects() -> Response:
        """Who may do that

        Every subject of the type that a decision would allow, and no other, in order of the tree.
        A user counts for the organization that `context` names, else for the one selected. All
        pages are of one revision and one instant.
        """
        return answer("subject", read_search(SUBJECTS, read_object(request, body_limit)), subjects)

    @blueprint.route(SEARCHES["resource"], methods=["POST"])
    @documented(
        blueprint,
        schemas.ResourceResults,
        examples.RESOURCES_FOUND,
        refusals=_REFUSALS,
        body={"schema": ResourceSearch, "example": examples.RESOURCE_SEARCH},
    )
    def search_resources() -> Response:
        """What may be done that to

        Every stored resource of the type that a decision would allow, and no other, in order of the
        tree. For resources that others store, ask for the scope.
        """
        search = read_search(RESOURCES, read_object(request, body_limit))
        return answer("resource", search, resources)

    @blueprint.route(SEARCHES["action"], methods=["POST"])
    @documented(
        blueprint,
        schemas.ActionResults,
        examples.ACTIONS_FOUND,
        refusals=_REFUSALS,
        body={"schema": ActionSearch, "example": examples.ACTION_SEARCH},
    )
    def search_actions() -> Response:
        """What may the subject do to this resource

        Every action that a decision would allow. One that needs a parameter is among them only if
        `action.properties` has it.
        """
        return answer("action", read_search(ACTIONS, read_object(request, body_limit)), actions)

    @blueprint.route("/scope", methods=["POST"])
    @documented(
        blueprint,
        schemas.ScopeAnswer,
        examples.SCOPE,
        refusals=(400, 413, 415),
        body={"schema": ScopeRequest, "example": examples.SCOPE_REQUEST},
    )
    def scope() -> Response:
        """Where in the tree may the subject do that

        For resources that others store: subtrees, with exceptions, that become a condition on the
        path of the organization. It holds for what is said of the resource; `assumes` repeats what
        of that mattered.
        """
        asked = read_search(SCOPE, read_object(request, body_limit)).request
        if asked.resource_type in BUILT_IN_TYPES and asked.resource_type != "organization":
            reason = "is a type that is always stored; search for resources instead"
            raise InvalidRequest([Problem("resource.type", asked.resource_type, reason)])
        moment = pdp.moment()
        found = find_scope(pdp.engine, moment, asked)
        body = {"scope": scope_body(found, moment.directory), "assumes": assumptions_body(found)}
        context: dict[str, Any] = {"revision": moment.directory.revision}
        context["policy"] = pdp.engine.policies.revision
        if found.nowhere is not None:
            context |= {"reason": found.nowhere.reason, "detail": found.nowhere.detail}
        return json_answer({**body, "context": context})

    return blueprint
