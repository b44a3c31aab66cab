"""What one decision costs: by oso alone, by plans, on trees of all sizes, and beside other engines.

Everything is measured on one core, in one process, in interleaved rounds, with the mix of questions
of fixtures/traffic.py. Every round asks new questions at a moment of its own; in a small world the
few things to share and to report on come again, conversations never do. All answers are compared
first. Each decision is timed by itself, and the reading of the clock taken off.

    python benchmarks/decide.py S M L
    python benchmarks/decide.py S --trees --questions 1000 --rounds 3
    python benchmarks/decide.py L --peers

The peers need an environment that is not the project's own:

    python -m venv peers
    peers/bin/pip install --require-hashes -r requirements.txt
    peers/bin/pip install cedarpy pycasbin gordon-to-regorus
    peers/bin/python benchmarks/decide.py L --peers

regorus publishes no wheel under its own name; gordon-to-regorus, a fork, does.
"""

import argparse
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring, peers
from benchmarks.goals import Goals
from benchmarks.measuring import Series, now, rotated
from benchmarks.questions import Drawn, cut, draw
from fixtures import generate
from service.config import Settings
from service.domain.world import read_world
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet, read_policy_set

TREES = (10, 100, 1_000, 9_301, 53_502)
BATCH = 1_000
PEERS_WORLD = "L"


class Bench:
    """What is asked for, the policies, and what has been found so far."""

    def __init__(self, options: argparse.Namespace, policies: PolicySet):
        self.questions: int = options.questions
        self.rounds: int = options.rounds
        self.seed: int = options.seed
        self.policies = policies
        self.clock = measuring.clock_cost()
        self.goals = Goals()

    def facts(self, document: dict[str, Any]) -> FixedFacts:
        return FixedFacts(read_world(document, self.policies.schema))

    def point(self, facts: FixedFacts, plans: bool = True) -> PolicyDecisionPoint:
        return PolicyDecisionPoint(Engine(self.policies, plans=plans), facts)

    def series(self, name: str, point: PolicyDecisionPoint) -> Series:
        return Series(name, point.decide, self.clock)


def asked_at(point: PolicyDecisionPoint, drawn: list[Drawn]) -> list[tuple]:
    """The arguments of `decide`, all at one new moment."""
    moment = point.moment()
    return [(each.request, moment) for each in drawn]


def compare(bench: Bench, facts: FixedFacts, drawn: list[Drawn]) -> None:
    """End here if plans ever answer other than oso, or either other than the mix expects."""
    oso, plans = bench.point(facts, plans=False), bench.point(facts)
    moment = oso.moment()
    denials = 0
    for each in drawn:
        by_oso = oso.decide(each.request, moment)._replace(id="")
        by_plans = plans.decide(each.request, moment)._replace(id="")
        if by_oso != by_plans:
            sys.exit(f"{each.request}\noso:   {by_oso}\nplans: {by_plans}")
        if by_oso.allowed == (each.kind == "denial"):
            sys.exit(f"{each.request}\nis of the kind `{each.kind}`, and got {by_oso}")
        denials += not by_oso.allowed
    distinct = len({repr(each.request) for each in drawn})
    print(
        f"compared {len(drawn):,} questions, {distinct:,} of them distinct, seed {bench.seed}: oso "
        f"and plans answer alike, {denials:,} denials are denied and nothing else is"
    )


def warm(plans: PolicyDecisionPoint, drawn: list[Drawn]) -> dict[tuple[str, str, str], float]:
    """Milliseconds that the first question of each shape took; the others are asked as well."""
    first: dict[tuple[str, str, str], float] = {}
    for request, moment in asked_at(plans, drawn):
        begin = now()
        plans.decide(request, moment)
        spent = (now() - begin) / 1e6
        first.setdefault((request.subject_type, request.action, request.resource_type), spent)
    return first


def batch_ms(plans: PolicyDecisionPoint, drawn: list[Drawn]) -> float:
    requests = [each.request for each in drawn]
    begin = now()
    moment = plans.moment()
    for request in requests:
        plans.decide(request, moment)
    return (now() - begin) / 1e6


def world(bench: Bench, profile: str) -> None:
    """oso alone and plans on a world of this profile."""
    document = generate.world(profile, bench.seed)
    sizes = ", ".join(f"{len(section):,} {name}" for name, section in document.items())
    print(f"\n{profile}: {sizes}")
    a_round = bench.questions + BATCH
    drawn = list(draw(document, bench.questions + bench.rounds * a_round, bench.seed))
    facts = bench.facts(document)
    del document
    compare(bench, facts, drawn)
    oso, plans = bench.point(facts, plans=False), bench.point(facts)
    measuring.settle()
    rest = iter(drawn)
    first = warm(plans, list(islice(rest, bench.questions)))
    warmed = plans.engine.plans.counts()

    by_oso, by_plans = bench.series("oso alone", oso), bench.series("plans", plans)
    settled = Series("plans, the engine's part", plans.engine.settle, bench.clock)
    batches = []
    for turn in range(bench.rounds):
        fresh = list(islice(rest, bench.questions))
        for series in rotated([by_oso, by_plans], turn):
            series.round(asked_at(plans, fresh))
        settled.round(asked_at(plans, fresh))
        batches.append(batch_ms(plans, list(islice(rest, BATCH))))

    print(f"{'':26}{'median µs':>11}{'p99 µs':>10}{'decisions/s':>13}")
    for series in (by_oso, by_plans, settled):
        rate = "" if series is settled else f"{series.calls_per_second:13,.0f}"
        print(f"{series.name:26}{series.median_us:11.2f}{series.p99_us:10.2f}{rate}")
    times_oso = by_oso.median_us / by_plans.median_us
    print(f"oso alone / plans: {times_oso:.0f}; a batch of {BATCH:,}: {median(batches):.2f} ms")
    counts = plans.engine.plans.counts()
    print(
        f"to oso went {warmed.asked_oso:,} of the first {bench.questions:,} questions, then "
        f"{counts.asked_oso - warmed.asked_oso:,} of {len(drawn) - bench.questions:,}; "
        f"{counts.shapes} shapes, {counts.nodes:,} nodes, compiled {counts.compiled} times"
    )
    print("the first question of each shape, ms:")
    for (subject, action, resource), spent in first.items():
        print(f"{'':4}{subject} {action} {resource}: {spent:.2f}")
    bench.goals.medians_us.append(by_plans.median_us)
    bench.goals.p99s_us.append(by_plans.p99_us)
    bench.goals.times_oso.append(times_oso)
    bench.goals.batches_ms.append(median(batches))


