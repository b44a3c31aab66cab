"""What is in force of a tenant's subscriptions as time goes on.

Whoever asks for one instant after the other pays for each subscription once, however many there
are: what has ended never comes back, and nothing begins before what is older.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from service.domain.periods import Period
from service.domain.records import SubscriptionRecord
from service.domain.subscriptions import Bought


class Oldest:
    """The oldest active one of some subscriptions, at instants that come in order."""

    __slots__ = ("_at", "_bought")

    def __init__(self, bought: Bought) -> None:
        self._bought = bought
        self._at = 0

    def at(self, now: datetime) -> SubscriptionRecord | None:
        """The one at that time; None if none is active."""
        bought = self._bought
        while self._at < len(bought) and bought[self._at].ends <= now:
            self._at += 1
        if self._at == len(bought) or now < bought[self._at].starts:
            return None
        return bought[self._at]


class Entitled:
    """How much of each type of usage some entitlements come to, at instants that come in order."""

    __slots__ = ("_beginning", "_ending", "_sums")

    def __init__(self, terms: Iterable[tuple[Period, Mapping[str, int]]]) -> None:
        # The next one stands last.
        self._beginning = sorted(terms, key=lambda term: term[0].since, reverse=True)
        self._ending = sorted(self._beginning, key=lambda term: term[0].until, reverse=True)
        self._sums: Counter[str] = Counter()

    def at(self, now: datetime) -> dict[str, int]:
        """The sum of those whose term has begun and has not ended, by type."""
        while self._beginning and self._beginning[-1][0].since <= now:
            self._sums.update(self._beginning.pop()[1])
        while self._ending and self._ending[-1][0].until <= now:
            self._sums.subtract(self._ending.pop()[1])
        return dict(self._sums)
