"""The short way from a question to its answer.

Nearly every request is one question that comes as a whole, in one piece. Then there is nothing to
wait for, and no need of a task, an event and messages to wait with: the application is asked
`at_once`, in the middle of reading, and its answer is written. That is half of what such a request
costs otherwise. Whatever is not just so goes the way of all requests, and gets the same answer.
"""

from service.api.deciding import FRESHNESS, SINGLE
from service.serving.connection import Connection

_SHORT = {path.encode(): path for path in SINGLE}


class ShortWay(Connection):
    """A connection of which the application is `api.door.Door`."""

    is_short = False
    """Whether the request that is being read goes the short way, as far as one can see."""
    has_answered = False
    """Whether one has, of the bytes that are being read: then others have a turn."""

    def data_received(self, data: bytes) -> None:
        """Read on, and answer at once what can be."""
        self.has_answered = False
        super().data_received(data)

    def begin(self, method: bytes) -> None:
        """Keep a question that may be answered at once; hand on any other request."""
        self.is_short = (
            method == b"POST"
            and self.url in _SHORT
            and self.version == "1.1"
            and FRESHNESS not in self.named  # which may have to be waited for
            and not self.has_answered
            and not self.is_busy()  # answers go out in the order of their questions
            and not self.flow.write_paused
            and not self.expect_100_continue
        )
        if self.is_short:
            self.pieces: list[bytes] = []
        else:
            super().begin(method)

    def on_body(self, body: bytes) -> None:
        if self.is_short:
            self.pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.is_short:
            super().on_message_complete()
            return
        self.unused_bytes = 0
        self.is_short, self.has_answered = False, True
        answer, request_id = self.app.at_once(_SHORT[self.url], self.named, b"".join(self.pieces))
        closing = not self.parser.should_keep_alive()
        self.write(answer, request_id, closing)
        if closing:
            self.transport.close()
        self.on_response_complete()

    def _read(self, data: bytes) -> None:
        super()._read(data)
        if self.is_short:  # the rest has yet to come
            self.is_short = False
            super().begin(b"POST")
            super().on_body(b"".join(self.pieces))
