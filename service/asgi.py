"""`app`: the service for an ASGI server.

    gunicorn --worker-class service.serving.worker.Worker service.asgi:app

Decisions are made on the event loop; all other routes are Flask's, in threads of their own. The
settings are read as `service.wsgi` reads them, and what is said there of processes holds here.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from a2wsgi import WSGIMiddleware

from service.api.app import build_app
from service.api.changes import WAITED
from service.api.door import Door
from service.api.metrics import Metrics
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint
from service.store.protocol import Store
from service.wsgi import from_environment


def build_asgi(pdp: PolicyDecisionPoint, settings: Settings, store: Store | None = None) -> Door:
    """The door, and behind it the Flask application in `settings.threads` threads."""
    metrics = Metrics(pdp)
    flask = build_app(pdp, settings, store, metrics)

    def behind_the_door(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        environ["wsgi.errors"] = sys.stderr  # the adapter would write errors to the output
        environ[WAITED] = True
        return flask(environ, start_response)

    others = WSGIMiddleware(behind_the_door, workers=settings.threads)
    return Door(pdp, settings, others, metrics)


def __getattr__(name: str) -> Any:
    # Built when a server asks for it, not when a tool merely imports this module.
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = application = build_asgi(*from_environment())
    return application
