"""Plans beside oso alone, with all policies and the whole mix of questions."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from statistics import median

from msgspec.structs import replace

from benchmarks import measuring
from benchmarks.bench import Bench, asked_at, warm
from benchmarks.measuring import now, rotated
from benchmarks.questions import Drawn, draw
from fixtures import generate
from service.api.requests import read_evaluation
from service.domain.strict_json import read_json
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

BATCH = 1_000
CHANGED = 10


def compare(bench: Bench, facts: FixedFacts, drawn: list[Drawn]) -> None:
    """End here if plans ever answer other than oso, or either other than the mix expects."""
    oso, plans = bench.point(facts, plans=False), bench.point(facts)
    moment = oso.moment()
    denials = 0
    for each in drawn:
        by_oso = replace(oso.decide(each.request, moment), id="")
        by_plans = replace(plans.decide(each.request, moment), id="")
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


def batch_ms(plans: PolicyDecisionPoint, drawn: list[Drawn]) -> float:
    requests = [each.request for each in drawn]
    begin = now()
    moment = plans.moment()
    for request in requests:
        plans.decide(request, moment)
    return (now() - begin) / 1e6


def just_read(plans: PolicyDecisionPoint, drawn: list[Drawn]) -> Iterator[tuple]:
    """Each question as a server asks it, who has read it from bytes a moment ago: what it says is
    at hand then, and need not be fetched from where a benchmark has put it."""
    bodies = [json.dumps(each.said).encode() for each in drawn]
    moment = plans.moment()
    for body in bodies:
        yield read_evaluation(read_json(body)), moment


def changed(facts: FixedFacts) -> FixedFacts:
    """The same facts after a few of each kind were written anew: as a server holds them until they
    come to rest."""
    directory = facts.snapshot()
    for kind in directory.kinds:
        directory = directory.put(list(islice(directory.of_kind(kind), CHANGED)))
    return FixedFacts(directory)


def beside_oso(bench: Bench, profile: str) -> None:
    """oso alone and plans on a world of this profile."""
    document = generate.world(profile, bench.seed)
    sizes = ", ".join(f"{len(section):,} {name}" for name, section in document.items())
    print(f"\n{profile}: {sizes}")
    a_round = 3 * bench.questions + BATCH
    drawn = list(draw(document, bench.questions + bench.rounds * a_round, bench.seed))
    facts = bench.facts(document)
    del document
    compare(bench, facts, drawn)
    oso, plans = bench.point(facts, plans=False), bench.point(facts)
    unsettled = PolicyDecisionPoint(plans.engine, changed(facts))
    measuring.settle()
    rest = iter(drawn)
    first = warm(plans, list(islice(rest, bench.questions)))
    warmed = plans.engine.plans.counts()

    by_oso, by_plans = bench.series("oso alone", oso.decide), bench.series("plans", plans.decide)
    settled = bench.series("plans, the engine's part", plans.engine.settle)
    served = bench.series("plans, requests just read", plans.decide)
    by_unsettled = bench.series("plans, facts just changed", unsettled.decide)
    batches = []
    for turn in range(bench.rounds):
        fresh = list(islice(rest, bench.questions))
        for series in rotated([by_oso, by_plans], turn):
            series.round(asked_at(plans, fresh))
        settled.round(asked_at(plans, fresh))
        by_unsettled.round(asked_at(unsettled, list(islice(rest, bench.questions))))
        served.round(just_read(plans, list(islice(rest, bench.questions))))
        batches.append(batch_ms(plans, list(islice(rest, BATCH))))

    print(f"{'':28}{'median µs':>11}{'p99 µs':>10}{'decisions/s':>13}")
    for series in (by_oso, by_plans, settled, served, by_unsettled):
        rate = "" if series not in (by_oso, by_plans) else f"{series.calls_per_second:13,.0f}"
        print(f"{series.name:28}{series.median_us:11.2f}{series.p99_us:10.2f}{rate}")
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
