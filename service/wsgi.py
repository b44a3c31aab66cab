"""`app`: the service for any WSGI server, such as `gunicorn service.wsgi:app`.

Settings come from WATERSHED_* variables, of which WATERSHED_WORLD or WATERSHED_DATABASE is
required. With more than one
process set WATERSHED_PAGE_SECRET too: else each makes its own and refuses the others' page tokens.
Let the server load this in its workers (gunicorn without --preload): a compiled law must not be
forked.
"""

from typing import Any

from flask import Flask

from service.api.app import build_app
from service.bootstrap import follow_store, prepare_store, read_policies, world_reader
from service.config import PREFIX, Settings, read_settings
from service.errors import ConfigurationError, Problem
from service.policy.engine import Engine
from service.policy.pdp import PolicyDecisionPoint
from service.store.protocol import Store


def build() -> Flask:
    """The application that the environment asks for. Raises WatershedError."""
    return build_app(*from_environment())


def from_environment() -> tuple[PolicyDecisionPoint, Settings, Store]:
    """A decision point over the facts of the named database, the settings, and the database.

    Raises WatershedError.
    """
    settings = read_settings()
    if settings.world is None and settings.database is None:
        reason = f"is not set, and {PREFIX}DATABASE neither"
        raise ConfigurationError([Problem(f"{PREFIX}WORLD", None, reason)])
    policies = read_policies(settings)
    held = prepare_store(settings, policies, world_reader(settings, policies))
    store, followed = follow_store(settings, policies, held)
    return PolicyDecisionPoint(Engine(policies), followed), settings, store


def __getattr__(name: str) -> Any:
    # Built when a server asks for it, not when a tool merely imports this module.
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = application = build()
    return application
