"""What WATERSHED_HUGE_PAGES buys: two servers of one database, one with it and one without.

Both are asked the same batches over one connection each, in turns, so that a machine that is slower
for a while is slower for both. The batches hold the mix of a working day and come once each: no
question is answered from what the one before has left in the processor's caches.

    python benchmarks/huge_pages.py L XL
    python benchmarks/huge_pages.py XL --batches 300
"""

import sys

sys.path.pop(0)  # this folder, in which http.py would be taken for Python's own `http`

import argparse
import json
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.changes import JSON, Server, connect
from fixtures import generate, traffic

WAYS = {"huge pages": "true", "pages of 4 KiB": "false"}
ITEMS = 1_000
UNTIMED = 10
"""Batches with which both servers warm up."""


def compare(profile: str, batches: int, folder: Path) -> None:
    world = generate.world(profile)
    document, database = folder / "world.json", f"sqlite:///{folder / 'facts.db'}"
    document.write_text(json.dumps(world))
    drawn = (list(traffic.requests(world, ITEMS, seed)) for seed in range(UNTIMED + batches))
    bodies = [json.dumps({"evaluations": batch}).encode() for batch in drawn]
    del world
    # A server that has read the document holds more memory than one that finds the facts stored.
    with Server(document, database, workers=1):
        pass
    spent: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(Server(document, database, 1, WATERSHED_HUGE_PAGES=told))
            for name, told in WAYS.items()
        }
        lines = {name: connect(server.address) for name, server in servers.items()}
        for number, body in enumerate(bodies):
            # Each goes first as often as the other.
            verdicts = []
            for name in sorted(servers, reverse=number % 2 == 1):
                milliseconds, said = decide(lines[name], body)
                verdicts.append(said)
                if number >= UNTIMED:
                    spent.setdefault(name, []).append(milliseconds)
            if verdicts[0] != verdicts[1]:
                sys.exit("the two decide otherwise")
        memory = {name: sum(server.memory_mib()) for name, server in servers.items()}
    print(
        f"\n{f'{profile}, {batches} batches of {ITEMS:,}':28}{'median ms':>10}{'p90':>8}{'MiB':>8}"
    )
    for name, each in spent.items():
        p90 = quantiles(each, n=10, method="inclusive")[-1]
        print(f"{name:28}{median(each):10.2f}{p90:8.2f}{memory[name]:8.0f}")
    share = median(one / other for one, other in zip(*map(spent.get, WAYS), strict=True))
    print(f"{' / '.join(WAYS)}: {share:.2f}")


def decide(line: HTTPConnection, body: bytes) -> tuple[float, list[bool]]:
    """Milliseconds until all of the answer was there, and its verdicts."""
    begin = time.perf_counter()
    line.request("POST", "/access/v1/evaluations", body, JSON)
    answer = line.getresponse()
    content = answer.read()
    milliseconds = (time.perf_counter() - begin) * 1e3
    if answer.status != 200:
        sys.exit(f"{answer.status} {content[:300]!r}")
    return milliseconds, [each["decision"] for each in json.loads(content)["evaluations"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["L", "XL"], help="S, M, L, XL")
    parser.add_argument("--batches", type=int, default=100, help="that are timed (default: 100)")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}\npython {' '.join(sys.argv)}"
    )
    for profile in options.profiles:
        with tempfile.TemporaryDirectory() as name:
            compare(profile, options.batches, Path(name))


if __name__ == "__main__":
    main()
