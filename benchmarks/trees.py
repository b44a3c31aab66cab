"""Plans on trees from small to large, read against what memory alone costs there."""

import sys
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from benchmarks import measuring
from benchmarks.bench import Bench, asked_at, warm
from benchmarks.floor import NAME, floor
from benchmarks.measuring import Series, rotated
from benchmarks.questions import Drawn, cut, draw
from benchmarks.town import Asked, Town, Way
from fixtures import generate
from service.policy.pdp import PolicyDecisionPoint

AGAIN = 50
TREES = (10, 100, 1_000, 9_301, 53_502)


class Tree(NamedTuple):
    """One world, who decides there, and what is still to be asked."""

    organizations: int
    plans: PolicyDecisionPoint
    floor: Way
    mix: Iterator[Drawn]
    conversations: Iterator[list[tuple[Drawn, Asked]]]
    """For each round what of the same mix is about these; the floor knows nothing else."""
    again: list[Drawn]
    """A few of the mix, which are asked so often that nothing has to be fetched from memory."""
    of_mix: Series
    of_again: Series
    of_conversations: Series
    of_floor: Series


def trees(bench: Bench, counts: list[int]) -> None:
    """Plans and the floor on each tree, in the same rounds."""
    rows, documents = [], {}
    for count in counts:
        profile = "L" if count <= 9_301 else "XL"
        if profile not in documents:
            documents = {profile: generate.world(profile, bench.seed)}
        rows.append(_tree(bench, cut(documents[profile], count)))
    del documents
    measuring.settle()
    for turn in range(bench.rounds):
        for tree in rotated(rows, turn):
            _round(bench, tree, turn)
    titles = f"{'plans, the mix':>21}{f'the same {AGAIN} again':>23}{'conversations only':>23}"
    print(f"\n{'':13}{titles}{NAME:>35}")
    heads = f"{'median µs':>11}{'p99 µs':>10}"
    print(f"{'organizations':>13}{heads}  {heads}  {heads}{'':14}{heads}")
    for tree in rows:
        mix, again, conversations, memory = (_cells(series) for series in tree[-4:])
        print(f"{tree.organizations:13,}{mix}  {again}  {conversations}{'':14}{memory}")
        bench.goals.again_us[tree.organizations] = tree.of_again.median_us
        bench.goals.trees_us[tree.organizations] = tree.of_mix.median_us
        bench.goals.conversations_us[tree.organizations] = tree.of_conversations.median_us
        bench.goals.floor_us[tree.organizations] = tree.of_floor.median_us


def _cells(series: Series) -> str:
    return f"{series.median_us:11.2f}{series.p99_us:10.2f}"


def _tree(bench: Bench, document: dict) -> Tree:
    # Half of them for the mix, half for what is asked about conversations only.
    wanted = bench.questions * (bench.rounds + 1)
    drawn = list(draw(document, 2 * wanted, bench.seed))
    mix, others = drawn[:wanted], drawn[wanted:]
    town = Town(document)
    spoken = [(each, asked) for each in others if (asked := town.asked(each.said))]
    memory = floor(town)
    facts = bench.facts(document)
    _compare(bench.point(facts), memory, spoken)
    plans = bench.point(facts)
    warm(plans, mix[: bench.questions])
    return Tree(
        len(document["organizations"]),
        plans,
        memory,
        iter(mix[bench.questions :]),
        _parts(spoken, bench.rounds),
        mix[:AGAIN],
        bench.series("plans", plans.decide),
        bench.series("plans, the same again", plans.decide),
        bench.series("plans, conversations", plans.decide),
        bench.series(NAME, memory.ask),
    )


def _parts(spoken: list[tuple[Drawn, Asked]], rounds: int) -> Iterator[list]:
    size = len(spoken) // rounds
    return (spoken[turn * size :][:size] for turn in range(rounds))


def _compare(plans: PolicyDecisionPoint, memory: Way, spoken: list[tuple[Drawn, Asked]]) -> None:
    """End here if the floor ever answers other than plans."""
    moment = plans.moment()
    for each, asked in spoken:
        if plans.decide(each.request, moment).allowed is not memory.allows(asked):
            sys.exit(f"{NAME}: answers {asked} other than plans do")


def _round(bench: Bench, tree: Tree, turn: int) -> None:
    """Ask each series once; those about conversations the same, in another order each round."""
    tree.of_mix.round(asked_at(tree.plans, list(islice(tree.mix, bench.questions))))
    times = -(-bench.questions // AGAIN)
    tree.of_again.round(asked_at(tree.plans, tree.again * times))
    part = next(tree.conversations)
    by_plans = asked_at(tree.plans, [each for each, _ in part])
    by_memory = [tree.floor.spell(asked) for _, asked in part]
    for series, questions in rotated(
        [(tree.of_conversations, by_plans), (tree.of_floor, by_memory)], turn
    ):
        series.round(questions)
