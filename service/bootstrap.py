"""Where the rooms are joined: nothing else constructs an engine or reads a world from a file."""

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from service.config import PREFIX, Settings, default_database
from service.domain.directory import Directory
from service.domain.schema import Schema
from service.domain.world import parse_world, read_world
from service.errors import (
    InvalidPolicy,
    MalformedDocument,
    StoreUnavailable,
    UnusableStore,
    WatershedError,
)
from service.policy.engine import Engine
from service.policy.lint import lint
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet, read_policy_set
from service.policy.tables import read_table, run_case
from service.policy.trial import try_policies
from service.store.facts import collector_at_rest
from service.store.followed import Followed
from service.store.opening import open_store
from service.store.protocol import Held, Store, seed
from service.store.sql_store import SqlStore


def read_policies(settings: Settings) -> PolicySet:
    """The policies that the settings name: read, linted and tried. Raises InvalidPolicy."""
    policies = read_policy_set(settings.policies)
    if problems := lint(policies):
        raise InvalidPolicy(problems)
    try_policies(policies)
    return policies


def read_directory(
    path: Path,
    schema: Schema,
    levels: int,
    progress: Callable[[str, int], None] = lambda what, done: None,
) -> Directory:
    """All facts of a world document. Raises InvalidWorld, MalformedDocument, RequestTooLarge."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise MalformedDocument(f"`{path}` cannot be read: {error.strerror}") from None
    with collector_at_rest():
        document = parse_world(body, path.name)
        del body  # a large world would otherwise stand in memory twice
        return read_world(document, schema, levels, progress=progress)


def prepare_store(settings: Settings, policies: PolicySet, read: Callable[[], Directory]) -> Held:
    """All facts of the database that the settings name.

    It is made, migrated and seeded with what `read` gives, as far as that is still to do.

    No connection is open afterwards, so that the process may fork. Raises StoreError.
    """
    with closing(open_named_store(_url(settings), policies.schema, settings.levels)) as store:
        seed(store, read)
        return store.newest()


def open_named_store(address: str, schema: Schema, levels: int) -> SqlStore:
    """The store at the address that a setting names, which is named in what is raised.

    Raises what `open_store` does.
    """
    place = f"{PREFIX}DATABASE, or --database"
    try:
        return open_store(address, schema, levels)
    except UnusableStore as error:
        raise UnusableStore(f"{place}: {error}") from None
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{error.reason} ({place}, names it)") from None


def follow_store(
    settings: Settings, policies: PolicySet, held: Held | None = None
) -> tuple[Store, Followed]:
    """The database that the settings name, and its facts, followed by a thread of this process.

    `held` is where to begin; without it, the world is read. Raises StoreError.
    """
    store = open_store(_url(settings), policies.schema, settings.levels, held=held)
    followed = Followed(store, held or store.newest(), settings.facts_age_seconds)
    followed.start()
    return store, followed


def _url(settings: Settings) -> str:
    return settings.database or default_database(settings)


def world_reader(settings: Settings, policies: PolicySet) -> Callable[[], Directory]:
    """What reads the world with which an empty database begins: nothing, if none is named."""
    if settings.world is None:
        return lambda: Directory(levels=settings.levels)
    return partial(read_directory, settings.world, policies.schema, settings.levels)


def build_pdp(policies: PolicySet, directory: Directory) -> PolicyDecisionPoint:
    """A decision point over facts that stay as they are."""
    return PolicyDecisionPoint(Engine(policies), FixedFacts(directory))


def warm(engine: Engine, settings: Settings) -> int:
    """Ask every question of the decision tables beside the policies, so that plans have grown and
    are compiled before the first customer asks; how many were asked.

    A table that cannot be read warms nothing: `watershed policies check` says what is wrong.
    """
    asked = 0
    for path in sorted(settings.policies.rglob("*.cases.toml")):
        with suppress(OSError, WatershedError):
            table = read_table(path.read_bytes(), path.name)
            world = (path.parent / table.world).resolve()
            directory = read_directory(world, engine.policies.schema, settings.levels)
            for case in table.cases:
                run_case(case, engine, directory)
                asked += 1
    if engine.plans is not None:
        engine.plans.compile(engine.vocabulary)
    return asked
