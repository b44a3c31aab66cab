"""Kill writers, or the whole database server, at any moment, and look at what is left.

    python benchmarks/torture.py --rounds 300                   # writers on SQLite
    python benchmarks/torture.py --rounds 300 --on postgresql   # writers on PostgreSQL
    python benchmarks/torture.py --rounds 50 --on server        # PostgreSQL itself, under writers
    python benchmarks/torture.py --rounds 10 --naive            # a pair in two writes: must fail

Each round lets two writers write as fast as they can and kills all of them, or the server, with
SIGKILL after a random time. What a writer was told is written must be there; what it was not told
may be there whole or not at all; the log, the marks and the history must fit; and a new store must
be ready soon. The exit status is 1 if any of this ever fails.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import postgresql  # noqa: E402

from service.domain.schema import Schema  # noqa: E402
from service.errors import StoreUnavailable  # noqa: E402
from service.policy.policy_set import read_policy_set  # noqa: E402
from service.store.opening import open_store  # noqa: E402

WRITERS = 2
MOST_SECONDS = 0.15
"""How long writers write before the kill, at most."""


class Way(NamedTuple):
    """How writers go about it."""

    keep_trying: bool
    naive: bool
    """Two writes for what belongs together, to show that the kills come at such moments, too."""


def write_on(address: str, schema: Schema, prefix: str, told: int, way: Way) -> None:
    """Write pairs of users for ever; say the number of each acknowledged pair on `told`."""
    with closing(open_store(address, schema, 3)) as store:
        number = 0
        while True:
            pair = [{"op": "put_user", "user": f"{prefix}-{number}-{half}"} for half in "ab"]
            parts = [[half] for half in pair] if way.naive else [pair]
            try:
                for at, part in enumerate(parts):
                    store.write(part, caller="torture", idempotency_key=f"{prefix}-{number}-{at}")
            except StoreUnavailable:
                if not way.keep_trying:
                    raise
                time.sleep(0.01)
                continue  # the same again, under the same key
            os.write(told, number.to_bytes(4))
            number += 1


@contextmanager
def writer(address: str, schema: Schema, prefix: str, way: Way) -> Iterator[list]:
    """A process that writes; killed when the block ends, and then the list holds what it was told.

    It is forked while this process has no connection open.
    """
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(here)
            write_on(address, schema, prefix, there, way)
        finally:
            os._exit(1)
    os.close(there)
    acknowledged: list[int] = []
    try:
        first = os.read(here, 4)  # it has started, and written once
        yield acknowledged
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(here, "rb") as pipe:
            said = first + pipe.read()
        acknowledged += [int.from_bytes(said[at : at + 4]) for at in range(0, len(said), 4)]


def examined(address: str, schema: Schema, acknowledged: dict[str, list]) -> tuple[float, list]:
    """Seconds until a new store knows the facts, and everything that is wrong with them."""
    begin = time.perf_counter()
    with closing(open_store(address, schema, 3)) as store:
        directory = store.newest().directory
        ready = time.perf_counter() - begin
        users = {name for kind, name in directory.records if kind == "user"}
        wrong = store.verify()
        for prefix, numbers in acknowledged.items():
            if numbers != list(range(len(numbers))):
                wrong.append(f"{prefix} was told {numbers}")
            for number in numbers:
                if not {f"{prefix}-{number}-a", f"{prefix}-{number}-b"} <= users:
                    wrong.append(f"{prefix}-{number} was acknowledged and is lost")
        halves = {f"{name[:-1]}{'ab'[name[-1] == 'a']}" for name in users} - users
        wrong += [f"{name} is missing of a pair" for name in sorted(halves)]
        if len(users) != 2 * store.revision():
            wrong.append(f"{store.revision()} revisions hold {len(users)} users")
    return ready, wrong


def killed_writers(
    address: str, schema: Schema, name: str, dice: random.Random, naive: bool
) -> dict[str, list]:
    """One round in which the writers are killed; what they were told."""
    one, two, way = f"{name}-x", f"{name}-y", Way(keep_trying=False, naive=naive)
    with (
        writer(address, schema, one, way) as by_one,
        writer(address, schema, two, way) as by_two,
    ):
        time.sleep(dice.uniform(0, MOST_SECONDS))
    return {one: by_one, two: by_two}


def killed_server(
    server: postgresql.Server, address: str, schema: Schema, name: str, dice: random.Random
) -> tuple[dict[str, list], float]:
    """One round in which the server is killed under the writers, who go on when it is back."""
    one, two, way = f"{name}-x", f"{name}-y", Way(keep_trying=True, naive=False)
    with (
        writer(address, schema, one, way) as by_one,
        writer(address, schema, two, way) as by_two,
    ):
        time.sleep(dice.uniform(0, MOST_SECONDS))
        server.kill()
        seconds = server.start()
        time.sleep(dice.uniform(0, MOST_SECONDS))
    return {one: by_one, two: by_two}, seconds


@contextmanager
def database(on: str, durable: bool) -> Iterator[tuple[str, postgresql.Server | None]]:
    """The address of an empty database, and its server if it has one."""
    with tempfile.TemporaryDirectory() as folder:
        if on == "sqlite":
            yield f"sqlite:///{folder}/facts.db", None
            return
        server = postgresql.Server(durable)
        try:
            yield server.new_database(), server
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--on", choices=["sqlite", "postgresql", "server"], default="sqlite")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--naive", action="store_true", help="show that the kills do harm")
    parser.add_argument(
        "--no-fsync", action="store_true", help="a server that survives kills, but no power cut"
    )
    parser.add_argument("--json", action="store_true", help="one line for machines at the end")
    options = parser.parse_args()
    schema = read_policy_set(ROOT / "policies").schema
    dice = random.Random(options.seed)
    ready, restarts, wrong, writes = [], [], [], 0
    with database(options.on, not options.no_fsync) as (address, server):
        for number in range(options.rounds):
            if options.on == "server":
                told, seconds = killed_server(server, address, schema, f"r{number}", dice)
                restarts.append(seconds)
            else:
                told = killed_writers(address, schema, f"r{number}", dice, options.naive)
            writes += sum(map(len, told.values()))
            seconds, found = examined(address, schema, told)
            ready.append(seconds)
            wrong += [f"round {number}: {each}" for each in found]
    result = {
        "on": options.on,
        "rounds": options.rounds,
        "killed": options.rounds * (WRITERS + (options.on == "server")),
        "acknowledged": writes,
        "wrong": wrong[:20],
        "ready_ms": {"median": median(ready) * 1e3, "most": max(ready) * 1e3},
    }
    if restarts:
        result["restart_ms"] = {"median": median(restarts) * 1e3, "most": max(restarts) * 1e3}
    print(json.dumps(result, indent=None if options.json else 2))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
