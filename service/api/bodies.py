"""The body of a request: read whole and strictly, or refused. Never cut, coerced or guessed at."""

from typing import Any

from flask import Request

from service.domain.strict_json import read_json
from service.errors import (
    InvalidRequest,
    MalformedDocument,
    Problem,
    RequestTooLarge,
    UnsupportedContentEncoding,
    UnsupportedContentType,
)


def read_object(request: Request, limit_bytes: int) -> dict[str, Any]:
    """The JSON object that the request carries.

    Raises:
        RequestTooLarge: the body has more than `limit_bytes`, or is nested too deeply.
        UnsupportedContentEncoding, UnsupportedContentType: the headers do not announce plain JSON.
        MalformedDocument: the body is empty, broken off, or not JSON.
        InvalidRequest: it is JSON, and not an object.
    """
    _judge_headers(request, limit_bytes)
    return parse_object(_read(request, limit_bytes))


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object that these bytes spell. Raises as `read_object` does."""
    if not body:
        raise MalformedDocument("the body is empty; send a JSON object")
    document = read_json(body)
    if not isinstance(document, dict):
        raise InvalidRequest([Problem("body", None, "is not an object")])
    return document


def _judge_headers(request: Request, limit_bytes: int) -> None:
    if (request.content_length or 0) > limit_bytes:
        raise RequestTooLarge("the body", limit_bytes, "bytes")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedContentEncoding(encoding)
    if request.mimetype != "application/json":
        raise UnsupportedContentType(request.content_type or "")


def _read(request: Request, limit_bytes: int) -> bytes:
    # One byte more than allowed: what is too long is refused. Werkzeug's own limit would cut a
    # chunked body there, and the rest would be decided on. And read until nothing comes: one read
    # may bring less than there is.
    body = b""
    try:
        while len(body) <= limit_bytes:
            part = request.stream.read(limit_bytes + 1 - len(body))
            if not part:
                break
            body += part
    except Exception as error:
        # Each server has its own exceptions for chunks that are no chunks and for a sender who has
        # gone away. Nothing but the sender's bytes is touched here, so the fault is the sender's.
        raise MalformedDocument("the body breaks off, or its chunks are malformed") from error
    if len(body) > limit_bytes:
        raise RequestTooLarge("the body", limit_bytes, "bytes")
    if request.content_length not in (None, len(body)):
        raise MalformedDocument("the body breaks off before its announced length")
    return body
