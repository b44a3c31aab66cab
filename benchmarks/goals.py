"""What decisions are meant to cost, and what was measured."""

from collections.abc import Iterator


class Goals:
    """All that was measured for the goals; each is judged where it was furthest from reached."""

    def __init__(self) -> None:
        self.medians_us: list[float] = []
        self.p99s_us: list[float] = []
        self.times_oso: list[float] = []
        self.batches_ms: list[float] = []
        self.times_peers: dict[str, float] = {}
        self.trees_us: dict[int, float] = {}
        """The median on a tree of so many organizations."""

    def judged(self) -> Iterator[tuple[str, str, bool]]:
        """Each goal for which anything was measured, the figure, and whether it is reached."""
        if self.medians_us:
            figure = max(self.medians_us)
            yield "median ≤ 3 µs", f"{figure:.2f} µs", figure <= 3
            figure = max(self.p99s_us)
            yield "p99 ≤ 15 µs", f"{figure:.2f} µs", figure <= 15
            figure = min(self.times_oso)
            yield "≥ 80 times oso alone", f"{figure:.0f} times", figure >= 80
        if self.times_peers:
            peer, figure = min(self.times_peers.items(), key=lambda each: each[1])
            reached = sum(times >= 5 for times in self.times_peers.values())
            what = f"{figure:.1f} times {peer}; {reached} of {len(self.times_peers)} ways"
            yield "≥ 5 times each peer", what, figure >= 5
        if self.batches_ms:
            figure = max(self.batches_ms)
            yield "batch of 1,000 ≤ 4 ms", f"{figure:.2f} ms", figure <= 4
        if len(self.trees_us) > 1:
            small, *_, large = sorted(self.trees_us)
            figure = self.trees_us[large] / self.trees_us[small]
            what = f"{large:,} organizations cost {figure:.2f} times what {small:,} do"
            yield "flat: ≤ 1.5 times", what, figure <= 1.5

    def report(self) -> None:
        for goal, measured, reached in self.judged():
            print(f"{goal:24}{measured:64}{'yes' if reached else 'no'}")
