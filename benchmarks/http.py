"""How much one core answers over HTTP, beside the peers that the registries offer.

Each server runs on one core and the driver, wrk, on another. All are asked the same questions about
conversations of the same generated world, and every answer is checked before anything is timed.
Beside them stand applications that decide nothing: what they answer is what the machine can carry.
Requests a second vary with whatever else the machine does; processor time a request varies less.

    python benchmarks/http.py --setup      # once: the peers, from npm; wrk comes from the system
    python benchmarks/http.py              # all servers side by side
    python benchmarks/http.py --slow       # with and without 200 slow clients
"""

import sys

sys.path.pop(0)  # this folder, in which this file would be taken for Python's own `http`

import argparse
import json
import os
import platform
import random
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.http_peers import SERVERS, Question, Server, install  # noqa: E402
from benchmarks.http_tables import Load, judge, report  # noqa: E402
from fixtures import generate, traffic  # noqa: E402

SERVER_CORE, DRIVER_CORE = 0, 1
SINGLE_QUESTIONS, BATCHES = 2_000, 20
SLOW_CLIENTS = 200
START_SECONDS = 120


LOADS = (Load(1, 1), Load(1, 16), Load(100, 1), Load(100, 16), Load(1000, 1), Load(1000, 16))


# Questions


def read_questions(world: dict[str, Any]) -> Iterator[Question]:
    """Questions about conversations in the mix of a working day, without end."""
    for seed in range(10**6):
        for request in traffic.requests(world, 1_000, seed):
            if request["resource"]["type"] == "conversation":
                yield question(world, request)


def batches(world: dict[str, Any], items: int, rng: random.Random) -> Iterator[list[Question]]:
    """Batches by one user each, about conversations in and around the organization he acts for."""
    street = traffic.Street(world, rng)
    while True:
        seat = rng.choice(street.below_platform)
        above = street.parent[seat.organization]
        near = [seat.organization, *street.children[seat.organization], *street.children[above]]
        batch = []
        for number in range(items):
            organization = rng.choice(near)
            owned = {"organization": organization, "channel": f"{organization}.1"}
            request = seat.asks("read", "conversation", f"c{number}", resource=owned)
            batch.append(question(world, request))
        yield batch


def question(world: dict[str, Any], request: dict[str, Any]) -> Question:
    """The request with the facts that peers must be told."""
    user = request["subject"]["id"]
    known = world["users"][user]
    acts_for = request.get("context", {}).get("organization") or known.get("selected")
    acts_for = acts_for or next(iter(known["memberships"]))
    path = [request["resource"]["properties"]["organization"]]
    while parent := world["organizations"][path[0]].get("parent"):
        path.insert(0, parent)
    return Question(
        user,
        known["memberships"][acts_for],
        acts_for,
        request["action"]["name"],
        request["resource"]["id"],
        tuple(path),
        request,
    )


def ask_for(world: dict[str, Any], items: int) -> list[list[Question]]:
    if items == 1:
        endless = read_questions(world)
        return [[next(endless)] for _ in range(SINGLE_QUESTIONS)]
    drawn = batches(world, items, random.Random(items))
    return [next(drawn) for _ in range(BATCHES)]


# Servers


@contextmanager
def running(server: Server, folder: Path) -> Iterator[tuple[int, int]]:
    """The server on its core, for as long as the block runs; gives its port and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("WATERSHED_")}
    variables |= {"PYTHONPATH": str(HERE.parent), "WATERSHED_WORKERS": "1", "GOMAXPROCS": "1"}
    log = folder / "log"
    with log.open("wb") as complaints:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *server.command(port, folder)],
            env=variables,
            stdout=complaints,
            stderr=complaints,
        )
    try:
        wait_until_open(port, process)
        yield port, process.pid
    except SystemExit:
        print(log.read_text()[-2000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait()


def wait_until_open(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # Listening is not enough: the port may be open before anybody answers.
            connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
            connection.request("GET", "/health/live")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not start")


def verdicts(server: Server, port: int, asked: list[list[Question]]) -> list[list[bool]]:
    """What the server answers to everything, once."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    path = server.path if len(asked[0]) == 1 else server.batch_path
    given = []
    for questions in asked:
        body = json.dumps(server.spell(questions))
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{server.name} answered {answer.status}: {text[:500]!r}")
        given.append(server.understand(json.loads(text)))
    return given


def drive(
    where: tuple[int, int], path: str, bodies: Path, connections: int, seconds: float
) -> dict[str, Any]:
    """What wrk found at this port, and what the server's processes took for it."""
    port, process = where
    command = ["taskset", "-c", str(DRIVER_CORE), "wrk", "-t1", f"-c{connections}"]
    command += [f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "rotate.lua")]
    command += [f"http://127.0.0.1:{port}", "--", path, str(bodies)]
    before = processor_seconds(process)
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    taken = processor_seconds(process) - before
    result = json.loads(re.search("^RESULT (.*)$", said, re.MULTILINE)[1])
    if result["errors"]:
        sys.exit(f"{result['errors']} of {result['requests']} requests failed")
    result["per_second"] = result["requests"] / result["seconds"]
    result["processor_us"] = taken / max(result["requests"], 1) * 1e6
    return result


