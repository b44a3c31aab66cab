"""How long a connection waits for its client: to ask, to come to the end of a head, to read on."""

import asyncio
from time import monotonic

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""How long a client may take over a head, however it trickles."""
READING_SECONDS = 30.0
"""How long a client may read nothing at all of answers that pile up here."""


class Waiting(HttpToolsProtocol):
    """uvicorn's connection, with a clock for whatever a client may leave open.

    How long it may say nothing is uvicorn's `timeout_keep_alive`.
    """

    idle_since = 0.0
    """On the monotonic clock: when the last answer was complete, or the client came."""
    patience: asyncio.TimerHandle | None = None
    """Runs while bytes come and nobody is answered: for a head, or a body that was refused."""
    reading: asyncio.TimerHandle | None = None
    """Runs while more has been said than fits on the way."""

    def lose_patience(self) -> None:
        """End the connection: what has begun to come has not come to its end in time."""
        raise NotImplementedError

    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for a first request as long as for another."""
        super().connection_made(transport)
        self.begin_to_idle()
        self._look_again_in(self.timeout_keep_alive)

    def connection_lost(self, error: Exception | None) -> None:
        """Stop all clocks."""
        self.end_patience()
        if self.reading is not None:
            self.reading.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(error)

    # For who says nothing.

    def begin_to_idle(self) -> None:
        """Wait for a request, from now on."""
        self.idle_since = monotonic()

    def timeout_keep_alive_handler(self) -> None:
        """Close if nothing has been asked for so long.

        A look now and then: to set a clock and to stop it again for each request costs more than
        reading its head.
        """
        left = self.idle_since + self.timeout_keep_alive - monotonic()
        if self.is_busy() or self.patience is not None:
            self._look_again_in(self.timeout_keep_alive)
        elif left > 0:
            self._look_again_in(left)
        else:
            super().timeout_keep_alive_handler()

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    # For who does not come to the end.

    def begin_patience(self) -> None:
        """Wait for the rest of what has begun to come, from now on or since it began. Nobody is
        waited for while he waits for an answer himself."""
        if self.patience is None and not self.is_busy():
            self.patience = self.loop.call_later(HEAD_SECONDS, self.lose_patience)

    def end_patience(self) -> None:
        """It has come, or is waited for no longer."""
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    # For who does not read.

    def pause_writing(self) -> None:
        """Say no more until the client has read on, and give it up if it does not."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self.reading.cancel()

    def _await_reading(self) -> None:
        unread_bytes = self.transport.get_write_buffer_size()
        self.reading = self.loop.call_later(READING_SECONDS, self._judge_reading, unread_bytes)

    def _judge_reading(self, before_bytes: int) -> None:
        if self.transport.get_write_buffer_size() < before_bytes:
            self._await_reading()
        else:
            self.transport.abort()
