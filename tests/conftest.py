"""Servers that all tests of a session share. They serve one small world and are never changed."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import postgresql
import pytest
from serving import DOORS, KEY, Server, serving

# oso's limit is one of the wall's clock, and a rule that is stopped denies: right in service, and
# misleading where many tests share two busy cores.
os.environ.setdefault("POLAR_TIMEOUT_MS", "30000")

BODY_LIMIT_BYTES = 16_384
BATCH_LIMIT_ITEMS = 100


@pytest.fixture(scope="session", params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    """Each way to serve: that of `watershed serve`, and Flask alone under gunicorn's threads."""
    return request.param


@pytest.fixture(scope="session")
def server(door: str) -> Iterator[Server]:
    """The brand and its dealers behind two workers, open to all, with low limits."""
    limits = {
        "WATERSHED_BODY_LIMIT_BYTES": str(BODY_LIMIT_BYTES),
        "WATERSHED_BATCH_LIMIT_ITEMS": str(BATCH_LIMIT_ITEMS),
    }
    with serving(door=door, **limits) as running:
        yield running


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    """A client of the open server."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def locked(door: str) -> Iterator[Server]:
    """The same world behind one worker, for holders of a key."""
    keys = f"another-key-of-sixteen-characters,{KEY}"
    with serving(door=door, WATERSHED_API_KEYS=keys, WATERSHED_WORKERS="1") as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server for all tests; each makes databases of its own in it."""
    if postgresql.binaries() is None:
        pytest.skip("there is no PostgreSQL server here: apt-get install postgresql")
    server = postgresql.Server(durable=False)  # no test of a session cuts the power
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database of each kind; in PostgreSQL, a schema of its own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'facts.db'}"
    return request.getfixturevalue("postgresql_server").new_schema()
