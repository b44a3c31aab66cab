"""A server whose facts change ten times a second: its decisions, and how soon every worker knows.

One server with its workers, all on this machine, as `watershed serve` starts it on a world of the
generator. Decisions are asked one after the other on one connection, first while nothing changes,
then while ten changes a second are written; each change is timed until every worker answers from it
(eight connections, so that each worker has one).

    python benchmarks/changes.py M
    python benchmarks/changes.py XL --seconds 60 --database postgresql://…
"""

import sys

sys.path.pop(0)  # this folder, in which http.py would be taken for Python's own `http`

import argparse
import json
import multiprocessing
import os
import re
import signal
import subprocess
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 8
JSON = {"Content-Type": "application/json"}


def ask(line: HTTPConnection, method: str, path: str, body: object = None) -> dict:
    """The answer of the server; it must be one."""
    line.request(method, path, None if body is None else json.dumps(body), JSON)
    answer = line.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
    return json.loads(content)


class Server:
    """`watershed serve` on a world, in a process of its own."""

    def __init__(self, world: Path, database: str, workers: int, **variables: str):
        inherited = {k: v for k, v in os.environ.items() if "WATERSHED" not in k}
        # A worker that reads a large world anew may take longer than facts may otherwise be old.
        own = {"WATERSHED_DATABASE": database, "WATERSHED_FACTS_AGE_SECONDS": "600", **variables}
        command = [sys.executable, "-m", "service", "serve", "--port", "0"]
        command += ["--world", str(world), "--workers", str(workers)]
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**inherited, **own}, stdout=subprocess.PIPE, text=True
        )
        found = re.search(r"http://(.+):(\d+)", self.process.stdout.readline())
        self.seconds = time.perf_counter() - begin
        self.address = (found[1], int(found[2]))

    def memory_mib(self) -> list[float]:
        """What each process adds to the memory in use, shared pages counted in shares."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [_proportional_mib(int(pid)) for pid in (own, *children)]

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def _proportional_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def connect(address: tuple[str, int]) -> HTTPConnection:
    return HTTPConnection(*address, timeout=120)


def decisions(address: tuple[str, int], question: dict, seconds: float) -> list[float]:
    """Milliseconds of each decision, asked one after the other."""
    line, spent, end = connect(address), [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        ask(line, "POST", "/authorize", question)
        spent.append((time.perf_counter() - begin) * 1000)
    return spent


def changes(
    address: tuple[str, int], question: dict, rate: float, seconds: float
) -> list[tuple[float, float]]:
    """(milliseconds of the write, milliseconds until all workers answered from it) of each."""
    writer, readers = connect(address), [connect(address) for _ in range(CONNECTIONS)]
    times, number, end = [], 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        number += 1
        user = {"op": "put_user", "user": f"bench-{number % 50}", "name": str(number)}
        user["memberships"] = {question["resource"]["id"]: "agent"}
        revision = ask(writer, "POST", "/changes", {"changes": [user]})["revision"]
        written = time.perf_counter()
        for reader in readers:
            while ask(reader, "POST", "/authorize", question)["context"]["revision"] < revision:
                time.sleep(0.002)
        seen = time.perf_counter()
        times.append(((written - begin) * 1000, (seen - written) * 1000))
        time.sleep(max(0.0, 1 / rate - (time.perf_counter() - begin)))
    return times


def told(name: str, times: list[float]) -> None:
    cuts = quantiles(times, n=100, method="inclusive")
    figures = f"median {median(times):.1f}, 95th {cuts[94]:.1f}, 99th {cuts[98]:.1f} ms"
    print(f"{name:44}{figures}, {len(times)} of them", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("size", choices=["S", "M", "L", "XL"])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=10, help="changes a second")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", help="by default a new SQLite file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world.json"
        generate = [sys.executable, ROOT / "fixtures" / "generate.py", options.size]
        subprocess.run([*generate, "--output", world], check=True, stdout=subprocess.DEVNULL)
        document = json.loads(world.read_bytes())
        user, entry = next(
            (user, entry) for user, entry in document["users"].items() if entry["memberships"]
        )
        place = next(iter(entry["memberships"]))
        question = {
            "subject": {"type": "user", "id": user},
            "action": {"name": "view"},
            "resource": {"type": "organization", "id": place},
            "context": {"organization": place},
        }
        del document
        database = options.database or f"sqlite:///{folder}/facts.db"
        for what in ("first start, which seeds the database", "second start"):
            with Server(world, database, options.workers) as server:
                memory = ", ".join(f"{each:.0f}" for each in server.memory_mib())
                print(f"{what}: {server.seconds:.1f} s; master and workers: {memory} MiB")
                if what == "second start":
                    measure(server, question, options)


def measure(server: Server, question: dict, options: argparse.Namespace) -> None:
    asked = (server.address, question, options.seconds)
    told("decisions while nothing changes", decisions(*asked))
    with multiprocessing.Pool(1) as pool:  # so that writing costs the one who asks nothing
        made = (server.address, question, options.rate, options.seconds)
        writing = pool.apply_async(changes, made)
        told("decisions while facts change", decisions(*asked))
        written = writing.get()
    told("a write", [write for write, _ in written])
    told("from the answer until every worker has it", [seen for _, seen in written])
    memory = ", ".join(f"{each:.0f}" for each in server.memory_mib())
    print(f"afterwards, master and workers: {memory} MiB")


if __name__ == "__main__":
    main()
