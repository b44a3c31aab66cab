"""The process: how it starts, where it listens, what it survives, how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving import BRAND, GOOD, ROOT, START_SECONDS, command, environment, heard, serving

from service import wsgi
from service.errors import ConfigurationError


def starts(*arguments, **variables):
    return subprocess.run(
        arguments, env=environment(**variables), capture_output=True, text=True, timeout=60
    )


def test_a_port_in_use_is_one_line_and_status_1(server):
    refused = starts(*command(port=server.port))

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert f"127.0.0.1:{server.port}" in line and "in use" in line
    assert refused.stdout == ""


def test_a_host_that_is_not_here_is_one_line_and_status_1():
    for host in ("203.0.113.1", "no such host", "a..b"):
        refused = starts(*command(), "--host", host)

        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1


def test_the_announced_address_answers_at_once(server):
    assert server.port > 0
    assert server.decides()


TELL_WHERE_ENGINES_ARE_BUILT = """
import os
from service.policy.engine import Engine
build = Engine.__init__
def tell(self, policies):
    print("engine in", os.getpid(), flush=True)
    build(self, policies)
Engine.__init__ = tell
from service.cli import main
main()
"""


def test_the_law_is_compiled_in_workers_and_never_where_they_are_forked():
    process = subprocess.Popen(
        [sys.executable, "-c", TELL_WHERE_ENGINES_ARE_BUILT, *command()[3:]],
        env=environment(WATERSHED_WORKERS="2"),
        stdout=subprocess.PIPE,
        text=True,
    )
    builders = set()
    while len(builders) < 2 and (line := process.stdout.readline()):
        if line.startswith("engine in"):
            builders.add(int(line.split()[-1]))
    process.terminate()
    process.communicate(timeout=START_SECONDS)

    assert len(builders) == 2
    assert process.pid not in builders


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
def test_a_worker_that_dies_is_replaced():
    with serving(WATERSHED_WORKERS="1") as server:
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while server.workers() in ([], [worker]) and time.monotonic() < deadline:
            time.sleep(0.05)

        assert server.decides()


def test_sigterm_answers_what_was_asked_and_then_stops():
    with serving(WATERSHED_WORKERS="1") as server:
        with server.line() as line:
            line.sendall(
                b"POST /authorize HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            )
            line.sendall(b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:20])
            time.sleep(0.5)
            server.process.terminate()
            time.sleep(0.5)
            line.sendall(GOOD[20:])

            assert heard(line).status == 200
        assert server.process.wait(30) == 0
        with pytest.raises(OSError):
            server.line().close()


def test_nothing_is_left_behind_in_the_home_folder(tmp_path):
    with serving(HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path), WATERSHED_WORKERS="1"):
        assert [] == list(tmp_path.iterdir())


# Under another server


def test_importing_the_wsgi_module_builds_nothing():
    assert "app" not in vars(wsgi)


def test_the_wsgi_application_needs_a_world(monkeypatch):
    for name in [name for name in os.environ if name.startswith("WATERSHED_")]:
        monkeypatch.delenv(name)

    with pytest.raises(ConfigurationError, match="WATERSHED_WORLD"):
        wsgi.build()


def test_the_wsgi_application_decides_under_plain_gunicorn(tmp_path):
    address = tmp_path / "socket"
    arguments = ["--bind", f"unix:{address}", "--no-control-socket", "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments, "service.wsgi:app"],
        env=environment(WATERSHED_WORLD=str(BRAND)),
        cwd=ROOT,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not address.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(START_SECONDS)
            line.connect(str(address))
            line.sendall(
                b"POST /authorize HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            )
            line.sendall(b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD)

            assert heard(line).body.startswith(b'{"decision":true,')
    finally:
        process.terminate()
        process.wait(START_SECONDS)
