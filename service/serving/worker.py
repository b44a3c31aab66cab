"""The process that serves: gunicorn starts and stops it, uvicorn speaks HTTP in it.

gunicorn's own ASGI worker reads requests in Python; uvicorn has httptools read them, in C, and
answers twice as many on one core.
"""

import asyncio
import logging
import signal
import sys
from typing import Any

from uvicorn_worker import UvicornWorker

from service.serving.short_way import ShortWay

STOP_SECONDS = 6
"""For requests that are being answered when the worker is told to stop."""


class Worker(UvicornWorker):
    """A worker of gunicorn for `service.asgi:app`, with the limits of `connection.py`.

    Those of gunicorn for request lines and headers do not hold in it.
    """

    CONFIG_KWARGS: dict[str, Any] = {
        "interface": "asgi3",
        "loop": "uvloop",
        "http": ShortWay,
        "ws": "none",
        "lifespan": "off",
        "proxy_headers": False,  # nobody's word is taken for the address or scheme of a request
        "server_header": False,
        "access_log": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
    }

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        # A line for each malformed request would let any client fill the log.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    def init_signals(self) -> None:
        """As uvicorn's worker does, but end in order: uvicorn raises the signal anew when it has
        stopped, which would otherwise kill the process before gunicorn's hooks have run."""
        super().init_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))

    def run(self) -> None:
        """Serve until told to stop. The loop is made first: whoever is told to stop in between
        leaves nothing behind that was to run in it."""
        with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.get_loop()
            runner.run(self._serve())
