"""Responses with a JSON body, and the headers that every response carries."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, request

REQUEST_ID = "X-Request-ID"
_KEPT_AS = "watershed.request_id"
JSON = "application/json"

# Nothing here is a page but /docs, which brings a policy of its own.
_CONTENT_SECURITY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_spell = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def json_answer(
    body: Any,
    status: int = 200,
    content_type: str = JSON,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Response:
    """A response of this body, compact, its members in the order in which they were put."""
    return Response(_spell(body), status, headers, content_type=content_type)


def finish(response: Response) -> Response:
    """The response with what all have in common: request id, no caching, no content to run."""
    headers = response.headers
    headers[REQUEST_ID] = request_id()
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY)
    headers["X-Content-Type-Options"] = "nosniff"
    return response


def request_id() -> str:
    """The caller's own id as it came, or a new one if none came or it could not be sent back."""
    known = request.environ.get(_KEPT_AS)
    if known is None:
        given = request.headers.get(REQUEST_ID)
        speakable = given and not any(sign < " " or sign == "\x7f" for sign in given)
        known = request.environ[_KEPT_AS] = given if speakable else uuid.uuid4().hex
    return known
