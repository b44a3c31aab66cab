"""What is said over HTTP, whoever carries it: Flask and the ASGI door send the same messages."""

import json
import random
from typing import Any, NamedTuple

JSON = "application/json"
NDJSON = "application/x-ndjson"
REQUEST_ID = "X-Request-ID"

# Nothing here is a page but /docs, which brings a policy of its own.
_CONTENT_SECURITY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
COMMON_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _CONTENT_SECURITY),
    ("X-Content-Type-Options", "nosniff"),
)
"""Of every response, unless it brings its own: nothing is kept, and there is nothing to run."""

spell = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""JSON, compact and in ASCII, its members in the order in which they were put."""


class Answer(NamedTuple):
    """A whole response but for its request id."""

    body: str
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = COMMON_HEADERS


def answer(
    body: Any, status: int, content_type: str, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """The answer that says `body`, with what all answers have in common."""
    return Answer(spell(body), status, content_type, (*headers, *COMMON_HEADERS))


def id_of_request(given: str | None) -> str:
    """The caller's own id as it came, or a new one if none came or it could not be sent back."""
    if given and not any(sign < " " or sign == "\x7f" for sign in given):
        return given
    return random.getrandbits(128).to_bytes(16).hex()  # nobody gains by guessing it
