"""A real server on a free port, and ways to speak to it that no client library has."""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).parent.parent
BRAND = ROOT / "fixtures" / "brand-dealers.world.toml"
KEY = "a-key-of-sixteen-characters-and-more"
START_SECONDS = 60
DOORS = ("asgi", "wsgi")

GOOD = b"""\
{"subject": {"type": "user", "id": "dora"}, "action": {"name": "reply"},
 "resource": {"type": "conversation", "id": "test-drive"}}"""


QUESTION = json.loads(GOOD)
PROBLEM = "application/problem+json"


class Answer(NamedTuple):
    """What came back on a socket."""

    status: int
    headers: dict[str, str]
    body: bytes


def heard(line: socket.socket, method: str = "POST") -> Answer:
    """The next answer on this connection, whole."""
    with closing(HTTPResponse(line, method=method)) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


class Server(NamedTuple):
    """A server that runs: where, and the process that is its master."""

    host: str
    port: int
    process: subprocess.Popen

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, trust_env=False, timeout=30, **options)

    def say(self, *parts: bytes, hang_up: bool = False) -> Answer:
        """Send these bytes as they are, and read one answer."""
        with self.line() as line:
            for part in parts:
                line.sendall(part)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
            return heard(line, parts[0].split(b" ")[0].decode())

    def line(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=30)

    def post(self, body: bytes, *headers: bytes, path: bytes = b"/authorize") -> Answer:
        """POST these bytes as JSON with their length, by hand."""
        return self.say(
            b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" % path,
            *(header + b"\r\n" for header in headers),
            b"Content-Length: %d\r\n\r\n" % len(body) + body,
        )

    def post_in_chunks(self, *chunks: bytes) -> Answer:
        """POST these bytes as JSON, of unknown length."""
        return self.say(
            b"POST /authorize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks),
            b"0\r\n\r\n",
        )

    def workers(self) -> list[int]:
        """The processes that its master has started and that still run."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(process) for process in tasks.read_text().split()]

    def decides(self, *headers: bytes) -> bool:
        """Whether it answers a plain question rightly."""
        answer = self.post(GOOD, *headers)
        return answer.status == 200 and answer.body.startswith(b'{"decision":true,')


def problem_of(answer: Answer | httpx.Response) -> tuple[int, str]:
    """The status and code of the problem document that `answer` must be."""
    if isinstance(answer, httpx.Response):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        answer = Answer(answer.status_code, headers, answer.content)
    assert answer.headers["content-type"] == PROBLEM
    body = json.loads(answer.body)
    assert ["type", "title", "status", "code", "detail"] == list(body)[:5]
    more = {403: {"index", "effect", "decision"}, 409: {"revision"}}.get(answer.status, set())
    assert set(body) - set(list(body)[:5]) <= {"problems", *more}
    assert body["status"] == answer.status
    assert body["detail"]
    return answer.status, body["code"]


_SCRATCH = tempfile.TemporaryDirectory(prefix="watershed-tests-")
_NUMBERS = itertools.count()


def new_database() -> str:
    """The URL of a database that nobody has opened yet; it goes when the tests are over."""
    return f"sqlite:///{_SCRATCH.name}/facts-{next(_NUMBERS)}.db"


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process without any setting, a new database, and these variables."""
    inherited = {name: value for name, value in os.environ.items() if "WATERSHED" not in name}
    own = {"PYTHONPATH": str(ROOT), "WATERSHED_DATABASE": new_database()}
    return {**inherited, **own, **variables}


def command(world: Path = BRAND, port: int = 0) -> list[str]:
    verb = ["serve", "--world", str(world), "--port", str(port)]
    return [sys.executable, "-m", "service", *verb]


def serving(world: Path = BRAND, door: str = "asgi", prelude: str = "", **variables: str):
    """A server of this world and these settings, for as long as the block runs.

    `prelude` is Python that its process runs first, to make something fail that rarely does.
    """
    if door == "wsgi":
        return _serving_threads(world, variables)
    return _serving(world, prelude, variables)


@contextmanager
def _serving(world: Path, prelude: str, variables: dict[str, str]) -> Iterator[Server]:
    """`watershed serve`."""
    words = command(world)
    if prelude:
        start = f"{prelude}\nfrom service.cli import main\nmain()"
        words = [words[0], "-c", start, *words[3:]]
    process = subprocess.Popen(
        words, env=environment(**variables), stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        found = re.match(r"listening on http://(.+):(\d+)$", line)
        assert found, f"the server said {line!r} and did not start"
        yield Server(found[1], int(found[2]), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)
        process.stdout.close()


@contextmanager
def _serving_threads(world: Path, variables: dict[str, str]) -> Iterator[Server]:
    """The Flask application alone, under gunicorn's thread worker."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    options = f"--bind fd://{listener.fileno()} --worker-class gthread --threads 4 --workers 2"
    options += " --keep-alive 75 --limit-request-line 8190 --no-control-socket --log-level warning"
    trust = ["--forwarded-allow-ips", "", "--forwarder-headers", ""]  # nobody's word
    settings = {"WATERSHED_WORLD": str(world), "WATERSHED_PAGE_SECRET": KEY, **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options.split(), *trust, "service.wsgi:app"],
        env=environment(**settings),
        cwd=ROOT,
        pass_fds=[listener.fileno()],
    )
    try:
        yield Server(host, port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)
        listener.close()
