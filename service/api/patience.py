"""How long clients are waited for. One timer for all of them, since hardly ever one is late."""

import asyncio
import time
from types import TracebackType

BODY_SECONDS = 10.0
"""How long a client may take over the whole body of a request, however it trickles."""
_LOOK_EVERY_SECONDS = 1.0


class Patience:
    """A limit to waiting, for all tasks of one event loop: `with patience:` around what is awaited.

    Raises TimeoutError, up to a second late, where that takes too long. `asyncio.timeout` would do,
    and costs more than reading and judging a whole request: it makes and withdraws a timer each
    time.
    """

    def __init__(self, seconds: float = BODY_SECONDS):
        self._seconds = seconds
        self._since: dict[asyncio.Task, float] = {}
        self._late: set[asyncio.Task] = set()
        self._looking = False

    def __enter__(self) -> None:
        self._since[asyncio.current_task()] = time.monotonic()
        if not self._looking:
            self._look_later()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        del self._since[task]
        if task in self._late:
            self._late.remove(task)
            # Who cancels the task from outside has the last word, be it late as well.
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from None

    def _look_later(self) -> None:
        self._looking = True
        asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look)

    def _look(self) -> None:
        begun_before = time.monotonic() - self._seconds
        for task, begun in self._since.items():
            if begun < begun_before and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._looking = False
        if self._since:
            self._look_later()
