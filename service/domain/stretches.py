"""Stretches of time in which the same subscriptions are active: what is counted in one, and whose.

Between two cuts one of them is the primary, their entitlement is one number, and overage is what
the whole tenant used beyond it (S2-15), charged to the one that is responsible (S2-14).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from service.domain.billing import ACTIVE, SEATS, BillingTerms, UsageType
from service.domain.in_force import Entitled, Oldest
from service.domain.periods import Period, month_of
from service.domain.records import SubscriptionRecord
from service.domain.subscriptions import ANSWERS, Bought

NAMED = "named"
NOBODY = ""
"""Stands for the subscription of what belongs to none."""


class Part(NamedTuple):
    """What of one type falls to one subscription; None is usage that no subscription covers."""

    subscription: str | None
    used: int
    overage: int


class Counted(NamedTuple):
    """The usage of one type in one stretch: the tenant's aggregate, and how it is split."""

    kind: str
    used: int
    """Of the whole tenant; of seats it is the peak, or how many different people, not the sum."""
    entitled: int
    overage: int
    charged_to: str | None
    peak_at: datetime | None
    """When for the first time most people were logged in at once, where that is what counts."""
    parts: tuple[Part, ...]


class Stretch(NamedTuple):
    """Time in which the same subscriptions were active, and what was used in it."""

    period: Period
    primary: str | None
    type: str | None
    """concurrent or named; None while nothing is active."""
    counted: tuple[Counted, ...]


class Tally:
    """One type of usage in one stretch."""

    __slots__ = ("_named", "now", "peak", "peak_at", "peaks", "people", "quantity", "total")

    def __init__(self, named: bool) -> None:
        self._named = named
        self.quantity: dict[str, int] = {}
        self.people: dict[str, str] = {}
        self.now: dict[str, int] = {}
        self.peaks: dict[str, int] = {}
        self.total = self.peak = 0
        self.peak_at: datetime | None = None

    def enter(self, user: str, subscription: str, now: datetime) -> None:
        """Somebody logs in."""
        if self._named:
            self.people.setdefault(user, subscription)
            return
        here = self.now[subscription] = self.now.get(subscription, 0) + 1
        if here > self.peaks.get(subscription, 0):
            self.peaks[subscription] = here
        self.total += 1
        if self.total > self.peak:
            self.peak, self.peak_at = self.total, now

    def leave(self, subscription: str) -> None:
        """Somebody logs out."""
        if not self._named:
            self.now[subscription] -= 1
            self.total -= 1


class Window:
    """What is known of one stretch before any record comes; without a primary nothing is active."""

    __slots__ = ("_responsible", "entitled", "of_user", "period", "primary", "tallies", "type")

    def __init__(
        self,
        period: Period,
        primary: SubscriptionRecord | None = None,
        responsible: Mapping[str, str] = {},
        entitled: Mapping[str, int] = {},
    ):
        self.period = period
        self.primary = None if primary is None else primary.key[1]
        self.type = None if primary is None else primary.type
        self.entitled = entitled
        self.tallies: dict[str, Tally] = {}
        self.of_user: dict[str, str | None] = {}
        self._responsible = responsible

    def responsible(self, kind: str) -> str:
        """The id of the subscription that answers for this type; NOBODY if none is active."""
        return self._responsible.get(kind, NOBODY)

    def tally(self, kind: str) -> Tally:
        """The tally of this type, a new one if there is none."""
        found = self.tallies.get(kind)
        if found is None:
            found = self.tallies[kind] = Tally(self.type == NAMED)
        return found


def windows_of(periods: Iterable[Period], bought: Bought, terms: BillingTerms) -> Iterator[Window]:
    """A window for each of these periods, which come in order, and in none of which a subscription
    begins or ends."""
    can = ANSWERS[terms.responsible]
    oldest = Oldest(bought)
    oldest_for = {
        kind: Oldest([record for record in bought if can(record, kind)]) for kind in terms.usage
    }
    entitled = Entitled((_entitling(record, terms), record.entitlements) for record in bought)
    for period in periods:
        now = period.since
        primary = oldest.at(now)
        if primary is None:
            yield Window(period)
            continue
        responsible = {kind: (of.at(now) or primary).key[1] for kind, of in oldest_for.items()}
        yield Window(period, primary, responsible, entitled.at(now))


def _entitling(record: SubscriptionRecord, terms: BillingTerms) -> Period:
    """The time in which the entitlements of a subscription count, while any is active (DC-20)."""
    if terms.entitled == ACTIVE:
        return Period(record.starts, record.ends)
    last = month_of(record.ends)
    ends = record.ends if record.ends == last.since else last.until
    return Period(month_of(record.starts).since, ends)


def stretch_of(window: Window, terms: BillingTerms) -> Stretch:
    """What all that was counted in it comes to."""
    counted = tuple(
        _counted(window, terms.usage[name], tally, window.entitled.get(name, 0))
        for name, tally in sorted(window.tallies.items())
    )
    return Stretch(window.period, window.primary, window.type, counted)


def _counted(window: Window, kind: UsageType, tally: Tally, entitled: int) -> Counted:
    peak_at = None
    if kind.counted != SEATS:
        by_subscription, used = tally.quantity, sum(tally.quantity.values())
    elif window.type == NAMED:
        by_subscription, used = _how_many(tally.people.values()), len(tally.people)
    else:
        by_subscription, used, peak_at = tally.peaks, tally.peak, tally.peak_at
    charged_to = window.responsible(kind.name) or None
    over = overage(used, entitled) if kind.overage and charged_to else 0
    shares = {charged_to: 0} if over else {}
    shares.update({name or None: 0 for name in by_subscription})
    return Counted(
        kind.name,
        used,
        entitled,
        over,
        charged_to if over else None,
        peak_at,
        tuple(
            Part(name, by_subscription.get(name or NOBODY, 0), over if name == charged_to else 0)
            for name in sorted(shares, key=lambda name: (name is None, name))
        ),
    )


def _how_many(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def overage(used: int, entitled: int) -> int:
    """How much of the tenant's aggregate usage exceeds its aggregate entitlement (S2-15, S2-16)."""
    return max(0, used - entitled)
