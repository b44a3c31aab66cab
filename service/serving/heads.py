"""The head of a request: what httptools takes, and we do not.

Where two servers in a row read one head differently, a request can hide in another. So a head that
can be read in two ways is refused, though httptools is content with one of them.
"""

from collections.abc import Sequence

from httptools import HttpParserCallbackError, HttpParserError, parse_url
from werkzeug import exceptions as http

from service.api.asgi_messages import Headers

HEAD_LIMIT_BYTES = 32_768
"""Of the line and the headers of a request together, and of what may follow the last chunk."""
CLOSE = (b"connection", b"close")

Pairs = Sequence[tuple[bytes, bytes]]
"""Headers as they came, their names in lower case."""

_OFFERING = (b"connection", b"upgrade", b"http2-settings")
_SLASH = ord("/")
_VERSIONS = ("1.1", "1.0")


def judge(method: bytes, target: bytes, version: str, pairs: Pairs, named: Headers) -> None:
    """Pass if a request with this head can be answered; `named` are its headers by name.

    Raises:
        HTTPException: by its status, what is wrong.
    """
    if version not in _VERSIONS:
        raise http.BadRequest("this is not HTTP/1.1")
    if method == b"CONNECT":
        raise http.NotImplemented("this is no proxy")
    if target[0] != _SLASH and parse_url(target).path is None:
        raise http.BadRequest("the request names no path")
    if b"host" not in named:
        if version == "1.1":
            raise _one_host()
    elif len(named) < len(pairs) and [name for name, _ in pairs].count(b"host") > 1:
        raise _one_host()
    if b"transfer-encoding" in named:
        for name, value in pairs:
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                raise http.NotImplemented("only `chunked` is understood")


def judge_size(target: bytes, pairs: Pairs) -> None:
    """Pass if a head is no longer than the limit. Raises RequestHeaderFieldsTooLarge."""
    if len(target) + sum(len(name) + len(value) for name, value in pairs) > HEAD_LIMIT_BYTES:
        raise http.RequestHeaderFieldsTooLarge


def _one_host() -> Exception:
    return http.BadRequest("the header Host has to come once")  # RFC 9112, 3.2


def without_offer(method: bytes, target: bytes, version: str, pairs: Pairs) -> bytes:
    """The head as it would be of a client that does not offer to go on in another protocol."""
    said = b",".join(value for name, value in pairs if name == b"connection").lower()
    kept = [pair for pair in pairs if pair[0] not in _OFFERING]
    if b"close" in [token.strip() for token in said.split(b",")]:
        kept.append(CLOSE)
    line = b"%b %b HTTP/%b" % (method, target, version.encode())
    return b"\r\n".join((line, *(b"%b: %b" % pair for pair in kept), b"", b""))


def fault_of(error: HttpParserError) -> Exception:
    """What is wrong with bytes that httptools could not read, or of which we want nothing."""
    cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
    if cause is None or isinstance(cause, HttpParserError):
        return http.BadRequest("this is not a well-formed HTTP request of a method that is known")
    return cause
