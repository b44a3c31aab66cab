"""Benchmarks still run, on the smallest world and little of it, and say what they measured."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(ROOT))

from benchmarks import peers  # noqa: E402
from benchmarks.beside import compare  # noqa: E402
from benchmarks.goals import Beside, Goals, Times  # noqa: E402
from benchmarks.town import Asked, Way  # noqa: E402

ASKED = Asked("u1", None, "u1@o1", "read", "c1", "ch1", "o1")
DECIDE = ("decide.py", "S", "--questions", "20", "--rounds", "1", "--trees", "10", "100")
EIGHT_FIGURES = r"( +[0-9]+\.[0-9]+){8}"


def run(script, *options):
    command = [sys.executable, BENCHMARKS / script, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain.py", "S", "--requests", "3"), r"(allow|deny) again +3 .* goal p95 ≤ 50 ms"),
        (("explain.py", "S", "--impact", "--moves", "2"), r"median of the last 2: .* goal ≤ 2 s"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_benchmark_runs_to_its_last_line(arguments, told):
    done = run(*arguments)

    assert (0, "") == (done.returncode, done.stderr)
    assert re.search(told, done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def decided():
    """One short run of all parts of decide.py, with the peers that are installed."""
    return run(*DECIDE, "--peers", "--peers-world", "S")


def test_decisions_are_timed_to_the_last_goal(decided):
    told = r"flat: ≤ 1.5 times +(yes|no) .* and memory alone [0-9.]+ times$"

    assert (0, "") == (decided.returncode, decided.stderr)
    assert re.search(told, decided.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "row",
    [
        "plans, all policies",
        "plans, the one rule",
        "oso alone, the one rule",
        "a dict of frozensets, no engine",
    ],
)
def test_each_way_is_timed_spelled_before_and_by_the_caller(decided, row):
    assert re.search(f"^{row}{EIGHT_FIGURES}$", decided.stdout, re.MULTILINE)


@pytest.mark.skipif(not peers.missing(), reason="all peers are installed")
def test_peers_that_are_not_installed_are_named(decided):
    named = re.search(r"^not installed, and so not asked: (.*)$", decided.stdout, re.MULTILINE)

    assert ", ".join(peers.missing()) == named[1]


@pytest.mark.parametrize("answer", [False, None, "true", 1])
def test_a_way_that_answers_otherwise_ends_the_comparison(answer):
    ways = [way("right", True), way("wrong", answer)]

    with pytest.raises(SystemExit, match="wrong does not answer True"):
        compare([ASKED], ways)


def way(name, answer):
    return Way(name, name, lambda asked: answer, lambda asked: (asked,))


def test_the_one_rule_passes_the_checks_of_every_law():
    command = [sys.executable, "-m", "service", "policies", "check"]
    environment = {"WATERSHED_POLICIES": str(BENCHMARKS / "one_rule"), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_peer_is_judged_by_its_fastest_way():
    goals = Goals()
    goals.times += [Times("regorus", "the one rule", before, before) for before in (9.0, 4.0)]

    assert [("≥ 5 times regorus: the one rule", "no")] == [each[:2] for each in goals.judged()]


@pytest.mark.parametrize(
    ("before", "called", "verdict"),
    [
        (5, 5, "yes"),
        (4.9, 4.9, "no"),
        (4.9, 5, "by the caller only"),
        (5, 4.9, "spelled before only"),
    ],
)
def test_a_goal_beside_a_peer_is_reached_however_questions_are_spelled(before, called, verdict):
    goals = Goals()
    goals.times.append(Times("cedarpy", "all policies", before, called))

    assert [verdict] == [told for _, told, _ in goals.judged()]


def test_what_the_goal_does_not_name_is_told_apart():
    goals = Goals()
    goals.medians_us.append(3.0)
    goals.p99s_us.append(8.0)
    goals.times_oso.append(80)
    goals.among_peers = Beside("plans", "all policies", 4.0, 9.0, 5.0)
    goals.beside += [
        Beside("in the input", "regorus", 12.0, 20.0, 13.0),
        Beside("machine", "regorus compiled", 6.0, 10.0, 7.0),
    ]

    told = {goal: measured for goal, _, measured in goals.judged()}

    assert (
        "3.00 µs; among peers 4.00, their fastest 12.00, 3.0 times (in the input), "
        "beyond the goal 6.00, 1.5 times (machine)"
    ) == told["median ≤ 3 µs"]
