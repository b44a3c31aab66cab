"""The benchmarks of explanations and impacts still run: on the smallest world, and little of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain.py", "S", "--requests", "3"), r"(allow|deny) again +3 .* goal p95 ≤ 50 ms"),
        (("explain.py", "S", "--impact", "--moves", "2"), r"median of the last 2: .* goal ≤ 2 s"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_benchmark_runs_to_its_last_line(arguments, told):
    script, *options = arguments

    done = subprocess.run(
        [sys.executable, BENCHMARKS / script, *options], capture_output=True, text=True, timeout=120
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert re.search(told, done.stdout.splitlines()[-1])
