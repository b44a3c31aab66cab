"""Usage of a tenant, counted as the records come: attribution, peaks, distinct users, overage.

Records come in the order in which they begin. So it is enough to remember who is logged in now, and
a year needs no more memory than an hour: what grows is only the number of people and of months.

Time is cut wherever a subscription begins or ends. Between two cuts the same subscriptions are
active, so that one of them is the primary, their entitlement is one number, and a mapping means the
same for everybody: the access gate and overage go by one clock (requirements 3.5).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from service.domain.accounts import account_itself, organization_record
from service.domain.billing import MONTH, SEATS, BillingTerms, UsageType
from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.domain.identifiers import spell_moment
from service.domain.periods import EVER, Period, windows
from service.domain.records import UserRecord
from service.domain.stretches import Stretch, Window, stretch_of, windows_of
from service.domain.subscriptions import end_of, is_active, subscriptions_of
from service.domain.usage_records import Lines, Usage, read_line, read_usage
from service.errors import Problem


class _Seat(NamedTuple):
    """Somebody who is logged in; those who leave first come first."""

    ends: datetime
    user: str
    subscription: str
    named: str
    """The subscription that the record names; empty if it leaves that to the mapping."""


class Meter:
    """Takes the records of one tenant one by one, and says at the end what they come to.

    Args:
        period: what is counted; a log-in that reaches over its ends counts for the part inside.
        months: whether to cut at the first of each month (UTC) as well.
    """

    def __init__(
        self,
        directory: Directory,
        account: str,
        terms: BillingTerms,
        period: Period = EVER,
        months: bool = False,
    ):
        record = account_itself(directory, account)
        self.account = account
        self.types = terms.usage
        self.accepted = self.refused = self.outside = 0
        self._directory = directory
        self._terms = terms
        self._gated = record.subscription_required
        self._bought = subscriptions_of(directory, account)
        self._age = {bought.key[1]: index for index, bought in enumerate(self._bought)}
        self._period = period
        cuts = [edge for each in self._bought for edge in (each.starts, each.ends)]
        cuts += [end_of(each, terms.grace_days) for each in self._bought]
        if months:
            cuts += period.months()
        if terms.entitled == MONTH and self._bought:
            # Outside of these nothing is active, and nobody is entitled to anything.
            cuts += Period(min(cuts), max(cuts)).months()
        self._windows = list(windows_of(windows(period, cuts), self._bought, terms))
        self._ends = [window.period.until for window in self._windows]
        self._at = 0
        self._users: dict[str, tuple[str, ...]] = {}
        self._seats: dict[str, list[_Seat]] = {
            name: [] for name, kind in terms.usage.items() if kind.counted == SEATS
        }
        self._until: dict[tuple[str, str], datetime] = {}
        self._last = period.since

    def take(self, usage: Usage | Problem) -> Problem | None:
        """Count a record, or say why it does not count; then nothing has changed.

        Records that lie outside the period count for nothing, wherever they stand. What could not
        even be read is refused like any other.
        """
        problem = usage if type(usage) is Problem else self._take(usage)
        if problem is not None:
            self.refused += 1
        return problem

    def _take(self, usage: Usage) -> Problem | None:
        since, until = self._period
        begins, ends = usage.begins, usage.ends
        if begins >= until or (begins < since and (ends is None or ends <= since)):
            self.outside += 1
            return None
        if begins < since:
            usage = usage._replace(begins=since)
        problem = self._add(usage)
        if problem is None:
            self.accepted += 1
        return problem

    def _add(self, usage: Usage) -> Problem | None:
        kind, user, begins, ends, quantity, named = usage
        problem = self._stranger(user, named)
        if problem is not None:
            return problem
        if begins < self._last:
            field = "at" if ends is None else "from"
            reason = "lies before a record above it; sort the records by when they begin"
            return Problem(field, spell_moment(begins), reason)
        at = self._at
        if begins >= self._windows[at].period.until:
            at = bisect_right(self._ends, begins, at + 1)
        window = self._windows[at]
        subscription = self._subscription(window, kind, user, named)
        if type(subscription) is Problem:
            return subscription
        if ends is not None:
            seat = (kind.name, user)
            before = self._until.get(seat)
            if before is not None and begins < before:
                reason = f"overlaps the log-in of `{user}` that lasts until {spell_moment(before)}"
                return Problem("from", spell_moment(begins), reason)
            self._until[seat] = ends
        # From here on nothing is refused, so that time may go on.
        while self._at < at:
            self._go_on()
        self._last = begins
        tally = window.tally(kind.name)
        if ends is None:
            tally.quantity[subscription] = tally.quantity.get(subscription, 0) + quantity
        else:
            seats = self._seats[kind.name]
            while seats and seats[0][0] <= begins:
                tally.leave(heappop(seats)[2])
            heappush(seats, _Seat(ends, user, subscription, named or ""))
            tally.enter(user, subscription, begins)
        return None

    def _stranger(self, user: str | None, named: str | None) -> Problem | None:
        """What is wrong with whom a record names, at whatever time."""
        mapped: tuple[str, ...] | None = ()
        if user is not None:
            mapped = self._users.get(user)
            if mapped is None:
                mapped = self._mapped(user)
                if mapped is None:  # not remembered: there may be millions of them
                    reason = f"is no user of `{self.account}` or of what lies below it"
                    return Problem("user", user, reason)
                self._users[user] = mapped
        if named is not None:
            if named not in self._age:
                return Problem("subscription", named, f"is no subscription of `{self.account}`")
            if user is not None and named not in mapped:
                return Problem("subscription", named, f"is none to which `{user}` is mapped")
        return None

    def _mapped(self, user: str) -> tuple[str, ...] | None:
        """The subscriptions of this tenant to which the user is mapped, oldest first."""
        record = self._directory.get(("user", user))
        if not isinstance(record, UserRecord):
            return None
        memberships = record.memberships
        paths = (organization_record(self._directory, place).path for place, _ in memberships)
        if not any(self.account in path[ACCOUNT_LEVEL - 1 : ACCOUNT_LEVEL] for path in paths):
            return None
        mine = (name for name in record.subscriptions if name in self._age)
        return tuple(sorted(mine, key=self._age.__getitem__))

    def _subscription(
        self, window: Window, kind: UsageType, user: str | None, named: str | None
    ) -> str | Problem:
        """Whose usage it is (S2-10, DC-19), or why there can be none."""
        if named is not None and not self._is_active(named, window, self._terms.grace_days):
            return Problem("subscription", named, "is not active at that time")
        own = None
        if user is not None:
            own = self._of_user(window, user)
            if own is None and self._gated:
                reason = "has no active subscription at that time, and so no access"
                return Problem("user", user, reason)
        if not kind.split:
            responsible = window.responsible(kind.name)
            if named is not None and named != responsible:
                reason = f"takes no {kind.name}, which is not split: it is `{responsible}`'s"
                return Problem("subscription", named, reason)
            return responsible
        return named or own or window.responsible(kind.name)

    def _of_user(self, window: Window, user: str) -> str | None:
        """The oldest active subscription to which the user is mapped, else one in its grace."""
        known = window.of_user
        if user not in known:
            mapped, days = self._users[user], self._terms.grace_days
            found = (name for name in mapped if self._is_active(name, window))
            late = (name for name in mapped if self._is_active(name, window, days))
            known[user] = next(found, None) or next(late, None)
        return known[user]

    def _is_active(self, name: str, window: Window, grace_days: int = 0) -> bool:
        return is_active(self._bought[self._age[name]], window.period.since, grace_days)

    def _go_on(self) -> None:
        """Begin the next stretch; whoever is logged in goes along, if there is still access."""
        self._windows[self._at].of_user.clear()
        self._at += 1
        window = self._windows[self._at]
        since = window.period.since
        for name, seats in self._seats.items():
            kept = []
            for ends, user, _, named in seats:
                if ends > since:
                    days = self._terms.grace_days
                    still = named if named and self._is_active(named, window, days) else None
                    later = self._subscription(window, self._terms.usage[name], user, still)
                    if type(later) is not Problem:
                        kept.append(_Seat(ends, user, later, named))
            self._seats[name] = sorted(kept)  # which is a heap
            for seat in self._seats[name]:
                window.tally(name).enter(seat.user, seat.subscription, since)

    def finish(self) -> tuple[Stretch, ...]:
        """What all records came to: every stretch in which something was used, in order."""
        while self._at + 1 < len(self._windows):
            self._go_on()
        return tuple(stretch_of(each, self._terms) for each in self._windows if each.tallies)


class LineCount:
    """Gives lines of records to a meter, as pieces of bytes come."""

    def __init__(self, meter: Meter):
        self.meter = meter
        self._lines = Lines()

    def take(self, piece: bytes) -> Iterator[tuple[int, Problem]]:
        """Count the lines that this piece ends; the number of each that is refused, and why."""
        return self._count(self._lines.of(piece))

    def end(self) -> Iterator[tuple[int, Problem]]:
        """Count what is left when no more comes."""
        return self._count(self._lines.last())

    def _count(self, found: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Problem]]:
        meter = self.meter
        for number, line in found:
            problem = meter.take(read_line(line, meter.types))
            if problem is not None:
                yield number, problem


def count_lines(meter: Meter, pieces: Iterable[bytes]) -> Iterator[tuple[int, Problem]]:
    """Count every line of all pieces; the number of each that is refused, and why."""
    count = LineCount(meter)
    for piece in pieces:
        yield from count.take(piece)
    yield from count.end()


def count_values(meter: Meter, values: Iterable[Any]) -> Iterator[tuple[int, Problem]]:
    """Count every record of these JSON values; the place of each that is refused, from 1."""
    for number, value in enumerate(values, start=1):
        problem = meter.take(read_usage(value, meter.types))
        if problem is not None:
            yield number, problem
