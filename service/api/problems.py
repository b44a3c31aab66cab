"""Which status, and how an error is spelled: RFC 9457 problem documents, and nothing else.

The only place that maps an error to a status. No problem speaks of a verdict: a denial is an
answer.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from service import errors
from service.api.answers import json_answer, request_id

MEDIA_TYPE = "application/problem+json"
REALM = "watershed"
CHALLENGE = {"WWW-Authenticate": f'Bearer realm="{REALM}"'}


class Kind(NamedTuple):
    """A kind of problem: its status, and its title, which is the same at every occurrence."""

    status: HTTPStatus
    title: str


KINDS: dict[type[errors.WatershedError], Kind] = {
    errors.MalformedDocument: Kind(HTTPStatus.BAD_REQUEST, "Not a JSON document"),
    errors.InvalidRequest: Kind(HTTPStatus.BAD_REQUEST, "Not a request of this shape"),
    errors.UnsupportedContentType: Kind(HTTPStatus.BAD_REQUEST, "Not sent as JSON"),
    errors.UnsupportedContentEncoding: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Sent compressed"),
    errors.RequestTooLarge: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Beyond a limit"),
    errors.NotAuthenticated: Kind(HTTPStatus.UNAUTHORIZED, "A known key is needed"),
    errors.InvalidPageToken: Kind(HTTPStatus.BAD_REQUEST, "Not a token of this query"),
    errors.UnknownEntity: Kind(HTTPStatus.NOT_FOUND, "Not in the world"),
    errors.NoAccount: Kind(HTTPStatus.NOT_FOUND, "Lies in no account"),
}
"""Whatever is not here is the service's own fault, and says nothing of itself outside."""

_OF_STATUS = {
    HTTPStatus.NOT_FOUND: ("unknown-route", "there is no such route; see /openapi.json"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "see the header Allow"),
}
_INTERNAL = "the service failed; its log says why, under the id in X-Request-ID"


def problem_body(
    status: int, code: str, title: str, detail: str, problems: tuple[errors.Problem, ...] = ()
) -> dict[str, Any]:
    """A problem document; `problems` lists each thing wrong by its place in the request."""
    body: dict[str, Any] = {
        "type": f"urn:watershed:problem:{code}",
        "title": title,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    if problems:
        body["problems"] = [{"path": each.path, "reason": each.reason} for each in problems]
    return body


def register_problems(app: Flask) -> None:
    """Answer every error of the application with a problem document."""

    def refused(error: errors.WatershedError) -> Response:
        kind = KINDS.get(type(error))
        if kind is None:
            return failed(error)
        body = problem_body(kind.status, error.code, kind.title, str(error), error.problems)
        headers = CHALLENGE if isinstance(error, errors.NotAuthenticated) else None
        return json_answer(body, kind.status, MEDIA_TYPE, headers)

    def spoken_by_http(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        slug = status.phrase.lower().replace(" ", "-")
        code, detail = _OF_STATUS.get(status, (slug, error.description or status.phrase))
        headers = [(name, value) for name, value in error.get_headers() if name == "Allow"]
        body = problem_body(status, code, status.phrase, detail)
        return json_answer(body, status, MEDIA_TYPE, headers)

    def failed(error: Exception) -> Response:
        # The only place that swallows an error of any kind: what it says goes to the log alone.
        app.logger.error("request %s failed", request_id(), exc_info=error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        body = problem_body(status, "internal-error", status.phrase, _INTERNAL)
        return json_answer(body, status, MEDIA_TYPE)

    app.register_error_handler(errors.WatershedError, refused)
    app.register_error_handler(HTTPException, spoken_by_http)
    app.register_error_handler(Exception, failed)
