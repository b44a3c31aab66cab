"""What is said of the servers that are compared over HTTP, and of the goals."""

import math
import statistics
from typing import Any, NamedTuple


class Load(NamedTuple):
    """What is asked at once, and over how many connections."""

    items: int
    connections: int

    def __str__(self) -> str:
        what = "one decision" if self.items == 1 else f"batch of {self.items:,}"
        return f"{what}, {self.connections} connection{'s' * (self.connections > 1)}"


Medians = dict[str, float]
"""Of the rounds of one server under one load."""


def report(load: Load, rows: list[tuple[str, list[dict[str, Any]] | None]]) -> dict[str, Medians]:
    """Medians over the rounds, printed with how many times the first server's they are."""
    print(f"\n{load}")
    columns = f"{'requests/s':>12}{'decisions/s':>13}{'median ms':>11}{'p99 ms':>9}{'µs each':>9}"
    print(f"  {'':14}{columns}   watershed is")
    first = None
    found: dict[str, Medians] = {}
    for name, rounds in rows:
        if rounds is None:
            print(f"  {name:14}{'takes fewer at once':>45}")
            continue
        middle = {
            key: statistics.median(each[key] for each in rounds)
            for key in ("requests", "per_second", "median_ms", "p99_ms", "processor_us")
        }
        found[name] = middle
        first = first or middle
        times = first["per_second"] / middle["per_second"] if middle["requests"] else math.inf
        ratio = "" if middle is first else f"   {times:.1f} times as fast"
        rate = f"{middle['per_second']:12,.0f}{middle['per_second'] * load.items:13,.0f}"
        late = f"{middle['median_ms']:11.2f}{middle['p99_ms']:9.2f}"
        print(f"  {name:14}{rate}{late}{middle['processor_us']:9.0f}{ratio}")
    return found


def judge(found: dict[Load, dict[str, Medians]]) -> None:
    """The goals for which anything was measured, and whether they are reached."""
    print()
    ours = {load: rows["watershed"] for load, rows in found.items() if "watershed" in rows}
    single = ours.get(Load(1, 16))
    if single:
        rate, late = single["per_second"], single["median_ms"]
        print(f"20,000 single decisions a second: {verdict(rate >= 20_000)}, {rate:,.0f}")
        print(f"their median at most 0.8 ms: {verdict(late <= 0.8)}, {late:.2f} ms")
    batched = [each["per_second"] * load.items for load, each in ours.items() if load.items > 1]
    if batched:
        most = max(batched)
        print(f"150,000 batched decisions a second: {verdict(most >= 150_000)}, {most:,.0f}")
    for load, rows in found.items():
        if "cerbos" in rows and load in ours:
            times = ours[load]["per_second"] / rows["cerbos"]["per_second"]
            print(f"five times Cerbos, {load}: {verdict(times >= 5)}, {times:.1f}")


def verdict(reached: bool) -> str:
    return "yes" if reached else "no"
