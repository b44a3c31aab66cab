"""How long one answer may be thought about: processor time of the thread, not of the clock.

What else the machine does has no say in it, so an answer comes about as far whenever it is asked.
"""

import time
from collections.abc import Callable

IsSpent = Callable[[], bool]
"""Says whether there is no more time. It is asked before each piece of work that may be left out.
"""


def processor_time(milliseconds: int) -> IsSpent:
    """True from when this thread has worked for so long, beginning now."""
    last = time.thread_time_ns() + milliseconds * 1_000_000
    return lambda: time.thread_time_ns() >= last


def never() -> bool:
    """For those who wait as long as it takes."""
    return False
