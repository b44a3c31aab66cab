"""Facts in huge pages, where Linux has them: less of a decision goes into finding where they stand.

A processor keeps the places of a few thousand pages at hand. The facts of a large world stand on
more, of 4 KiB each, so that nearly each record is waited for twice: for where its page is, and for
what is on it. Of pages of 2 MiB a few hundred hold them all.

What stands there is the process's own. A worker that would have shared the pages of the process it
was forked from has its own copy of the facts from then on, which is why nobody does this unasked.
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

_MAPPINGS = Path("/proc/self/maps")
_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_ALLOWED = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# Of madvise(2): may be moved to huge pages by and by; is moved now, which Linux does from 6.1 on.
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25

# Its own memory, to be written to, and no file: what is allocated, and the heap.
_MEMORY = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ \S+ 0 *(?:\[heap\])?")


def move_to_huge_pages() -> int:
    """Bytes of this process that stand in huge pages now, or will when the kernel gets to it.

    0 where the system has none or does not allow them; then nothing has changed. Takes about 3 ms
    a MiB.
    """
    try:
        if "[never]" in _ALLOWED.read_text():
            return 0
        spans = list(whole_pages(_MAPPINGS.read_text(), int(_SIZE.read_text())))
        advise = ctypes.CDLL(None).madvise
    except (OSError, ValueError, AttributeError):  # another system, or another kernel
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    moved = 0
    for begin, length in spans:
        if advise(begin, length, _MADV_HUGEPAGE) == 0:
            advise(begin, length, _MADV_COLLAPSE)
            moved += length
    return moved


def whole_pages(mappings: str, size: int) -> Iterator[tuple[int, int]]:
    """The memory of a process that whole pages of this size fit into: address and length.

    `mappings` are spelled as in proc_pid_maps(5).
    """
    for line in mappings.splitlines():
        if found := _MEMORY.fullmatch(line):
            begin, end = (int(address, 16) for address in found.groups())
            first, last = -(-begin // size) * size, end // size * size
            if first < last:
                yield first, last - first
