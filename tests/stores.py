"""Stores of a test, and what is written into them."""

from contextlib import closing, contextmanager
from itertools import count

import sqlalchemy as sa
from worlds import directory_of, schema

from service.domain.world import write_world
from service.store.opening import open_store
from service.store.sql_store import SqlStore

WORLD = {
    "organizations": {
        "P": {"name": "Platform"},
        "N": {"parent": "P", "subscription_required": True},
        "D": {"parent": "N"},
        "E": {"parent": "N", "status": "suspended", "kind": "dealer"},
    },
    "users": {
        "ann": {"memberships": {"N": "admin", "D": "agent"}, "selected": "N"},
        "Ann": {"memberships": {"D": "agent"}, "type": "bot"},
    },
    "resources": {
        "channel:c": {"organization": "N"},
        "conversation:v": {"organization": "D", "channel": "c"},
    },
    "shares": [{"resource": "channel:c", "with": "all", "valid_until": "2027-01-01"}],
    "subscriptions": {
        "s": {"organization": "N", "type": "named", "starts": "2026-01-01", "ends": "2027-01-01"}
    },
    "partners": {"x": {"organization": "N", "role": "full_admin"}},
}


def opened(address: str, levels: int = 3) -> closing[SqlStore]:
    """A store of the repository's policies, closed when the block ends."""
    return closing(open_store(address, schema(), levels))


@contextmanager
def seeded(address, document=WORLD):
    """A store that holds a world at revision 1."""
    with opened(address) as store:
        store.replace(directory_of(document), caller="seed", expect_revision=0)
        yield store


def put_user(user, **fields):
    return {"op": "put_user", "user": user, **fields}


def write(store, *changes, caller="tests", **options):
    return store.write(changes, caller=caller, **options)


def document_of(store, revision=None):
    return write_world(store.directory(revision))


def same_facts(one, other):
    """Whether two directories would answer every question alike."""
    return (one.kinds, one.links, one.marks, one.levels) == (
        other.kinds,
        other.links,
        other.marks,
        other.levels,
    )


@contextmanager
def administering(address):
    """A connection with which a test does behind the store's back what it must survive."""
    engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


_TABLES = ("head", "facts", "history", "log")
_BACKUPS = count()


def back_up(address):
    """A name under which all tables can be brought back as they are now."""
    name = f"backup_{next(_BACKUPS)}"
    with administering(address) as connection:
        for table in _TABLES:
            connection.exec_driver_sql(
                f"CREATE TABLE {name}_{table} AS SELECT * FROM watershed_{table}"
            )
    return name


def restore(address, name):
    """Bring back all tables, as whoever restores a backup would."""
    with administering(address) as connection:
        for table in _TABLES:
            connection.exec_driver_sql(f"DELETE FROM watershed_{table}")
            connection.exec_driver_sql(
                f"INSERT INTO watershed_{table} SELECT * FROM {name}_{table}"
            )
