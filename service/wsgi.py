"""`app`: the service for any WSGI server, such as `gunicorn service.wsgi:app`.

Settings come from WATERSHED_* variables, of which WATERSHED_WORLD is required. With more than one
process set WATERSHED_PAGE_SECRET too: else each makes its own and refuses the others' page tokens.
Let the server load this in its workers (gunicorn without --preload): a compiled law must not be
forked.
"""

from typing import Any

from flask import Flask

from service.api.app import build_app
from service.bootstrap import build_pdp, read_directory, read_policies
from service.config import PREFIX, Settings, read_settings
from service.errors import ConfigurationError, Problem
from service.policy.pdp import PolicyDecisionPoint


def build() -> Flask:
    """The application that the environment asks for. Raises WatershedError."""
    return build_app(*from_environment())


def from_environment() -> tuple[PolicyDecisionPoint, Settings]:
    """A decision point over the named world, and the settings. Raises WatershedError."""
    settings = read_settings()
    if settings.world is None:
        raise ConfigurationError([Problem(f"{PREFIX}WORLD", None, "is not set")])
    policies = read_policies(settings)
    directory = read_directory(settings.world, policies.schema, settings.levels)
    return build_pdp(policies, directory), settings


def __getattr__(name: str) -> Any:
    # Built when a server asks for it, not when a tool merely imports this module.
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = application = build()
    return application
