"""What verbs work on, opened as the settings say, with progress where it takes its time."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from service.bootstrap import build_pdp, open_named_store, read_directory, read_policies
from service.commands.terminal import Progress, problems_of, progress
from service.config import PREFIX, Settings, is_absent, masked
from service.domain.directory import Directory
from service.domain.schema import Schema
from service.errors import ConfigurationError, InvalidWorld, Problem, WatershedError
from service.policy.pdp import PolicyDecisionPoint
from service.policy.policy_set import PolicySet
from service.store.protocol import Store


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
    with progress(f"reading {path.name}") as tell:
        return checked_world(path, schema, settings, tell)


def checked_world(path: Path, schema: Schema, settings: Settings, tell: Progress) -> Directory:
    """All facts of a world document; `tell` hears how far it is. Raises InvalidWorld."""
    try:
        return read_directory(path, schema, settings.levels, tell)
    except InvalidWorld:
        raise
    except WatershedError as error:
        raise InvalidWorld(problems_of(error, str(path))) from None


@contextmanager
def open_database(settings: Settings, schema: Schema, create: bool = False) -> Iterator[Store]:
    """The database that the settings name, for as long as the block runs.

    Raises:
        ConfigurationError: they name none, or a file that is not there and is not to be made.
        StoreError: it cannot be opened.
    """
    url = settings.database
    if url is None:
        reason = "is not set: name a database with --database URL, or in this variable"
        raise ConfigurationError([Problem(f"{PREFIX}DATABASE", None, reason)])
    if not create and is_absent(url):
        reason = "names a file that is not there; `watershed serve` or `world load` makes one"
        raise ConfigurationError([Problem(f"{PREFIX}DATABASE", masked(url), reason)])
    with closing(open_named_store(url, schema, settings.levels)) as store:
        yield store


def open_facts(settings: Settings, schema: Schema, as_of: int | None = None) -> Directory:
    """All facts of the database or the world document that the settings name; `as_of` a revision.

    A database is preferred, should they name both.
    """
    if settings.database is None:
        if as_of is not None:
            reason = "is not set, and a file has no past: name a database with --database URL"
            raise ConfigurationError([Problem(f"{PREFIX}DATABASE", None, reason)])
        return open_world(named_world(settings), schema, settings)
    with open_database(settings, schema) as store, progress("reading the facts"):
        if store.revision() == 0:
            reason = "holds no facts yet; `watershed world load` or `serve --world` brings some"
            raise ConfigurationError(
                [Problem(f"{PREFIX}DATABASE", masked(settings.database), reason)]
            )
        return store.directory(as_of)


def open_pdp(settings: Settings, as_of: int | None = None) -> PolicyDecisionPoint:
    """A decision point that answers from the facts that the settings name."""
    if settings.database is None and as_of is None:
        named_world(settings)
    policies = open_policies(settings)
    return build_pdp(policies, open_facts(settings, policies.schema, as_of))