def processor_seconds(master: int) -> float:
    """What a process and its children have taken of any processor, since they began."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended by now
            fields = stat.read_text().rpartition(")")[2].split()
            if master in (int(stat.parent.name), int(fields[1])):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# Measuring


def compare(options: argparse.Namespace, world: dict[str, Any], folder: Path) -> None:
    loads = [load for load in LOADS if load.items in options.items]
    asked = {items: ask_for(world, items) for items in options.items}
    expected: dict[int, list[list[bool]]] = {}
    results: dict[tuple[str, Load], list[dict[str, Any]]] = {}
    servers = [each for each in SERVERS if each.installed and each.name in options.servers]
    for left_out in (each.name for each in SERVERS if not each.installed):
        print(f"{left_out} is not installed: see --setup")
    for _ in range(options.rounds):
        for server in servers:
            with running(server, folder) as where:
                for items, questions in asked.items():
                    if items > server.most_items:
                        continue
                    given = verdicts(server, where[0], questions)
                    # The first server is this one; whoever differs was asked something else.
                    if server.decides and given != expected.setdefault(items, given):
                        sys.exit(f"{server.name} decides otherwise")
                    bodies = folder / "bodies"
                    spelled = (json.dumps(server.spell(each)) for each in questions)
                    bodies.write_text("\n".join(spelled) + "\n")
                    path = server.path if items == 1 else server.batch_path
                    drive(where, path, bodies, 16, 1)
                    for load in (load for load in loads if load.items == items):
                        taken = drive(where, path, bodies, load.connections, options.seconds)
                        results.setdefault((server.name, load), []).append(taken)
    found = {
        load: report(load, [(each.name, results.get((each.name, load))) for each in servers])
        for load in loads
    }
    judge(found)


# Slow clients


def endure(options: argparse.Namespace, world: dict[str, Any], folder: Path) -> None:
    """The latency of good clients alone, and beside slow ones that never end a request."""
    watershed = SERVERS[0]
    bodies = folder / "bodies"
    asked = ask_for(world, 1)
    bodies.write_text("\n".join(json.dumps(watershed.spell(each)) for each in asked) + "\n")
    alone, beside = [], []
    with running(watershed, folder) as where:
        verdicts(watershed, where[0], asked)
        drive(where, watershed.path, bodies, 16, 1)
        for _ in range(options.rounds):
            alone.append(drive(where, watershed.path, bodies, 16, options.seconds))
            with slow_clients(where[0]):
                beside.append(drive(where, watershed.path, bodies, 16, options.seconds))
    print(f"\none decision, 16 connections, {SLOW_CLIENTS} slow clients")
    for what, rounds in (("alone", alone), ("beside them", beside)):
        p99 = statistics.median(each["p99_ms"] for each in rounds)
        rate = statistics.median(each["per_second"] for each in rounds)
        print(f"  {what:14}{rate:12,.0f} requests/s{p99:9.2f} ms p99")


@contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """Half of them say half a request and fall silent; half send a byte ten times a second."""
    head = b"POST /authorize HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(SLOW_CLIENTS)
        ]
        for number, line in enumerate(lines[::2]):
            line.sendall(head if number % 2 else head + b"Content-Length: 500\r\n\r\n{")
        for number, line in enumerate(lines[1::2]):
            line.sendall(head if number % 2 else head + b"Content-Length: 5000\r\n\r\n")
        ended = threading.Event()

        def trickle() -> None:
            while not ended.wait(0.1):
                for line in lines[1::2]:
                    with suppress(OSError):  # refused by now, for being too slow
                        line.send(b"x", socket.MSG_DONTWAIT)

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--setup", action="store_true", help="install the peers, and end")
    parser.add_argument("--slow", action="store_true", help="measure beside slow clients")
    parser.add_argument("--profile", default="L", help="of the world: S, M, L, XL (default L)")
    parser.add_argument("--seconds", type=int, default=4, help="that each load lasts")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is told")
    parser.add_argument("--items", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--servers", nargs="+", default=[each.name for each in SERVERS])
    options = parser.parse_args()
    if options.setup:
        install()
        return
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: it is a package of the system, `apt-get install wrk`")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"gunicorn {version('gunicorn')}, world {options.profile}; server on core {SERVER_CORE}, "
        f"wrk on core {DRIVER_CORE}\npython {' '.join(sys.argv)}"
    )
    world = generate.world(options.profile)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "world.json").write_text(json.dumps(world))
        (endure if options.slow else compare)(options, world, folder)


if __name__ == "__main__":
    main()
