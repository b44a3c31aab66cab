"""The service under gunicorn: one process that reads the facts, and workers that decide.

INVARIANT (no engine before the fork): oso's locks do not survive a fork, so the master only reads
policies and facts, and each worker compiles the policies for itself. Nor do connections to a
database: the master has closed its own, and each worker opens its own and follows from where the
master stood. What has not changed since is shared, since nobody writes to it.
"""

import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gunicorn.app.base import BaseApplication
from prometheus_client.multiprocess import mark_process_dead

from service.api.door import Door
from service.asgi import build_asgi
from service.bootstrap import follow_store, warm
from service.config import Settings
from service.policy.engine import Engine
from service.policy.pdp import PolicyDecisionPoint
from service.policy.policy_set import PolicySet
from service.serving.huge_pages import move_to_huge_pages
from service.serving.worker import Worker
from service.store.protocol import Held

_LOG = logging.getLogger("service")

BACKLOG_CONNECTIONS = 2048
KEEP_ALIVE_SECONDS = 75  # longer than what pools and balancers use, so that they close first
STOP_SECONDS = 0.5  # for a thread that waits for a hint; it is a daemon, and holds nothing
GRACEFUL_SECONDS = 8  # less than what container runtimes wait before they kill
YOUNG_OBJECTS = 10_000
"""How many may be made before the collector looks at them: a large batch alone makes thousands, and
all of them go when it is answered."""
_MEMORY_FOLDER = "/dev/shm"


def serve(
    settings: Settings,
    policies: PolicySet,
    held: Held,
    announce: Callable[[str], None],
) -> None:
    """Answer over HTTP until told to stop, then exit the process.

    `policies` must have been tried; `held` are the facts of the database that the settings name, of
    which no connection may be open. `announce` is given the address as soon as it answers; it is
    called in a worker. Where nothing can listen, the process exits at once with status 1.
    """
    listener = _listen(settings.host, settings.port)
    address = _spelled(listener)
    settings = replace(settings, public_url=settings.public_url or address)
    # What the collector never visits, it does not write to, and a page that is not written to is
    # not copied: a world of gigabytes stands in memory once.
    gc.collect()
    gc.freeze()
    _Server(settings, policies, held, listener.detach(), lambda: announce(address)).run()


class _Server(BaseApplication):
    """gunicorn's master, told everything by argument: no file or variable of its own is read."""

    def __init__(
        self,
        settings: Settings,
        policies: PolicySet,
        held: Held,
        listener: int,
        announce: Callable[[], None],
    ):
        self._settings = settings
        self._policies = policies
        self._held = held
        self._listener = listener
        self._announce = announce
        self._stop: Callable[[], Any] = lambda: None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        return {
            "bind": f"fd://{self._listener}",
            "backlog": BACKLOG_CONNECTIONS,
            "workers": self._settings.workers,
            "worker_class": Worker,
            "keepalive": KEEP_ALIVE_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "worker_tmp_dir": _MEMORY_FOLDER if os.path.isdir(_MEMORY_FOLDER) else None,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "watershed",
            "post_worker_init": self._started,
            "child_exit": _forgotten,
            "worker_exit": self._ended,
        }

    def load(self) -> Door:
        """The application of one worker; called after the fork."""
        store, followed = follow_store(self._settings, self._policies, self._held)
        pdp = PolicyDecisionPoint(Engine(self._policies), followed)
        warm(pdp.engine, self._settings)
        self._stop = lambda: (followed.stop(STOP_SECONDS), store.close())
        application = build_asgi(pdp, self._settings, store)
        # Plans and routes stay as the facts do: no request pays for a look at all of them.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        if self._settings.huge_pages and not move_to_huge_pages():
            _LOG.warning("this system has no huge pages to give, or allows none")
        return application

    def _ended(self, arbiter: Any, worker: Any) -> None:
        self._stop()

    def _started(self, worker: Any) -> None:
        if worker.age == 1:  # workers are numbered as they start, replacements too
            self._announce()


def _forgotten(arbiter: Any, worker: Any) -> None:
    """What a worker that has ended counted stays; what it only showed goes with it."""
    mark_process_dead(worker.pid)


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the first address of `host`. Port 0 takes any that is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG_CONNECTIONS)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"error: cannot listen at `{host}:{port}`: {reason}")
    return listener


def _spelled(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if listener.family == socket.AF_INET6 else host
    return f"http://{name}:{port}"
