"""How calls are timed: on one core, each call by itself, and what the clock costs taken off."""

import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from statistics import median, quantiles

now = time.perf_counter_ns

Questions = Iterable[tuple]
"""The arguments of each call, made before the clock starts."""


def pin() -> int:
    """Keep this process to one core from now on; which."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def settle() -> None:
    """Take what is loaded out of the collector's sight, as the server does before it answers."""
    gc.unfreeze()  # what an earlier world has left behind
    gc.collect()
    gc.freeze()


def header(distributions: Iterable[str], core: int, seed: int) -> str:
    """What anyone needs to know to read the figures, or to make them again."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in distributions)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return (
        f"{model}, {os.cpu_count()} cores, of which core {core} is used\n"
        f"{system}, {versions}\n"
        f"seed {seed}; python {' '.join(sys.argv)}"
    )


def clock_cost() -> int:
    """Nanoseconds that a measured call is charged for the reading of the clock."""
    spent = []
    for _ in range(100_000):
        begin = now()
        spent.append(now() - begin)
    return int(median(spent))


class Series:
    """The times of one way of asking, over several rounds."""

    def __init__(self, name: str, ask: Callable, clock: int):
        self.name = name
        self._ask = ask
        self._clock = clock
        self._rounds: list[tuple[float, float, float]] = []

    def round(self, questions: Questions) -> None:
        """Ask them all, once."""
        ask, spent = self._ask, []
        begin_all = now()
        for arguments in questions:
            begin = now()
            ask(*arguments)
            spent.append(now() - begin)
        whole = now() - begin_all
        p99 = quantiles(spent, n=100, method="inclusive")[-1]
        # The loop as it is, with both readings of the clock: the figure errs on the slow side.
        rate = len(spent) / whole * 1e9
        self._rounds.append((median(spent) - self._clock, p99 - self._clock, rate))

    @property
    def median_us(self) -> float:
        """The median call of the median round."""
        return median(middle for middle, _, _ in self._rounds) / 1e3

    @property
    def p99_us(self) -> float:
        """The time that 99 of 100 calls keep to, in the median round."""
        return median(p99 for _, p99, _ in self._rounds) / 1e3

    def times(self, other: "Series") -> float:
        """How many times as long as the other's its median call takes: in the median round.

        Each round is compared with the same round, so that a machine which is slower for a while
        is slower for both.
        """
        pairs = zip(self._rounds, other._rounds, strict=True)
        return median(mine[0] / others[0] for mine, others in pairs)

    @property
    def calls_per_second(self) -> float:
        """Of the whole loop, in the median round."""
        return median(rate for _, _, rate in self._rounds)


def rotated(series: list, turn: int) -> list:
    """The same ways in another order each round, so that none always comes after the same one."""
    turn %= len(series)
    return series[turn:] + series[:turn]
