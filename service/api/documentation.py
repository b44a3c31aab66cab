"""The OpenAPI document: views describe themselves, and are then called without anything between."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint

from service import __version__, errors
from service.api import problems
from service.api.messages import JSON, REQUEST_ID
from service.api.schemas import ProblemDocument

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
    404: errors.UnknownEntity("organization", "atlantis"),
    413: errors.RequestTooLarge("the body", 1_048_576, "bytes"),
    415: errors.UnsupportedContentEncoding("gzip"),
    422: errors.InvalidChanges(
        [errors.Problem("changes[0].parent", "atlantis", "names no organization of this world")]
    ),
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
    query: Any = None,
    content_type: str = JSON,
    headers: Mapping[str, Any] | None = None,
    needs_key: bool = True,
) -> Callable[[View], View]:
    """Describe a view: its answer, its refusals, what it takes. The view itself stays as it is.

    flask-smorest describes a view by wrapping it, once for each decorator. Here it wraps a
    stand-in, and the view only takes over the description.
    """
    statuses = [*refusals, *((401,) if needs_key else ())]

    def describe(view: View) -> View:
        def stand_in() -> None: ...

        described = stand_in
        for status in sorted(statuses, reverse=True):
            described = blueprint.alt_response(
                status,
                schema=ProblemDocument,
                content_type=problems.MEDIA_TYPE,
                description=HTTPStatus(status).phrase,
                example=_example_problem(status),
                headers=_REQUEST_ID_HEADER,
            )(described)
        described = blueprint.response(
            200,
            schema,
            example=example,
            content_type=content_type,
            headers={**_REQUEST_ID_HEADER, **(headers or {})},
        )(described)
        manual: dict[str, Any] = {"operationId": view.__name__, "parameters": [_request_id()]}
        if query is not None:
            manual["parameters"].append({"in": "query", "schema": query})
        if body is not None:
            manual["requestBody"] = {"required": True, "content": {JSON: body}}
        if not needs_key:
            manual["security"] = []
        view._apidoc = blueprint.doc(**manual)(described)._apidoc
        return view

    return describe


def _request_id() -> dict[str, Any]:
    return {
        "in": "header",
        "name": REQUEST_ID,
        "description": "comes back with the answer",
        "schema": {"type": "string"},
    }


def _example_problem(status: int) -> dict[str, Any]:
    error = _EXAMPLES[status]
    title = problems.KINDS[type(error)].title
    return problems.problem_body(status, error.code, title, str(error), error.problems)
