"""How a server and an ASGI application speak: requests as they come, answers as they go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import RequestTimeout

from service.api.bodies import broken_off, judge_length
from service.api.messages import REQUEST_ID, Answer
from service.api.patience import Patience
from service.errors import MalformedDocument

LINGER_SECONDS = 1.0
PIECE_BYTES = 4_096  # as much as is worked on before others have their turn

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]


class Body:
    """The body of one request, as it comes; `ended` when nothing more will."""

    __slots__ = ("_patience", "_receive", "ended")

    def __init__(self, receive: Receive, patience: Patience):
        self._receive = receive
        self._patience = patience
        self.ended = False

    async def read(self, limit_bytes: int) -> bytes:
        """All of it. Raises RequestTooLarge, MalformedDocument, RequestTimeout."""
        try:
            with self._patience:
                body = await self._next()
                judge_length(len(body), limit_bytes)
                if self.ended:  # nearly every body comes in one piece
                    return body
                parts = bytearray(body)
                while not self.ended:
                    parts += await self._next()
                    judge_length(len(parts), limit_bytes)
                return bytes(parts)
        except TimeoutError:
            raise RequestTimeout from None

    async def pieces(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """All of it as it comes, each piece in time, none of them large.

        Raises RequestTooLarge, MalformedDocument, RequestTimeout; who has one piece may have to
        wait for others between two of them.
        """
        size_bytes = 0
        while not self.ended:
            try:
                with self._patience:
                    content = await self._next()
            except TimeoutError:
                raise RequestTimeout from None
            size_bytes += len(content)
            judge_length(size_bytes, limit_bytes)
            for at in range(0, len(content), PIECE_BYTES):
                yield content[at : at + PIECE_BYTES]
                await asyncio.sleep(0)

    async def let_end(self, limit_bytes: int) -> None:
        """Drop what still comes of a body that was not read, for a moment.

        A connection that is closed on top of unread bytes is reset, and the answer may be lost.
        """
        dropped = 0
        with suppress(TimeoutError, MalformedDocument):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.ended and dropped <= limit_bytes:
                    dropped += len(await self._next())

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self.ended = True
            raise broken_off()
        self.ended = not message.get("more_body", False)
        return message.get("body", b"")


def headers_of(pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
    """The headers by name in lower case; of one that came several times, all values in one."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


def text_of(headers: Headers, name: bytes) -> str:
    """The value of a header, empty if it did not come."""
    value = headers.get(name)
    return value.decode("latin-1") if value else ""


def announced_bytes(headers: Headers) -> int | None:
    """The Content-Length, None if it did not come. Servers have checked that it is one."""
    length = headers.get(b"content-length")
    # Zeros in front mean nothing, and Python reads no number of thousands of digits.
    return None if length is None else int(length.lstrip(b"0") or 0)


async def say(answer: Answer, request_id: str, send: Send) -> None:
    """Send the answer to the request of this id."""
    body = answer.body.encode("ascii")
    headers = [
        *_spelled(answer.content_type, answer.headers),
        (b"content-length", b"%d" % len(body)),
        (_REQUEST_ID, request_id.encode("latin-1")),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_REQUEST_ID = REQUEST_ID.lower().encode()


class Lines:
    """Headers as they go on the wire, spelled anew only when they are no longer the same object."""

    __slots__ = ("_pairs", "_spelled")

    def __init__(self) -> None:
        self._pairs: Iterable[tuple[bytes, bytes]] | None = None

    def of(self, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
        """These headers, a line each. Nobody changes them afterwards: whoever has others says so
        by another object."""
        if pairs is not self._pairs:
            self._spelled = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
            self._pairs = pairs
        return self._spelled


def on_the_wire(answer: Answer, request_id: str, more: bytes) -> bytes:
    """The answer as a client reads it (RFC 9112, 2.1), with more lines of headers; for whoever has
    no ASGI between himself and the client."""
    body = answer.body.encode("ascii")
    return b"%b%bcontent-length: %d\r\n%b: %b\r\n\r\n%b" % (
        _head(answer.status, answer.content_type, answer.headers),
        more,
        len(body),
        _REQUEST_ID,
        request_id.encode("latin-1"),
        body,
    )


@lru_cache(maxsize=64)
def _head(status: int, content_type: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode())]
    lines += [b"%b: %b" % pair for pair in _spelled(content_type, headers)]
    return b"\r\n".join((*lines, b""))


@lru_cache(maxsize=64)
def _spelled(
    content_type: str, headers: tuple[tuple[str, str], ...]
) -> tuple[tuple[bytes, bytes], ...]:
    pairs = (("content-type", content_type), *headers)
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in pairs)


def with_body(
    content: bytes, scope: Scope, headers: Headers, receive: Receive
) -> tuple[Scope, Receive]:
    """The same request with its whole body at hand, as one piece of known length."""
    pairs = [(n, v) for n, v in headers.items() if n != b"transfer-encoding"]
    pairs = [(n, v) for n, v in pairs if n != b"content-length"]
    pairs.append((b"content-length", b"%d" % len(content)))
    pending = [content]

    async def receive_whole() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return {**scope, "headers": pairs}, receive_whole
