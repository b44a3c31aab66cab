"""How long clients are waited for. One timer for all of them, since hardly ever one is late."""

import asyncio
from collections.abc import Awaitable
from typing import Any

BODY_SECONDS = 10.0
"""How long a client may take over the whole body of a request, however it trickles."""
_LOOK_EVERY_SECONDS = 1.0


class Patience:
    """A limit to waiting, for all tasks of one event loop.

    `asyncio.timeout` would do, and costs more than reading and judging a whole request: it makes
    and withdraws a timer each time.
    """

    def __init__(self, seconds: float = BODY_SECONDS):
        self._seconds = seconds
        self._since: dict[asyncio.Task, float] = {}
        self._late: set[asyncio.Task] = set()
        self._looking = False

    async def wait_for(self, waiting: Awaitable[Any]) -> Any:
        """What `waiting` gives. Raises TimeoutError, up to a second late, if it takes too long."""
        task = asyncio.current_task()
        loop = task.get_loop()
        self._since[task] = loop.time()
        if not self._looking:
            self._looking = True
            loop.call_later(_LOOK_EVERY_SECONDS, self._look, loop)
        try:
            return await waiting
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._since[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        begun_before = loop.time() - self._seconds
        for task, begun in self._since.items():
            if begun < begun_before and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._looking = bool(self._since)
        if self._looking:
            loop.call_later(_LOOK_EVERY_SECONDS, self._look, loop)
