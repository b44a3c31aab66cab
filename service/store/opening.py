"""A store at an address: SQLite for a file, PostgreSQL for a server; migrated, ready for use."""

from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa

from service.domain.schema import Schema
from service.errors import UnusableStore
from service.store.database import Database
from service.store.migration import migrate
from service.store.postgresql import PostgreSQL
from service.store.protocol import Held
from service.store.sql_store import SqlStore
from service.store.sqlite import SQLite

_FORMS = "`sqlite:///path/to/file.db` or `postgresql://user:password@host:5432/database`"


def open_store(address: str, schema: Schema, levels: int, held: Held | None = None) -> SqlStore:
    """The store at `address`, made there if a SQLite file does not exist yet.

    `held` is what another process, such as the one that forked this one, has read of it.

    Raises:
        UnusableStore: the address is of no known form, or nothing can be kept there.
        NewerStore: a newer version has been there.
        StoreUnavailable: nobody answers there.
    """
    database = database_at(address)
    with ExitStack() as failed:
        failed.callback(database.close)
        migrate(database)
        failed.pop_all()
    return SqlStore(database, schema, levels, held)


def database_at(address: str) -> Database:
    """The database at `address` as it is, not migrated. Raises what open_store does."""
    # INVARIANT (no secrets): of an address that is not understood nothing is repeated, because
    # nobody knows which part of it is the password.
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in ("sqlite", "postgresql", "postgres"):
        raise UnusableStore(f"the address of the store is not of the form {_FORMS}")
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2 or "?" in rest:
            raise UnusableStore(
                "the address of a file is `sqlite:///relative` or `sqlite:////absolute`"
            )
        return SQLite(Path(rest[1:]))
    if rest.partition("/")[0].count("@") > 1:
        raise UnusableStore("the password in the address of the store holds `@`; write it `%40`")
    try:
        url = sa.make_url(f"postgresql://{rest}")
    except (sa.exc.ArgumentError, ValueError):
        raise UnusableStore(f"the address of the store is not of the form {_FORMS}") from None
    return PostgreSQL(url)
