"""Where the rooms are joined: nothing else constructs an engine or reads a world from a file."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from service.config import Settings
from service.domain.directory import Directory
from service.domain.schema import Schema
from service.domain.world import parse_world, read_world
from service.errors import InvalidPolicy, MalformedDocument, WatershedError
from service.policy.engine import Engine
from service.policy.lint import lint
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet, read_policy_set
from service.policy.tables import read_table, run_case
from service.policy.trial import try_policies


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
    with _collector_at_rest():
        document = parse_world(body, path.name)
        del body  # a large world would otherwise stand in memory twice
        return read_world(document, schema, levels, progress=progress)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Millions of values are made here and none is garbage: looking for it only takes time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def build_pdp(policies: PolicySet, directory: Directory) -> PolicyDecisionPoint:
    """A decision point over facts that stay as they are."""
    return PolicyDecisionPoint(Engine(policies), FixedFacts(directory))


def warm(engine: Engine, settings: Settings) -> int:
    """Ask every question of the decision tables beside the policies, so that plans have grown
    before the first customer asks; how many were asked.

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
    return asked
