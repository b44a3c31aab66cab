"""Which status, and how an error is spelled: RFC 9457 problem documents, and nothing else.

The only place that maps an error to a status. No problem speaks of a verdict, since a denial is an
answer; but a route that acts for a named subject is refused where the policies deny it (403).
"""

import logging
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException

from service import errors
from service.api.answers import request_id, response_of
from service.api.messages import Answer, answer
from service.api.rendering import decision_body

MEDIA_TYPE = "application/problem+json"
REALM = "watershed"
CHALLENGE = (("WWW-Authenticate", f'Bearer realm="{REALM}"'),)
_MORE_HEADERS = {
    HTTPStatus.UNAUTHORIZED: CHALLENGE,
    HTTPStatus.SERVICE_UNAVAILABLE: (("Retry-After", "1"),),
}
PROBLEMS_LIMIT = 1000
"""A world may have a million, and nobody reads more."""
ECHO_LIMIT_CHARACTERS = 256
_LOG = logging.getLogger("service")


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
    errors.TakesTooLong: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too much work at once"),
    errors.NotAuthenticated: Kind(HTTPStatus.UNAUTHORIZED, "A known key is needed"),
    errors.InvalidPageToken: Kind(HTTPStatus.BAD_REQUEST, "Not a token of this query"),
    errors.InvalidChanges: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A change cannot be made"),
    errors.InvalidWorld: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Not a world"),
    errors.ChangeDenied: Kind(HTTPStatus.FORBIDDEN, "Not allowed to the subject"),
    errors.RevisionConflict: Kind(HTTPStatus.CONFLICT, "The facts have moved on"),
    errors.IdempotencyKeyReused: Kind(HTTPStatus.CONFLICT, "The key stands for another write"),
    errors.UnknownRevision: Kind(HTTPStatus.NOT_FOUND, "Not written yet"),
    errors.RevisionNotReached: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not there yet"),
    errors.FactsTooOld: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "The facts are too old"),
    errors.StoreUnavailable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not serve"),
    errors.AnotherHistory: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "The database was replaced"),
    errors.PageTokenExpired: Kind(HTTPStatus.GONE, "The list has to be begun anew"),
    errors.UnknownEntity: Kind(HTTPStatus.NOT_FOUND, "Not in the world"),
    errors.InvalidChanges: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A change cannot be made"),
    errors.NoAccount: Kind(HTTPStatus.NOT_FOUND, "Lies in no account"),
    errors.NotAnAccount: Kind(HTTPStatus.NOT_FOUND, "Is no account"),
    errors.NoBillingTerms: Kind(HTTPStatus.NOT_FOUND, "Nothing is known of money"),
    errors.Denied: Kind(HTTPStatus.FORBIDDEN, "Denied to the subject"),
}
"""Whatever is not here is the service's own fault, and says nothing of itself outside."""

_OF_STATUS = {
    HTTPStatus.NOT_FOUND: ("unknown-route", "there is no such route; see /openapi.json"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "see the header Allow"),
    HTTPStatus.REQUEST_TIMEOUT: ("request-timeout", "the request did not arrive in time"),
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


def body_of(error: errors.WatershedError) -> dict[str, Any]:
    """The problem document of an error that has a kind, with what programs need to go on."""
    kind = KINDS[type(error)]
    shown = error.problems[:PROBLEMS_LIMIT]
    body = problem_body(kind.status, error.code, kind.title, str(error), shown)
    match error:
        case errors.ChangeDenied():
            body["index"] = error.index
            if error.effect is not None:
                body["effect"] = error.effect
            body["decision"] = decision_body(error.decision)
        case errors.Denied():
            body["decision"] = decision_body(error.decision)
        case errors.RevisionConflict():
            body["revision"] = error.found
        case errors.IdempotencyKeyReused():
            body["revision"] = error.revision
        case errors.InvalidChanges() | errors.InvalidWorld():
            # What was sent comes back, so that a place in a long list is found again.
            for place, problem in zip(body["problems"], shown, strict=True):
                place["value"] = _echo(problem.value)
    return body


def _echo(value: Any) -> Any:
    """What was sent, if it is short enough to be sent back."""
    if isinstance(value, str):
        return value if len(value) <= ECHO_LIMIT_CHARACTERS else f"{value[:ECHO_LIMIT_CHARACTERS]}…"
    return value if value is None or isinstance(value, bool | int | float) else "…"


def problem_of(error: Exception, request_id: str) -> Answer:
    """The problem document that answers a request which ended in this error."""
    kind = KINDS.get(type(error))
    if kind is not None:
        more = _MORE_HEADERS.get(kind.status, ())
        return answer(body_of(error), kind.status, MEDIA_TYPE, more)
    if isinstance(error, HTTPException):
        return _spoken_by_http(error)
    # The only place that swallows an error of any kind: what it says goes to the log alone.
    _LOG.error("request %s failed", request_id, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = problem_body(status, "internal-error", status.phrase, _INTERNAL)
    return answer(body, status, MEDIA_TYPE)


def _spoken_by_http(error: HTTPException) -> Answer:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    slug = status.phrase.lower().replace(" ", "-")
    code, detail = _OF_STATUS.get(status, (slug, error.description or status.phrase))
    allowed = tuple((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer(problem_body(status, code, status.phrase, detail), status, MEDIA_TYPE, allowed)


def register_problems(app: Flask) -> None:
    """Answer every error of the application with a problem document."""
    app.register_error_handler(
        Exception, lambda error: response_of(problem_of(error, request_id()))
    )
