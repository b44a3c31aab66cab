"""SQLite: one file, no set-up, every process of one machine."""

import os
import sqlite3
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import sqlalchemy as sa

from service.errors import UnusableStore
from service.store.database import WAIT_SECONDS, WRITES, Row, spoken

LOOK_SECONDS = 0.05
"""How often the file is looked at. A look reads a few bytes of memory that processes share."""

_WAL_LIMIT_BYTES = 64 * 2**20
_NETWORK = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs", "afs", "lustre")


class SQLite:
    """A file in write-ahead mode: readers never wait, a commit is on the disk when it returns."""

    def __init__(self, path: Path):
        _check_place(path)
        self._path = path
        self._watch: sqlite3.Connection | None = None
        self._watched: _File = None
        self._version: int | None = None
        self._awaiting = threading.Lock()
        self._closed = False
        with spoken():
            _connect(path, "rwc").close()  # it is made now, and never later by mistake
        self.engine = sa.create_engine(
            "sqlite://",
            creator=partial(_connect, path, "rw"),
            poolclass=sa.QueuePool,
            hide_parameters=True,
        )
        sa.event.listen(self.engine, "connect", self._connected)
        sa.event.listen(self.engine, "checkout", self._checked_out)
        sa.event.listen(self.engine, "begin", _begin)
        with spoken(), self.engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal":
            raise UnusableStore(
                f"`{path}` cannot be written in the way that survives a crash (journal mode {mode})"
            )

    def _connected(self, connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = _identity(self._path)

    def _checked_out(self, connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        # Whoever puts another file in the place of this one leaves its connections with a file
        # that nobody sees any more.
        if record.info["file"] != _identity(self._path):
            raise sa.exc.DisconnectionError

    def lock_schema(self, connection: sa.Connection) -> None:
        """Nothing to do: a transaction that writes has locked the file from its beginning."""

    def staged(self, rows: list[Row]) -> sa.FromClause:
        each = sa.func.json_each(orjson.dumps(rows).decode()).table_valued("value")
        columns = enumerate(("kind", "id", "document"))
        return sa.select(
            *(sa.func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in columns)
        ).subquery()

    def announce(self, connection: sa.Connection, revision: int) -> None:
        """Nothing to do: the file's own version tells of every commit."""

    def await_hint(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._awaiting:
            while not self._changed():
                rest = deadline - time.monotonic()
                if rest <= 0 or self._closed:
                    return
                time.sleep(min(LOOK_SECONDS, rest))

    def _changed(self) -> bool:
        """Whether any connection has committed something since this was last asked."""
        before = self._version
        try:
            if self._watched != _identity(self._path):
                self._unwatch()
            if self._watch is None:
                # A connection that never writes: the number leaves out what its own commits do.
                self._watch = _connect(self._path, "rw")
                self._watched = _identity(self._path)
            self._version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:  # only a hint; who asks for the facts will be told
            self._unwatch()
        return self._version is not None and self._version != before

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = self._version = None

    def settle(self) -> None:
        # Only tidying up: what was written is written, and a later commit does this, too.
        with suppress(sa.exc.DBAPIError), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._closed = True
        with self._awaiting:
            self._unwatch()
        self.engine.dispose()


_File = tuple[int, int] | None


def _identity(path: Path) -> _File:
    """Which file stands at the path now; None if none does."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=WAIT_SECONDS,
        isolation_level=None,  # transactions begin as `_begin` says, not as Python guesses
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _begin(connection: sa.Connection) -> None:
    # A transaction that begins by reading and then writes fails when another wrote in between.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_place(path: Path) -> None:
    """Refuse what can be foreseen to fail later, or to lose what was written."""
    folder = path.parent
    if not folder.is_dir():
        raise UnusableStore(f"`{folder}` is no folder; make it, or name another file")
    if path.is_dir():
        raise UnusableStore(f"`{path}` is a folder; name a file")
    # Beside the file SQLite keeps two more, so the folder must be writable, too.
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UnusableStore(f"`{path}` cannot be written by this user")
    kind = _file_system(folder)
    if kind.startswith(_NETWORK):
        raise UnusableStore(
            f"`{path}` lies on a network file system ({kind}), where SQLite's locks do not hold; "
            "use a local disk, or PostgreSQL"
        )


def _file_system(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that a folder lies on; empty where the system does not say."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
