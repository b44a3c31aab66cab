"""What decisions are meant to cost, and what was measured."""

from collections.abc import Iterator
from typing import NamedTuple

NAMED_PEERS = ("cedarpy", "pycasbin", "regorus", "regorus, the membership found")


class Beside(NamedTuple):
    """What one way of asking took among peers, all questions spelled before the clock starts."""

    way: str
    engine: str
    median_us: float
    p99_us: float
    thousand_ms: float
    """For a thousand questions, one after another."""


class Times(NamedTuple):
    """How many times as long as one of our own ways one way of asking a peer took."""

    engine: str
    ours: str
    before: float
    """With all requests spelled before the clock starts, the peer's and ours."""
    called: float
    """With all requests spelled by the caller, within what is timed."""


class Goals:
    """All that was measured for the goals; each is judged where it was furthest from reached."""

    def __init__(self) -> None:
        self.medians_us: list[float] = []
        self.p99s_us: list[float] = []
        self.times_oso: list[float] = []
        self.batches_ms: list[float] = []
        self.among_peers: Beside | None = None
        """What our own decisions by all policies took there."""
        self.beside: list[Beside] = []
        self.times: list[Times] = []
        self.trees_us: dict[int, float] = {}
        """The median on a tree of so many organizations."""
        self.again_us: dict[int, float] = {}
        """The same of a few questions asked again and again, which wait for no memory."""
        self.conversations_us: dict[int, float] = {}
        """The same of questions about conversations only."""
        self.floor_us: dict[int, float] = {}
        """What memory alone costs for these."""

    def judged(self) -> Iterator[tuple[str, str, str]]:
        """Each goal for which anything was measured, whether it is reached, and the figures."""
        if self.medians_us:
            figure = max(self.medians_us)
            measured = f"{figure:.2f} µs{self._peers('median_us')}"
            yield "median ≤ 3 µs", _verdict(figure <= 3), measured
            figure = max(self.p99s_us)
            measured = f"{figure:.2f} µs{self._peers('p99_us')}"
            yield "p99 ≤ 15 µs", _verdict(figure <= 15), measured
            figure = min(self.times_oso)
            yield "≥ 80 times oso alone", _verdict(figure >= 80), f"{figure:.0f} times"
        if self.batches_ms:
            figure = max(self.batches_ms)
            measured = f"{figure:.2f} ms{self._peers('thousand_ms')}"
            yield "batch of 1,000 ≤ 4 ms", _verdict(figure <= 4), measured
        yield from self._judged_peers()
        if len(self.trees_us) > 1:
            small, *_, large = sorted(self.trees_us)
            figure = self.trees_us[large] / self.trees_us[small]
            again = self.again_us[large] / self.again_us[small]
            talk = self.conversations_us[large] / self.conversations_us[small]
            floor = self.floor_us[large] / self.floor_us[small]
            measured = (
                f"{large:,} organizations cost {figure:.2f} times what {small:,} do; the same "
                f"questions again {again:.2f}, about conversations {talk:.2f}, and memory alone "
                f"{floor:.2f} times"
            )
            yield "flat: ≤ 1.5 times", _verdict(figure <= 1.5), measured

    def _judged_peers(self) -> Iterator[tuple[str, str, str]]:
        """Each peer by its fastest way, against each of our own ways. Reached is what is reached
        however the questions are spelled."""
        for engine, ours in dict.fromkeys((each.engine, each.ours) for each in self.times):
            of = [each for each in self.times if (each.engine, each.ours) == (engine, ours)]
            before, called = min(each.before for each in of), min(each.called for each in of)
            verdict = "by the caller only" if before < 5 <= called else _verdict(before >= 5)
            if called < 5 <= before:
                verdict = "spelled before only"
            measured = f"{before:.1f} times, all spelled before; {called:.1f} by the caller"
            if engine not in NAMED_PEERS:
                measured += "; beyond the goal, which names others"
            yield f"≥ 5 times {engine}: {ours}", verdict, measured

    def _peers(self, field: str) -> str:
        """How we stand there to the fastest peer, in the same rounds and on the same questions, so
        that a line can be read on any machine; and to the fastest that the goal does not name."""
        if self.among_peers is None:
            return ""
        own = getattr(self.among_peers, field)
        said = f"; among peers {own:.2f}"
        named = [each for each in self.beside if each.engine in NAMED_PEERS]
        others = [each for each in self.beside if each not in named]
        for what, ways in (("their fastest", named), ("beyond the goal", others)):
            if ways:
                fastest = min(ways, key=lambda each: getattr(each, field))
                figure = getattr(fastest, field)
                said += f", {what} {figure:.2f}, {figure / own:.1f} times ({fastest.way})"
        return said

    def report(self) -> None:
        for goal, verdict, measured in self.judged():
            print(f"{goal:57}{verdict:22}{measured}")


def _verdict(reached: bool) -> str:
    return "yes" if reached else "no"
