"""A PostgreSQL server of the tests' own: made in a temporary folder, killed and started at will."""

import atexit
import ctypes
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psycopg

PASSWORD = "swordfish"  # looked for in everything that is printed
USER = "watershed"


_MADE: list[str] = []


def binaries() -> Path | None:
    """The folder of the newest installed server, or None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    found = shutil.which("postgres")
    return debian[-1].parent if debian else Path(found).parent if found else None


def _version(path: Path) -> int:
    return int(path.parts[-3])


class Server:
    """One server at a port of 127.0.0.1, with a password for its only user."""

    def __init__(self, durable: bool = True):
        self._bin = binaries()
        # The server refuses to run as root; its folder is then that of a user without rights.
        self._user = "nobody" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="watershed-postgresql-"))
        self.port = _free_port()
        self._process: subprocess.Popen | None = None
        self._made = 0
        self._durable = [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        if self._user:
            person = pwd.getpwnam(self._user)
            os.chown(self._folder, person.pw_uid, person.pw_gid)
        if not _MADE:
            _MADE.append(self._initialized())
        subprocess.run(["cp", "-a", _MADE[0], self._data], check=True)
        self.start()

    def _initialized(self) -> str:
        """A folder of data that has not been started yet; made once a process, and copied."""
        folder = tempfile.mkdtemp(prefix="watershed-postgresql-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        password = Path(folder) / "password"
        password.write_text(PASSWORD)
        for path in (folder, password):
            os.chown(path, self._folder.stat().st_uid, self._folder.stat().st_gid)
        data = f"{folder}/data"
        self._run(
            "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "-E", "UTF8",
            "--locale=C.UTF-8", "--pwfile", str(password), "--no-sync",
        )  # fmt: skip
        return data

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._rights())

    def _rights(self) -> dict:
        return {"user": self._user, "group": "nogroup"} if self._user else {}

    def start(self, largest_file_bytes: int | None = None) -> float:
        """Start the server; the seconds until it answers.

        A file that would grow beyond the given size cannot, as if the disk were full.
        """
        begin = time.monotonic()
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", self._data, "-p", str(self.port),
                 "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                 "-c", "max_connections=60", "-c", "shared_buffers=64MB", *self._durable],
                stdout=log, stderr=log, cwd="/", start_new_session=True,
                preexec_fn=partial(_prepare, largest_file_bytes), **self._rights(),
            )  # fmt: skip
        while True:
            try:
                psycopg.connect(self._dsn("postgres"), connect_timeout=2).close()
                return time.monotonic() - begin
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() - begin > 60:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server and every process of it, as a crash of the machine's memory would."""
        family = self._signal(signal.SIGKILL)
        self._process.wait()
        while any(Path(f"/proc/{process}").exists() for process in family):
            time.sleep(0.005)

    def pause(self) -> None:
        """Let every process of it hang: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> list[int]:
        family = [self._process.pid, *_children(self._process.pid)]
        for process in family:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return family

    def stop(self) -> None:
        """End it for good."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _dsn(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of an administrator, each statement by itself."""
        return psycopg.connect(self._dsn(database), autocommit=True)

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = self._new_name()
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._dsn(name)

    def new_schema(self) -> str:
        """The address of a new, empty part of one database: as good for most, and quicker."""
        name = self._new_name()
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self._dsn('postgres')}?options=-csearch_path%3D{name}"

    def _new_name(self) -> str:
        self._made += 1
        return f"made_{self._made}"


_LIBC = ctypes.CDLL(None)
_SIGNAL_AT_PARENTS_DEATH = 1  # of prctl


def _prepare(largest_file_bytes: int | None) -> None:
    """Called in the server's process before the server: it ends with whoever started it."""
    _LIBC.prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGQUIT)
    if largest_file_bytes is not None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, hard))


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text().rpartition(")")[2].split()
        except OSError:  # gone in the meantime
            continue
        if int(state[1]) == parent:
            found.append(int(path.parent.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
