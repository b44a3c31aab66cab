"""The head of a request: what httptools takes, and we do not.

Where two servers in a row read one head differently, a request can hide in another. So a head that
can be read in two ways is refused, though httptools is content with one of them.
"""

from typing import NamedTuple

from httptools import HttpParserCallbackError, HttpParserError, parse_url
from werkzeug import exceptions as http

HEAD_LIMIT_BYTES = 32_768
"""Of the line and the headers of a request together, and of what may follow the last chunk."""
CLOSE = (b"connection", b"close")

_OFFERING = (b"connection", b"upgrade", b"http2-settings")
_SLASH = ord("/")
_VERSIONS = ("1.1", "1.0")


class Head(NamedTuple):
    """What stands before the body; the names of headers in lower case."""

    method: bytes
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]


def judge(head: Head, is_bulky: bool) -> None:
    """Pass if the request can be answered; `is_bulky` if so much has come that its size matters.

    Raises:
        HTTPException: by its status, what is wrong.
    """
    if head.version not in _VERSIONS:
        raise http.BadRequest("this is not HTTP/1.1")
    if head.method == b"CONNECT":
        raise http.NotImplemented("this is no proxy")
    if head.target[0] != _SLASH and parse_url(head.target).path is None:
        raise http.BadRequest("the request names no path")
    names = [name for name, _ in head.headers]
    if names.count(b"host") != 1 and (b"host" in names or head.version == "1.1"):
        raise http.BadRequest("the header Host has to come once")  # RFC 9112, 3.2
    if b"transfer-encoding" in names:
        for name, value in head.headers:
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                raise http.NotImplemented("only `chunked` is understood")
    if is_bulky and _size_bytes(head) > HEAD_LIMIT_BYTES:
        raise http.RequestHeaderFieldsTooLarge


def without_offer(head: Head) -> bytes:
    """The head as it would be of a client that does not offer to go on in another protocol."""
    said = b",".join(value for name, value in head.headers if name == b"connection").lower()
    headers = [pair for pair in head.headers if pair[0] not in _OFFERING]
    if b"close" in [token.strip() for token in said.split(b",")]:
        headers.append(CLOSE)
    line = b"%b %b HTTP/%b" % (head.method, head.target, head.version.encode())
    return b"\r\n".join((line, *(b"%b: %b" % pair for pair in headers), b"", b""))


def fault_of(error: HttpParserError) -> Exception:
    """What is wrong with bytes that httptools could not read, or of which we want nothing."""
    cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
    if cause is None or isinstance(cause, HttpParserError):
        return http.BadRequest("this is not a well-formed HTTP request of a method that is known")
    return cause


def _size_bytes(head: Head) -> int:
    return len(head.target) + sum(len(name) + len(value) for name, value in head.headers)
