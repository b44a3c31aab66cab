"""What a database costs: starts, writes, and decisions while the facts change.

    python benchmarks/store.py S M L                    # SQLite
    python benchmarks/store.py L --on postgresql
    python benchmarks/store.py XL                       # takes minutes and 4 GiB

For each world, each in a process of its own:
  seed     the world from its file into an empty database
  start    a node reads it from the database: time, memory kept, memory at the peak
  as of    the world one revision ago
  writes   single changes, one after the other, by one writer
  alone    decisions by one thread of a node that follows a database in which nothing happens
  beside   the same while another process writes 10 single changes a second
  seen     how long after the writer's acknowledgement the node decides from the change
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.load_world import peak_mib, resident_mib  # noqa: E402
from service.policy.policy_set import read_policy_set  # noqa: E402

CHANGES_PER_SECOND = 10
WRITES = 500
QUESTIONS = 20_000


def store_at(address: str):
    from service.store.opening import open_store

    return closing(open_store(address, read_policy_set(ROOT / "policies").schema, 3))


def seed(address: str, world: str) -> dict:
    from service.bootstrap import read_directory
    from service.store.protocol import seed

    schema = read_policy_set(ROOT / "policies").schema
    directory = read_directory(Path(world), schema, levels=3)
    with store_at(address) as store:
        begin = time.perf_counter()
        seed(store, lambda: directory)
        return {"seconds": time.perf_counter() - begin, "peak_mib": peak_mib()}


def start(address: str, world: str) -> dict:
    import service.store.opening  # noqa: F401

    before, begin = resident_mib(), time.perf_counter()
    with store_at(address) as store:
        directory = store.newest().directory
        seconds = time.perf_counter() - begin
        return {
            "seconds": seconds,
            "records": len(directory.records),
            "kept_mib": resident_mib() - before,
            "peak_mib": peak_mib(),
        }


def as_of(address: str, world: str) -> dict:
    with store_at(address) as store:
        begin = time.perf_counter()
        store.directory(max(store.revision() - 1, 0))
        return {"seconds": time.perf_counter() - begin}


def a_change(number: int, user: str) -> dict:
    return {"op": "put_user", "user": f"{user}-{number}", "name": f"User {number}"}


def writes(address: str, world: str) -> dict:
    """Figures of single changes by one writer."""
    from benchmarks.measuring import settle

    with store_at(address) as store:
        store.newest()
        settle()
        spent = []
        for number in range(WRITES):
            begin = time.perf_counter()
            store.write([a_change(number, f"w{os.getpid()}")], caller="benchmark")
            spent.append(time.perf_counter() - begin)
    return {"a_second": len(spent) / sum(spent), **spread(spent, 1e3, "ms")}


def spread(spent: list[float], times: float, unit: str) -> dict:
    cuts = quantiles(spent, n=1000, method="inclusive")
    return {
        f"p50_{unit}": median(spent) * times,
        f"p99_{unit}": cuts[989] * times,
        f"p999_{unit}": cuts[998] * times,
        f"most_{unit}": max(spent) * times,
    }


def trickle(address: str, seconds: str) -> dict:
    """Write so many changes a second; when each was acknowledged, by the clock of the machine."""
    from benchmarks.measuring import settle

    with store_at(address) as store:
        store.newest()
        settle()
        acknowledged, end = {}, time.monotonic() + float(seconds)
        print("ready", flush=True)
        number = 0
        while (now := time.monotonic()) < end:
            revision = store.write([a_change(number, f"t{os.getpid()}")], caller="benchmark")[0]
            acknowledged[revision] = time.monotonic()
            number += 1
            time.sleep(max(0.0, 1 / CHANGES_PER_SECOND - (time.monotonic() - now)))
    return acknowledged


def node(address: str, world: str, seconds: str) -> dict:
    """Decide with and without changes; when each revision was first decided from."""
    from benchmarks.measuring import settle
    from benchmarks.questions import draw
    from service.policy.engine import Engine
    from service.policy.pdp import PolicyDecisionPoint
    from service.store.followed import Followed

    policies = read_policy_set(ROOT / "policies")
    document = json.loads(Path(world).read_bytes())
    asked = [each.request for each in draw(document, QUESTIONS, seed=1)]
    del document
    results = {}
    with store_at(address) as store:
        followed = Followed(store, store.newest(), most_age_seconds=30)
        followed.start()
        pdp = PolicyDecisionPoint(Engine(policies), followed)
        for request in asked:
            pdp.decide(request)  # plans grow
        settle()
        for name in ("alone", "beside"):
            spent, first = [], {}
            writer = None
            if name == "beside":
                command = [sys.executable, __file__, "--child", "trickle", address, seconds]
                writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                writer.stdout.readline()
            end = time.monotonic() + float(seconds)
            for request in cycle(asked):
                begin = time.perf_counter()
                revision = pdp.decide(request).revision
                spent.append(time.perf_counter() - begin)
                if revision not in first:
                    first[revision] = time.monotonic()
                if len(spent) % 100 == 0:
                    time.sleep(0.0005)  # as a server does, which waits for requests
                    if writer is not None and writer.poll() is None:
                        end = time.monotonic() + 1  # the last change must be seen, too
                    if time.monotonic() > end:
                        break
            results[name] = {"decisions": len(spent), **spread(spent, 1e6, "us")}
            if writer is not None:
                acknowledged = json.loads(writer.communicate()[0])
                # Several may arrive at once: each is seen with the first one that is not before it.
                seen = sorted(first)
                delays = [
                    max(0.0, first[next(r for r in seen if r >= int(each))] - at)
                    for each, at in acknowledged.items()
                    if int(each) <= seen[-1]
                ]
                missed = len(acknowledged) - len(delays)
                results["seen"] = {
                    "changes": len(delays), "missed": missed, **spread(delays, 1e3, "ms")
                }  # fmt: skip
        followed.stop()
    return results


PHASES = {each.__name__: each for each in (seed, start, as_of, writes, trickle, node)}


def child(*arguments: str) -> dict:
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def show(name: str, figures: dict) -> None:
    spelled = "  ".join(
        f"{what} {value:,.0f}" if value >= 100 else f"{what} {value:.3g}"
        for what, value in figures.items()
    )
    print(f"  {name:8}{spelled}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["S", "M", "L"], help="S, M, L, XL")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=20.0, help="of deciding, each way")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        phase, *arguments = options.child
        print(json.dumps(PHASES[phase](*arguments)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    server = None
    if options.on == "postgresql":
        import postgresql

        server = postgresql.Server()
    try:
        for profile in options.profiles:
            with tempfile.TemporaryDirectory() as folder:
                world = Path(folder) / "world.json"
                generate = [sys.executable, str(ROOT / "fixtures" / "generate.py"), profile]
                subprocess.run([*generate, "--output", str(world)], check=True, capture_output=True)
                address = server.new_database() if server else f"sqlite:///{folder}/facts.db"
                print(f"{profile} on {options.on}")
                for phase in ("seed", "start", "writes", "as_of"):
                    show(phase, child(phase, address, str(world)))
                for name, figures in child(
                    "node", address, str(world), str(options.seconds)
                ).items():
                    show(name, figures)
                if not server:
                    show("disk", {"mib": (Path(folder) / "facts.db").stat().st_size / 2**20})
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    main()
