"""One connection of a client: uvicorn's, with limits to what it leaves open.

uvicorn waits for a head as long as the client likes, takes one of any length, takes lines after the
last chunk for headers, keeps any number of requests that come before the first is answered, and
drops the body of a request that offers another protocol. Not so here. Whatever is no request gets a
problem document and the end of its connection, since nobody can say where the next would begin.
"""

import asyncio
from collections.abc import Callable, Sized
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from werkzeug import exceptions as http

from service.api.asgi_messages import (
    AsgiApp,
    Headers,
    Lines,
    Receive,
    Scope,
    Send,
    headers_of,
    on_the_wire,
    say,
)
from service.api.deciding import request_id_of
from service.api.messages import Answer, id_of_request
from service.api.problems import problem_of
from service.serving.heads import (
    CLOSE,
    HEAD_LIMIT_BYTES,
    fault_of,
    judge,
    judge_size,
    without_offer,
)
from service.serving.waiting import Waiting

PIPELINE_LIMIT_REQUESTS = 256
"""How many may wait for the answer to the one before them."""
LINGER_SECONDS = 1.0
"""A connection that is closed on top of unread bytes is reset, and the answer may be lost."""

_DEFAULT = Lines()
_CLOSE = Lines().of([CLOSE])


class Connection(Waiting):
    """What httptools finds in the bytes of one client, made into requests for the application."""

    unused_bytes = 0
    """How many have come of which nothing has been made yet: of a head, as a rule."""
    is_deaf = False
    """Whether the last word has been said, and what still comes is dropped."""
    is_bulky = False
    """Whether so much has come at once that heads are measured one by one."""
    is_in_head = False
    """Whether a head has begun to come, and its end has not come."""
    version: str
    """Of HTTP, in which the request that came last is spelled."""
    named: Headers
    """Its headers by name."""
    answering: RequestResponseCycle | None = None
    """The request that the application was given last; `cycle` is the one that came last."""

    # Called by asyncio.

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)

    def data_received(self, data: bytes) -> None:
        """Read on. What is wrong with a request is answered, and ends the connection."""
        if self.is_deaf:
            return
        self.unused_bytes += len(data)
        if self.unused_bytes > HEAD_LIMIT_BYTES:
            self.is_bulky = True
        try:
            self._read(data)
        except HttpParserError as error:
            self._refuse(fault_of(error))
            return
        if self.unused_bytes > HEAD_LIMIT_BYTES:
            self._refuse(http.RequestHeaderFieldsTooLarge())
        else:
            self._await_the_rest()

    def eof_received(self) -> bool:
        """Whether our side stays open: who has said all there is to say may still listen."""
        listens = self.is_busy() and not self.cycle.more_body
        if listens:
            self.cycle.keep_alive = False
        return listens

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        if self.answering is not None:
            self.answering.disconnected = True  # writes no more
            self.answering.message_event.set()
        super().connection_lost(error)

    # Called by httptools, while it reads.

    def on_message_begin(self) -> None:
        self.is_in_head = True
        self.url, self.expect_100_continue = b"", False
        self.headers = self.lines = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.patience is not None:
            self.end_patience()
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT":
            return  # comes again, without the offer
        if self.transport.is_closing():
            raise http.BadRequest("nothing follows the last request of a connection")
        self.version, self.named = self.parser.get_http_version(), headers_of(self.headers)
        judge(method, self.url, self.version, self.headers, self.named)
        if self.is_bulky:
            judge_size(self.url, self.headers)
        self.is_in_head, self.unused_bytes = False, 0
        self.expect_100_continue = self.named.get(b"expect", b"").lower() == b"100-continue"
        self.begin(method)
        self.lines = []  # what follows the last chunk is no header

    def on_body(self, body: bytes) -> None:
        self.unused_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unused_bytes = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def begin(self, method: bytes) -> None:
        """Hand a request of which the head has come to the application."""
        if len(self.pipeline) >= PIPELINE_LIMIT_REQUESTS:
            raise http.BadRequest(f"more than {PIPELINE_LIMIT_REQUESTS} requests are waiting")
        # WSGI cannot tell X_Min_Revision from X-Min-Revision, and whoever filters headers can.
        headers = [pair for pair in self.headers if b"_" not in pair[0]]
        url, is_expected = self.url, self.expect_100_continue
        super().on_message_begin()  # not before: it makes what only the application needs
        self.url, self.expect_100_continue = url, is_expected
        self.headers += headers
        super().on_headers_complete()
        line = self.transport
        self.cycle.transport = _Line(line.write, line.is_closing, self._hang_up)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: AsgiApp) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = self.answering
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:  # the process ends, and has waited for this long enough
            if cycle.response_started or self.flow.write_paused:  # nobody reads it
                cycle.disconnected = True
                self.transport.abort()
            else:
                request_id = request_id_of(headers_of(scope["headers"]))
                await say(problem_of(http.ServiceUnavailable(), request_id), request_id, send)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self.begin_to_idle()
        self._await_the_rest()

    def write(self, answer: Answer, request_id: str, closing: bool) -> None:
        """Send an answer that the application did not send itself."""
        more = _DEFAULT.of(self.server_state.default_headers)
        if closing:
            more += _CLOSE
        self.transport.write(on_the_wire(answer, request_id, more))

    def _read(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as offered:
                (read_bytes,) = offered.args
            # The parser leaves whatever follows to the other protocol, and we speak no other. A
            # server may ignore the offer (RFC 9110, 7.8): the same request again, without it.
            method, version = self.parser.get_method(), self.parser.get_http_version()
            head = without_offer(method, self.url, version, self.headers)
            data = head + data[read_bytes:]
            self.parser = HttpRequestParser(self)

    # How a connection ends.

    def lose_patience(self) -> None:
        """End the connection; who has begun to ask is told why."""
        if self.is_in_head or self.unused_bytes:
            self._refuse(http.RequestTimeout())
        else:
            self.transport.close()

    def _await_the_rest(self) -> None:
        is_in_body = self.cycle is not None and self.cycle.more_body
        if self.is_in_head or self.unused_bytes or is_in_body:
            self.begin_patience()

    def _refuse(self, error: Exception) -> None:
        """Say what is wrong, unless another answer is due or on its way, and hang up."""
        self.end_patience()
        if self.transport.is_closing():
            return
        self.is_deaf = True
        self._drop_unfinished()
        cycle = self.cycle
        if self.is_busy() and not cycle.more_body:
            cycle.keep_alive = False
            return
        if cycle is not None and cycle.more_body:
            if cycle.response_started:
                self.transport.close()
                return
            cycle.disconnected = True  # the rest will not come
            cycle.waiting_for_100_continue = False  # nor is it waited for
            cycle.message_event.set()
        request_id = id_of_request(None)
        self.write(problem_of(error, request_id), request_id, closing=True)
        self._linger()

    def _hang_up(self) -> None:
        """Close after an answer, and nothing more is answered."""
        if self.transport.is_closing():
            return
        self.pipeline.clear()
        if self.is_deaf or self.answering.more_body:
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        self.is_deaf = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _drop_unfinished(self) -> None:
        """Forget a request that breaks off while it waits for the answer to the one before."""
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self.answering


class _Line(NamedTuple):
    """As much of a transport as a request needs to be answered."""

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    close: Callable[[], None]


class _Flow(FlowControl):
    """Reads no further while requests wait, whoever wants to read on."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized):
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
