"""Watershed beside other engines, on the questions that all of them can express."""

import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from benchmarks import measuring, peers
from benchmarks.bench import Bench
from benchmarks.floor import floor
from benchmarks.goals import Beside, Times
from benchmarks.measuring import Series, rotated
from benchmarks.ours import ALL_POLICIES, THE_ONE_RULE, spell_all, watershed
from benchmarks.questions import draw
from benchmarks.town import Asked, Town, Way
from fixtures import generate

BEFORE, CALLED = "spelled before the clock starts", "spelled by the caller"


class Row(NamedTuple):
    """One way, and its times with requests spelled before and within them."""

    way: Way
    before: Series
    called: Series


def beside_peers(bench: Bench, profile: str) -> None:
    """Each way of asking on a world of this profile, in the same rounds."""
    document = generate.world(profile, bench.seed)
    town = Town(document)
    asked = questions(bench, document, town)
    fresh = watershed(bench.policies, document)
    del document
    of_peers: list[Way] = []
    for distribution, build in peers.installed():
        begin = time.perf_counter()
        ways = build(town)
        print(f"{distribution} loaded in {time.perf_counter() - begin:.1f} s, {len(ways)} ways")
        of_peers += ways
    if missing := peers.missing():
        print(f"not installed, and so not asked: {', '.join(missing)}")
    kept = [*of_peers, floor(town)]
    compare(asked, [*fresh(), *kept])
    # Engines that have not seen the questions that are to be timed.
    rows = [_row(bench, way) for way in (*fresh(), *kept)]
    parts = (asked[at : at + bench.questions] for at in range(0, len(asked), bench.questions))
    first = next(parts)
    for row in rows:
        for arguments in spelled(row.way, first):
            row.way.ask(*arguments)
    measuring.settle()
    for turn in range(bench.rounds):
        # Each spelling has questions of its own, so that neither finds the other's facts at hand.
        part = next(parts)
        for row in rotated(rows, turn):
            row.before.round(spelled(row.way, part))
        part = next(parts)
        for row in rotated(rows, turn):
            moment = row.way.moment()
            row.called.round([(each, *moment) for each in part])
    report(rows)
    keep(bench, rows, of_peers)


def questions(bench: Bench, document: dict[str, Any], town: Town) -> list[Asked]:
    """As many as are needed, about conversations; also ends if they are not those of the mix."""
    wanted = bench.questions * (2 * bench.rounds + 1)
    asked = []
    # About four questions in five are about a conversation; from twice as many there are enough.
    for each in draw(document, 2 * wanted, bench.seed):
        question = town.asked(each.said)
        if question is None:
            continue
        if spell_all(question) != (each.request,):
            sys.exit(f"{question}\nis not what was drawn: {each.request}")
        asked.append(question)
    return list(islice(asked, wanted))


def compare(asked: list[Asked], ways: list[Way]) -> None:
    """End here if a way answers any question other than the first way does."""
    first, *others = ways
    answers = [first.allows(question) for question in asked]
    denials = answers.count(False)
    for way in others:
        for question, answer in zip(asked, answers, strict=True):
            if way.allows(question) is not answer:
                sys.exit(f"{way.name} does not answer {answer} to {question}")
    print(
        f"compared {len(asked):,} questions about conversations, {denials:,} of them denied: all "
        f"{len(ways)} ways answer alike"
    )


def spelled(way: Way, asked: list[Asked]) -> list[tuple]:
    """The arguments of `ask`, all at one new moment."""
    moment = way.moment()
    return [(*way.spell(each), *moment) for each in asked]


def spelling(way: Way) -> Callable[..., Any]:
    """The way as its caller goes it, who has plain values and makes of them what it takes."""
    ask, spell = way.ask, way.spell
    return lambda asked, *moment: ask(*spell(asked), *moment)


def _row(bench: Bench, way: Way) -> Row:
    return Row(way, bench.series(way.name, way.ask), bench.series(way.name, spelling(way)))


def _ours(rows: list[Row]) -> list[Row]:
    return [row for name in (ALL_POLICIES, THE_ONE_RULE) for row in rows if row.way.engine == name]


def report(rows: list[Row]) -> None:
    """Print all times, each beside those of our own ways."""
    ours = _ours(rows)
    print(f"{'':38}{BEFORE + ', µs':>37}{CALLED + ', µs':>38}")
    heads = f"{'median':>10}{'p99':>9}{'/ all':>9}{'/ one':>9}"
    print(f"{'':38}{heads} {heads}")
    for row in rows:
        before = _cells(row.before, [each.before for each in ours])
        print(f"{row.way.name:38}{before} {_cells(row.called, [each.called for each in ours])}")
    print(
        "/ all, / one: times what plans take with all policies, and with the one rule, in the same "
        "round; the median of the rounds"
    )


def _cells(series: Series, ours: list[Series]) -> str:
    times = "".join(f"{series.times(each):9.1f}" for each in ours)
    return f"{series.median_us:10.2f}{series.p99_us:9.2f}{times}"


def keep(bench: Bench, rows: list[Row], of_peers: list[Way]) -> None:
    """What the goals ask for, of our own way and of each way of a peer."""
    ours = _ours(rows)
    bench.goals.among_peers = _beside(ours[0])
    for row in rows:
        if row.way not in of_peers:
            continue
        bench.goals.beside.append(_beside(row))
        for own in ours:
            times = row.before.times(own.before), row.called.times(own.called)
            bench.goals.times.append(Times(row.way.engine, own.way.engine, *times))


def _beside(row: Row) -> Beside:
    series = row.before
    thousand_ms = 1e6 / series.calls_per_second
    return Beside(row.way.name, row.way.engine, series.median_us, series.p99_us, thousand_ms)
