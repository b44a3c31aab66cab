"""PostgreSQL: one server, any number of nodes."""

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from service.store.database import WAIT_SECONDS, WRITES, Row

CHANNEL = "watershed_revision"
_SCHEMA_LOCK = 0x57_41_54_45_52  # any number that no other program of this database uses
_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 3.0

_PARAMETERS = {
    "connect_timeout": 5,
    "application_name": "watershed",
    # Of several hosts the one that can be written: a replica may be behind what was acknowledged.
    "target_session_attrs": "read-write",
    # A peer that vanished without a word is noticed within some ten seconds.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SETTINGS = {
    "lock_timeout": f"{WAIT_SECONDS}s",
    "statement_timeout": "60s",
    # A writer that stands still in the middle must not keep the lock for ever.
    "idle_in_transaction_session_timeout": "300s",
}


class PostgreSQL:
    """Connections for questions and writes, and one more that listens."""

    def __init__(self, url: sa.URL):
        given = {**_PARAMETERS, **url.query}
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        given["options"] = f"{settings} {url.query.get('options', '')}".strip()
        url = url.set(drivername="postgresql+psycopg", query={})
        # Prepared statements outlive a transaction, which poolers between here and there forbid.
        given["prepare_threshold"] = None
        self.engine = sa.create_engine(
            url, hide_parameters=True, pool_timeout=5, connect_args=given
        )
        sa.event.listen(self.engine, "connect", _prepare)
        sa.event.listen(self.engine, "checkout", _checked_out)
        sa.event.listen(self.engine, "begin", _begin)
        arguments, parameters = self.engine.dialect.create_connect_args(url)
        self._connect = lambda: psycopg.connect(
            *arguments, **{**parameters, **given}, autocommit=True
        )
        self._listener: psycopg.Connection | None = None
        self._awaiting = threading.Lock()
        self._closed = False

    def lock_schema(self, connection: sa.Connection) -> None:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))

    def staged(self, rows: list[Row]) -> sa.FromClause:
        columns = (sa.literal(list(column), ARRAY(sa.Text)) for column in zip(*rows, strict=True))
        return sa.func.unnest(*columns).table_valued("kind", "id", "document").render_derived()

    def announce(self, connection: sa.Connection, revision: int) -> None:
        # Sent with the commit, and only if it succeeds.
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(revision))))

    def await_hint(self, seconds: float) -> None:
        with self._awaiting:
            if self._closed:
                return
            try:
                if self._listener is None:
                    self._listener = self._connect()
                    self._listener.execute(f"LISTEN {CHANNEL}")
                    return  # whatever was sent before was not heard
                for _ in self._listener.notifies(timeout=seconds, stop_after=1):
                    pass
            except (psycopg.Error, OSError):
                self._unlisten()
                time.sleep(min(seconds, _RETRY_SECONDS))

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = None

    def settle(self) -> None:
        """Nothing to do: the server tidies up by itself."""

    def close(self) -> None:
        self._closed = True
        with self._awaiting:
            self._unlisten()
        self.engine.dispose()


def _prepare(connection: psycopg.Connection, _record) -> None:
    # What was acknowledged must survive a crash of the server, whatever it does for others.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _checked_out(connection: psycopg.Connection, _record: Any, _proxy: Any) -> None:
    """Hand out no connection on which the server does not answer.

    A server that hangs keeps its connections, and its kernel says that all is well; nothing but a
    question that gets no answer tells. Whoever waits for it is then woken by closing the line.
    """
    watch = threading.Timer(_ANSWER_SECONDS, _cut, [connection.fileno()])
    watch.start()
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        raise sa.exc.DisconnectionError from None
    finally:
        watch.cancel()


def _cut(line: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(line)) as end:
        end.shutdown(socket.SHUT_RDWR)


def _begin(connection: sa.Connection) -> None:
    if not connection.get_execution_options().get(WRITES):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
