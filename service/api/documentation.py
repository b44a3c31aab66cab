"""The OpenAPI document: views describe themselves, and are then called without anything between."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint

from service import __version__, errors
from service.api import change_schemas, problems
from service.api.freshness import MIN_REVISION
from service.api.messages import JSON, NDJSON, REQUEST_ID
from service.api.schemas import ProblemDocument
from service.policy.decision import NO_GRANT, Decision, Verdict

View = Callable[..., Any]

_TITLE = "Watershed"
_ABOUT = """\
Authorization for account trees: rights flow down from whoever stands upstream, shared resources
flow down to sub-accounts, nothing flows up or sideways.

A denial is an answer: status 200 with `"decision": false`. Statuses 4xx and 5xx speak of the
request or of the service, and are problem documents with a permanent `code`.
"""

_EXAMPLES: Mapping[int, errors.WatershedError] = {
    400: errors.InvalidRequest([errors.Problem("subject.id", None, "is missing")]),
    401: errors.NotAuthenticated("send a key as `Authorization: Bearer KEY`"),
    403: errors.Denied(
        "user:anton",
        "issue_invoice",
        "organization:corvane",
        Decision(Verdict(False, NO_GRANT), id=32 * "0", revision=1, policy=16 * "0"),
    ),
    404: errors.UnknownEntity("organization", "atlantis"),
    409: errors.RevisionConflict(41, 42),
    410: errors.PageTokenExpired(41),
    413: errors.RequestTooLarge("the body", 1_048_576, "bytes"),
    415: errors.UnsupportedContentEncoding("gzip"),
    422: errors.InvalidChanges(
        [errors.Problem("changes[0].parent", "atlantis", "names no organization of this world")]
    ),
    503: errors.RevisionNotReached(43, 42),
}
_SCHEMAS = {
    403: change_schemas.Denial,
    409: change_schemas.Conflict,
    422: change_schemas.Refusal,
}
_REQUEST_ID_HEADER = {
    REQUEST_ID: {
        "description": "of the request: as it came, or a new one",
        "schema": {"type": "string"},
    }
}


class OpenApi(Api):
    """The document under construction. Errors are answered elsewhere, and look otherwise."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = ProblemDocument

    def _register_error_handlers(self) -> None:
        pass


def build_openapi(app: Flask, keys_configured: bool) -> OpenApi:
    """An empty document for the application; blueprints are registered with it."""
    app.config.update(API_TITLE=_TITLE, API_VERSION=__version__, OPENAPI_VERSION="3.0.3")
    document: dict[str, Any] = {"info": {"description": _ABOUT}}
    if keys_configured:
        document["security"] = [{"key": []}]
    api = OpenApi(app, spec_kwargs=document)
    scheme = {"type": "http", "scheme": "bearer", "description": "one of WATERSHED_API_KEYS"}
    if keys_configured:
        api.spec.components.security_scheme("key", scheme)
    return api


def documented(
    blueprint: Blueprint,
    schema: Any,
    example: Any = None,
    *,
    refusals: Iterable[int] = (),
    body: Mapping[str, Any] | None = None,
    lines: Mapping[str, Any] | None = None,
    query: Any = None,
    content_type: str = JSON,
    headers: Mapping[str, Any] | None = None,
    parameters: Iterable[Mapping[str, Any]] = (),
    needs_key: bool = True,
    conditional: bool = False,
) -> Callable[[View], View]:
    """Describe a view: its answer, its refusals, what it takes. The view itself stays as it is.

    `conditional`: it answers 304 to whoever has what it would answer, and names it by an ETag.
    `body` is what it takes as JSON, and `lines` what it takes as one JSON value a line.

    flask-smorest describes a view by wrapping it, once for each decorator. Here it wraps a
    stand-in, and the view only takes over the description.
    """
    # With a key comes the right to say how new the facts must be.
    statuses = {*refusals, *((400, 401, 503) if needs_key else ())}

    def describe(view: View) -> View:
        def stand_in() -> None: ...

        described = stand_in
        for status in sorted(statuses, reverse=True):
            described = blueprint.alt_response(
                status,
                schema=_SCHEMAS.get(status, ProblemDocument),
                content_type=problems.MEDIA_TYPE,
                description=HTTPStatus(status).phrase,
                example=_example_problem(status),
                headers=_REQUEST_ID_HEADER,
            )(described)
        of_answer = {**_REQUEST_ID_HEADER, **(_ETAG if conditional else {}), **(headers or {})}
        if conditional:
            phrase = HTTPStatus.NOT_MODIFIED.phrase
            described = blueprint.alt_response(
                HTTPStatus.NOT_MODIFIED, description=phrase, headers=of_answer
            )(described)
        described = blueprint.response(
            200,
            schema,
            example=example,
            content_type=content_type,
            headers=of_answer,
        )(described)
        manual: dict[str, Any] = {"operationId": view.__name__, "parameters": [_request_id()]}
        manual["parameters"] += [*parameters, *([_min_revision()] if needs_key else [])]
        if conditional:
            manual["parameters"].append(_IF_NONE_MATCH)
        if query is not None:
            manual["parameters"].append({"in": "query", "schema": query})
        if body is not None:
            content = {JSON: body} if lines is None else {JSON: body, NDJSON: lines}
            manual["requestBody"] = {"required": True, "content": content}
        if not needs_key:
            manual["security"] = []
        view._apidoc = blueprint.doc(**manual)(described)._apidoc
        return view

    return describe


_ETAG = {"ETag": {"description": "of what was answered", "schema": {"type": "string"}}}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "an ETag that was answered: 304 without a body if it is still the one",
    "schema": {"type": "string"},
}


def _request_id() -> dict[str, Any]:
    return {
        "in": "header",
        "name": REQUEST_ID,
        "description": "comes back with the answer",
        "schema": {"type": "string"},
    }


def _min_revision() -> dict[str, Any]:
    return {
        "in": "header",
        "name": MIN_REVISION,
        "description": "a revision: answer from it or a newer one; waits a little, else 503",
        "schema": {"type": "string"},
    }


def _example_problem(status: int) -> dict[str, Any]:
    error = _EXAMPLES[status]
    return problems.body_of(error)
