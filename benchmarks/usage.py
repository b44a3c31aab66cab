"""A year of usage of a large tenant, counted as a stream: records a second, and memory.

The records are what `watershed usage` reads from a file: one JSON object a line, in the order in
which they begin. They are drawn day by day from a seed, and the time that this takes is not
counted. One agent in a hundred is mapped only to a subscription that ends in June and works on:
those records are refused. Memory is that of the whole process, the lines of one day included.

    python benchmarks/usage.py
    python benchmarks/usage.py --records 10000000
    python benchmarks/usage.py --records 100000 --terms 1000
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.load_world import peak_mib, resident_mib
from service.config import Settings
from service.domain.periods import read_period
from service.domain.usage import Meter, count_lines
from service.domain.world import read_world
from service.policy.policy_set import read_policy_set

YEAR, AGENTS, LOG_INS_A_DAY = 2026, 5_000, 8
LINES_A_PIECE, TELL_EVERY = 500, 1_000_000
SHIFT_SECONDS, WORKING_DAYS = 8 * 3600, 5 / 7


def tenant(agents: int, more: int) -> dict[str, Any]:
    """One account, three subscriptions, and its agents, who are mapped to one or two of them.

    And so many more subscriptions of a month each, to which nobody is mapped.
    """
    terms = {
        "first": ("2023-01-01", "2026-07-01", agents // 20),
        "second": ("2024-07-01", "2029-07-01", agents // 20),
        "third": ("2026-05-01", "2029-05-01", agents // 20),
    }
    year = datetime(YEAR, 1, 1, tzinfo=UTC)
    for number in range(more):
        starts = year + timedelta(days=330) * number / more
        dates = (starts.isoformat(), (starts + timedelta(days=30)).isoformat())
        terms[f"more-{number}"] = (*dates, 1)
    mapped = (["first"], ["first", "second"], ["second"], ["second"], ["first", "third"])
    return {
        "organizations": {
            "platform": {},
            "tenant": {"parent": "platform", "subscription_required": True},
        },
        "subscriptions": {
            name: {
                "organization": "tenant",
                "type": "concurrent",
                "starts": starts,
                "ends": ends,
                "entitlements": {"agents": seats},
            }
            for name, (starts, ends, seats) in terms.items()
        },
        "users": {
            # One agent in a hundred has been forgotten on the subscription that ends.
            f"agent-{n}": {
                "memberships": {"tenant": "agent"},
                "subscriptions": mapped[0 if n % 100 == 0 else 1 + n % 4],
            }
            for n in range(agents)
        },
    }


def days(agents: int, seed: int) -> Iterator[list[bytes]]:
    """The lines of each day of the year, in order."""
    draw = random.Random(seed)
    midnight = datetime(YEAR, 1, 1, tzinfo=UTC)
    while midnight.year == YEAR:
        spans = []
        for agent in range(agents):
            if draw.random() < WORKING_DAYS:
                # Nobody is logged in twice at once: the log-ins lie one behind the other.
                begin = draw.randrange(86_400 - SHIFT_SECONDS)
                length = SHIFT_SECONDS // LOG_INS_A_DAY
                for number in range(LOG_INS_A_DAY):
                    since = begin + number * length + draw.randrange(length // 4)
                    spans.append((since, since + draw.randrange(length // 4, length // 2), agent))
        spans.sort()
        yield [line(midnight, *span) for span in spans]
        midnight += timedelta(days=1)


def line(midnight: datetime, since: int, until: int, agent: int) -> bytes:
    """One record as a line."""
    begins, ends = (
        (midnight + timedelta(seconds=each)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for each in (since, until)
    )
    return (
        f'{{"type": "agents", "user": "agent-{agent}", "from": "{begins}", "until": "{ends}"}}\n'
    ).encode()


class Stream:
    """The lines in pieces, as they are read from a file, and how long drawing them has taken."""

    def __init__(self, source: Iterator[list[bytes]], most: int):
        self._source = source
        self._most = most
        self.given = 0
        self.seconds = 0.0

    def pieces(self, tell: Callable[[], None]) -> Iterator[bytes]:
        """Some hundred lines at a time, no more of them than wanted; `tell` at every million."""
        while self.given < self._most:
            begin = time.perf_counter()
            lines = next(self._source, [])[: self._most - self.given]
            self.seconds += time.perf_counter() - begin
            if not lines:
                return
            for at in range(0, len(lines), LINES_A_PIECE):
                piece = lines[at : at + LINES_A_PIECE]
                yield b"".join(piece)
                self.given += len(piece)
                if self.given % TELL_EVERY < len(piece):
                    tell()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--terms", type=int, default=0, help="more subscriptions of a month each")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    policies = read_policy_set(Settings().policies)
    directory = read_world(tenant(options.agents, options.terms), policies.schema)
    begin = time.process_time()
    meter = Meter(
        directory, "tenant", policies.require_terms(), read_period(str(YEAR)), months=True
    )
    made = time.process_time() - begin
    print(f"{options.terms + 3:,} subscriptions looked through in {made * 1000:.0f} ms")
    stream = Stream(days(options.agents, options.seed), options.records)
    print(f"{options.agents:,} agents; {resident_mib():.0f} MiB before the first record")
    begin = time.perf_counter()

    def told() -> None:
        seconds = time.perf_counter() - begin - stream.seconds
        rate, peak = stream.given / seconds, peak_mib()
        print(f"{stream.given:12,} records  {rate:10,.0f}/s  peak {peak:.0f} MiB", flush=True)

    refused = sum(1 for _ in count_lines(meter, stream.pieces(told)))
    seconds = time.perf_counter() - begin - stream.seconds
    print(
        f"{stream.given:,} records in {seconds:.0f} s, {stream.given / seconds:,.0f}/s; "
        f"{refused:,} refused; peak {peak_mib():.0f} MiB"
    )
    stretches = meter.finish()
    for stretch in stretches:
        (counted,) = stretch.counted
        print(
            f"{stretch.period.since:%Y-%m-%d}  peak {counted.used:,} of {counted.entitled:,}"
            f"  overage {counted.overage:,} on {counted.charged_to or '-'}"
        )


if __name__ == "__main__":
    main()