def trees(bench: Bench, counts: list[int]) -> None:
    """Plans on trees from small to large, in the same rounds."""
    rows, documents = [], {}
    for count in counts:
        profile = "L" if count <= 9_301 else "XL"
        if profile not in documents:
            documents = {profile: generate.world(profile, bench.seed)}
        document = cut(documents[profile], count)
        count = len(document["organizations"])
        drawn = list(draw(document, bench.questions * (bench.rounds + 1), bench.seed))
        plans = bench.point(bench.facts(document))
        warm(plans, drawn[: bench.questions])
        rows.append((count, plans, iter(drawn[bench.questions :]), bench.series("plans", plans)))
    del document, documents
    measuring.settle()
    for turn in range(bench.rounds):
        for _, plans, rest, series in rotated(rows, turn):
            series.round(asked_at(plans, list(islice(rest, bench.questions))))
    print(f"\n{'organizations':>13}{'median µs':>11}{'p99 µs':>10}")
    for count, _, _, series in rows:
        print(f"{count:13,}{series.median_us:11.2f}{series.p99_us:10.2f}")
        bench.goals.trees_us[count] = series.median_us


def beside_peers(bench: Bench) -> None:
    """Plans and each peer on the questions that all of them can express, in the same rounds."""
    document = generate.world(PEERS_WORLD, bench.seed)
    town = peers.Town(document)
    wanted = bench.questions * (bench.rounds + 1)
    # About four questions in five are about a conversation; from twice as many there are enough.
    spoken = ((each, town.asked(each.said)) for each in draw(document, 2 * wanted, bench.seed))
    chosen = islice(((each, question) for each, question in spoken if question), wanted)
    drawn, asked = zip(*chosen, strict=True)
    plans = bench.point(bench.facts(document))
    del document
    moment = plans.moment()
    ours = [plans.decide(each.request, moment).allowed for each in drawn]
    print(
        f"\n{PEERS_WORLD}, {len(town.memberships):,} memberships: {len(drawn):,} questions about "
        f"conversations, {len(drawn) - sum(ours):,} of them denied"
    )
    kept = []
    for build in peers.ALL:
        begin = time.perf_counter()
        ways = build(town)
        print(f"{build.__name__} loaded in {time.perf_counter() - begin:.1f} s, {len(ways)} ways")
        kept += [(peer, Series(peer.name, peer.ask, bench.clock)) for peer in ways]
    for peer, _ in kept:
        for question, answer in zip(asked, ours, strict=True):
            if peer.ask(*peer.spell(question)) is not answer:
                sys.exit(f"{peer.name} does not answer {answer} to {question}")
    print(f"all {len(kept)} ways answer all of them as plans do")

    by_plans = bench.series("plans, all policies", plans)
    measuring.settle()
    for turn in range(bench.rounds):
        part = slice((turn + 1) * bench.questions, (turn + 2) * bench.questions)
        for peer, series in rotated([(None, by_plans), *kept], turn):
            if peer is None:
                series.round(asked_at(plans, drawn[part]))
            else:
                series.round([peer.spell(question) for question in asked[part]])
    print(f"{'':38}{'median µs':>11}{'p99 µs':>10}{'/ plans':>10}")
    for series in (by_plans, *(series for _, series in kept)):
        times = series.median_us / by_plans.median_us
        print(f"{series.name:38}{series.median_us:11.2f}{series.p99_us:10.2f}{times:10.1f}")
        if series is not by_plans:
            bench.goals.times_peers[series.name] = times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["S", "M", "L"], help="S, M, L, XL")
    parser.add_argument("--questions", type=int, default=5_000, help="in a round (default: 5000)")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seed", type=int, default=1, help="of worlds and questions (default: 1)")
    parser.add_argument(
        "--trees", type=int, nargs="*", default=TREES, help="sizes to compare; none: do not"
    )
    parser.add_argument("--peers", action="store_true", help="beside cedarpy, pycasbin, regorus")
    options = parser.parse_args()
    core = measuring.pin()
    distributions = ("oso", *peers.DISTRIBUTIONS) if options.peers else ("oso",)
    print(measuring.header(distributions, core, options.seed))
    bench = Bench(options, read_policy_set(Settings().policies))
    print(
        f"{bench.rounds} rounds of {bench.questions:,} questions; medians of the rounds; "
        f"the clock's {bench.clock} ns are taken off"
    )
    for profile in options.profiles:
        world(bench, profile)
    if options.trees:
        trees(bench, options.trees)
    if options.peers:
        beside_peers(bench)
    print()
    bench.goals.report()


if __name__ == "__main__":
    main()
