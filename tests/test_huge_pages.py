"""Huge pages: a worker moves its facts to them when told to, and answers as it did before."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from serving import serving

from service.serving.huge_pages import whole_pages

SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")
needs_huge_pages = pytest.mark.skipif(
    not SWITCH.exists() or "[never]" in SWITCH.read_text(),
    reason=f"the kernel gives none: {SWITCH} is missing, or says never",
)
MiB = 1 << 20

MAPPINGS = """\
00400000-00e00000 r-xp 00000000 00:1f 1234                               /usr/bin/python3.11
00e00000-01e00000 rw-p 00a00000 00:1f 1234                               /usr/bin/python3.11
02100000-02900000 rw-p 00000000 00:00 0                                  [heap]
7f0000100000-7f0000700000 rw-p 00000000 00:00 0 
7f0000800000-7f0000900000 rw-p 00000000 00:00 0 
7f0001000000-7f0002000000 r--p 00000000 00:00 0 
7f0003000000-7f0004000000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7f0005000000-7f0005200000 rw-p 00000000 00:00 0                          [anon: facts]
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0                          [stack]
"""  # noqa: W291  (proc_pid_maps(5) ends its lines so)


def test_only_memory_that_is_written_to_and_holds_a_whole_page_is_moved():
    assert list(whole_pages(MAPPINGS, 2 * MiB)) == [
        (0x02200000, 6 * MiB),
        (0x7F0000200000, 4 * MiB),
    ]


FILL_AND_MOVE = """
from service.serving.huge_pages import move_to_huge_pages
held = [str(number) * 10 for number in range(1_000_000)]
moved = move_to_huge_pages()
assert held == [str(number) * 10 for number in range(1_000_000)]
print(moved, open("/proc/self/smaps_rollup").read())
"""


def in_huge_pages(rollup):
    return int(re.search(r"^AnonHugePages: +([0-9]+) kB$", rollup, re.MULTILINE)[1]) * 1024


@needs_huge_pages
def test_what_is_held_stands_in_huge_pages_and_is_what_it_was():
    done = subprocess.run(
        [sys.executable, "-c", FILL_AND_MOVE], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    moved, _, rollup = done.stdout.partition(" ")

    assert int(moved) > 64 * MiB
    # An older kernel does not move them at once, but has been asked to.
    if in_huge_pages(rollup) == 0:
        pytest.skip("this kernel moves pages by and by: Linux 6.1 does so at once")
    assert in_huge_pages(rollup) > 64 * MiB


@needs_huge_pages
@pytest.mark.parametrize(("told", "moves"), [("true", True), ("false", False)])
def test_a_worker_moves_its_facts_if_it_is_told_to(told, moves):
    with serving(WATERSHED_HUGE_PAGES=told, WATERSHED_WORKERS="1") as server:
        assert server.decides()
        (worker,) = server.workers()
        asked = "hg" in flags_of(worker)

    assert asked == moves


def flags_of(process):
    """What the kernel has been told of the process's memory (proc_pid_smaps(5), VmFlags)."""
    lines = Path(f"/proc/{process}/smaps").read_text().splitlines()
    return {flag for line in lines if line.startswith("VmFlags:") for flag in line.split()[1:]}


def test_where_there_are_none_the_log_says_so_and_everything_is_answered(capfd, tmp_path):
    switch = tmp_path / "enabled"
    switch.write_text("always madvise [never]\n")
    prelude = f"""
from pathlib import Path
from service.serving import huge_pages
huge_pages._ALLOWED = Path({str(switch)!r})"""
    with serving(WATERSHED_HUGE_PAGES="true", WATERSHED_WORKERS="1", prelude=prelude) as server:
        assert server.decides()
        (worker,) = server.workers()
        assert "hg" not in flags_of(worker)

    assert "no huge pages" in capfd.readouterr().err
