"""Flask's responses with a JSON body, and the headers that every response carries."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, request

from service.api.messages import COMMON_HEADERS, JSON, REQUEST_ID, Answer, id_of_request, spell

_KEPT_AS = "watershed.request_id"


def json_answer(
    body: Any,
    status: int = 200,
    content_type: str = JSON,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Response:
    """A response of this body, compact, its members in the order in which they were put."""
    return Response(spell(body), status, headers, content_type=content_type)


def response_of(answer: Answer) -> Response:
    """The answer as Flask sends it."""
    return Response(answer.body, answer.status, answer.headers, content_type=answer.content_type)


def finish(response: Response) -> Response:
    """The response with what all have in common: request id, no caching, no content to run."""
    headers = response.headers
    headers[REQUEST_ID] = request_id()
    for name, value in COMMON_HEADERS:
        headers.setdefault(name, value)
    return response


def request_id() -> str:
    """The id of the request that Flask is answering; the same one each time."""
    known = request.environ.get(_KEPT_AS)
    if known is None:
        known = request.environ[_KEPT_AS] = id_of_request(request.headers.get(REQUEST_ID))
    return known
