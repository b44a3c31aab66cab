"""The body of a request: read whole and strictly, or refused. Never cut, coerced or guessed at."""

from collections.abc import Iterator
from typing import Any

from flask import Request
from werkzeug.http import parse_options_header

from service.api.messages import JSON
from service.domain.strict_json import read_json
from service.errors import (
    InvalidRequest,
    MalformedDocument,
    Problem,
    RequestTooLarge,
    UnsupportedContentEncoding,
    UnsupportedContentType,
)

PIECE_BYTES = 65_536
"""Of a body that is not read whole."""


def judge_headers(
    announced_bytes: int | None,
    encoding: str,
    content_type: str,
    limit_bytes: int,
    accepted: tuple[str, ...] = (JSON,),
) -> None:
    """Refuse by its headers what need not be read; `announced_bytes` is the Content-Length.

    Raises:
        RequestTooLarge: the body has more than `limit_bytes`.
        UnsupportedContentEncoding, UnsupportedContentType: it is not announced as plain JSON, or
            as another of the media types that are accepted.
    """
    judge_length(announced_bytes or 0, limit_bytes)
    if encoding and encoding.strip().lower() != "identity":
        raise UnsupportedContentEncoding(encoding.strip().lower())
    if content_type != JSON and media_type(content_type) not in accepted:
        raise UnsupportedContentType(content_type, accepted)


def media_type(content_type: str) -> str:
    """The media type that a Content-Type names, in lower case and without its parameters."""
    return parse_options_header(content_type)[0].lower()


def judge_length(length_bytes: int, limit_bytes: int) -> None:
    """Refuse a body of this length if it is too long, never to cut it. Raises RequestTooLarge."""
    if length_bytes > limit_bytes:
        raise RequestTooLarge("the body", limit_bytes, "bytes")


def broken_off() -> MalformedDocument:
    """What is wrong with a body of which the rest does not come."""
    return MalformedDocument("the body breaks off, or its chunks are malformed")


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object that these bytes spell.

    Raises:
        MalformedDocument: the body is empty or not JSON.
        RequestTooLarge: it is nested too deeply.
        InvalidRequest: it is JSON, and not an object.
    """
    if not body:
        raise MalformedDocument("the body is empty; send a JSON object")
    document = read_json(body)
    if type(document) is not dict:
        raise InvalidRequest([Problem("body", None, "is not an object")])
    return document


def read_object(request: Request, limit_bytes: int) -> dict[str, Any]:
    """The JSON object that Flask's request carries. Raises as the functions above do."""
    return parse_object(read_bytes(request, limit_bytes))


def read_bytes(request: Request, limit_bytes: int, accepted: tuple[str, ...] = (JSON,)) -> bytes:
    """The whole body of Flask's request, of one of these media types. Raises as those above do."""
    encoding, kind = request.headers.get("Content-Encoding", ""), request.content_type or ""
    judge_headers(request.content_length, encoding, kind, limit_bytes, accepted)
    return _read(request, limit_bytes)


def pieces(request: Request, limit_bytes: int, accepted: tuple[str, ...]) -> Iterator[bytes]:
    """The body of Flask's request, of one of these media types, as it comes, in small pieces.

    Raises as those above do; what is too long or breaks off is found when that much has come.
    """
    encoding, kind = request.headers.get("Content-Encoding", ""), request.content_type or ""
    judge_headers(request.content_length, encoding, kind, limit_bytes, accepted)
    size_bytes = 0
    while piece := _read_piece(request, PIECE_BYTES):
        size_bytes += len(piece)
        judge_length(size_bytes, limit_bytes)
        yield piece
    if request.content_length not in (None, size_bytes):
        raise broken_off()


def _read(request: Request, limit_bytes: int) -> bytes:
    # One byte more than allowed: what is too long is refused. Werkzeug's own limit would cut a
    # chunked body there, and the rest would be decided on. And read until nothing comes: one read
    # may bring less than there is.
    body = b""
    while len(body) <= limit_bytes:
        part = _read_piece(request, limit_bytes + 1 - len(body))
        if not part:
            break
        body += part
    judge_length(len(body), limit_bytes)
    if request.content_length not in (None, len(body)):
        raise broken_off()
    return body


def _read_piece(request: Request, most_bytes: int) -> bytes:
    try:
        return request.stream.read(most_bytes)
    except Exception as error:
        # Each server has its own exceptions for chunks that are no chunks and for a sender who has
        # gone away. Nothing but the sender's bytes is touched here, so the fault is the sender's.
        raise broken_off() from error
