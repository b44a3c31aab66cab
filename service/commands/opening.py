"""What verbs work on, opened as the settings say, with progress where it takes its time."""

from pathlib import Path

from service.bootstrap import build_pdp, read_directory, read_policies
from service.commands.terminal import problems_of, progress
from service.config import PREFIX, Settings
from service.domain.directory import Directory
from service.domain.schema import Schema
from service.errors import ConfigurationError, InvalidWorld, Problem, WatershedError
from service.policy.pdp import PolicyDecisionPoint
from service.policy.policy_set import PolicySet


def open_policies(settings: Settings) -> PolicySet:
    """The policies, read and tried. Raises InvalidPolicy."""
    with progress("trying the policies"):
        return read_policies(settings)


def named_world(settings: Settings) -> Path:
    """The world document that the settings name. Raises ConfigurationError if they name none."""
    if settings.world is None:
        reason = "is not set: name a world document with --world FILE, or in this variable"
        raise ConfigurationError([Problem(f"{PREFIX}WORLD", None, reason)])
    return settings.world


def open_world(path: Path, schema: Schema, settings: Settings) -> Directory:
    """All facts of a world document.

    Raises:
        InvalidWorld: whatever is wrong with it, be it only that there is no such file.
    """
    try:
        with progress(f"reading {path.name}") as tell:
            return read_directory(path, schema, settings.levels, tell)
    except InvalidWorld:
        raise
    except WatershedError as error:
        raise InvalidWorld(problems_of(error, str(path))) from None


def open_pdp(settings: Settings) -> PolicyDecisionPoint:
    """A decision point that answers from the world that the settings name."""
    path = named_world(settings)
    policies = open_policies(settings)
    return build_pdp(policies, open_world(path, policies.schema, settings))
