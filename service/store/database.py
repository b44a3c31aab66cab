"""What differs between the two databases, and how either's errors are told."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa

from service.errors import StoreUnavailable, UnusableStore

WRITES = "watershed_writes"
"""The option of a connection whose transaction will write; others only read, from one snapshot."""

WAIT_SECONDS = 10
"""How long a write waits for the writes before it."""


Row = tuple[str, str, str]
"""The kind and the id of an entity, and how its record is spelled."""


class Database(Protocol):
    """One database: its connections, its hints, and how many rows are given to it at once."""

    engine: sa.Engine

    def lock_schema(self, connection: sa.Connection) -> None:
        """Keep every other process from migrating until this transaction ends."""
        ...

    def staged(self, rows: list[Row]) -> sa.FromClause:
        """The rows as something with the columns kind, id and document, in a few parameters."""
        ...

    def announce(self, connection: sa.Connection, revision: int) -> None:
        """Have the commit of this transaction wake those who await a hint."""
        ...

    def await_hint(self, seconds: float) -> None: ...

    def settle(self) -> None:
        """After a large write: give back what it needed."""
        ...

    def close(self) -> None: ...


@contextmanager
def reading(database: Database) -> Iterator[sa.Connection]:
    """A transaction that reads one snapshot of the database."""
    with spoken(), database.engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(database: Database) -> Iterator[sa.Connection]:
    """A transaction that may write; whole or not at all."""
    with spoken(), database.engine.connect() as connection:
        connection.execution_options(**{WRITES: True}, preserve_rowcount=True)
        transaction = connection.begin()
        with transaction:
            yield connection
            with spoken(outcome_unknown=connection.dialect.name != "sqlite"):
                transaction.commit()


@contextmanager
def spoken(outcome_unknown: bool = False) -> Iterator[None]:
    """Tell a database's failure without its statement, its parameters or its address.

    INVARIANT (no secrets): those hold facts about people, and credentials.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = _reason(error.orig)
        if isinstance(error, _PASSING):
            raise StoreUnavailable(reason, outcome_unknown) from None
        raise UnusableStore(f"the database refuses: {reason}") from None
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(_reason(error)) from None
    except sqlite3.Error as error:
        raise UnusableStore(f"the database refuses: {_reason(error)}") from None
    except sa.exc.TimeoutError:
        raise StoreUnavailable("all of its connections are in use") from None
    except sa.exc.SQLAlchemyError as error:
        raise UnusableStore(f"the database is not as expected ({type(error).__name__})") from None


_PASSING = (sa.exc.OperationalError, sa.exc.InternalError, sa.exc.InterfaceError)
"""What may be over the next time: the server is away, a disk is full, a lock is held."""


def _reason(error: BaseException | None) -> str:
    """One line of what the driver says, from which nothing but the situation can be learnt."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if primary:
        return primary
    state = getattr(error, "sqlstate", None)
    if state:
        return f"SQLSTATE {state}"
    if type(error).__module__.startswith("psycopg"):
        return _reason_of_libpq(str(error))
    return (str(error).splitlines() or [type(error).__name__])[0]


def _reason_of_libpq(text: str) -> str:
    """What the server says, or one of the phrases that name no address."""
    if said := re.search(r"FATAL:\s+(.+)", text):
        return said[1]
    return next((phrase for phrase in _PHRASES if phrase in text), "the connection failed")


_PHRASES = (
    "terminating connection due to idle-in-transaction timeout",
    "terminating connection due to administrator command",
    "Connection refused",
    "timeout expired",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "No route to host",
    "server closed the connection unexpectedly",
    "session is read-only",
    "invalid integer value",
)
