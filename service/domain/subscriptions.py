"""Subscriptions of a tenant: which are active, which is the oldest, which answers for what."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from service.domain.directory import Directory
from service.domain.periods import FOREVER
from service.domain.records import SubscriptionRecord

Bought = Sequence[SubscriptionRecord]
"""Subscriptions, the oldest first."""


def oldest_first(records: Iterable[SubscriptionRecord]) -> tuple[SubscriptionRecord, ...]:
    """In order of the day on which each began, then of the id (DC-18).

    A renewal moves the end of a subscription and leaves its age.
    """
    return tuple(sorted(records, key=lambda record: (record.starts, record.key[1])))


def subscriptions_of(directory: Directory, account: str) -> tuple[SubscriptionRecord, ...]:
    """All that the account ever bought, the oldest first."""
    keys = directory.linked(("organization", account), "subscription")
    return oldest_first(directory.records[key] for key in keys)


def is_active(record: SubscriptionRecord, now: datetime, grace_days: int = 0) -> bool:
    """Whether its term has begun and has not ended, or ended less than so many days ago."""
    return record.starts <= now < end_of(record, grace_days)


def end_of(record: SubscriptionRecord, grace_days: int = 0) -> datetime:
    """When its term is over, and so many days after it."""
    try:
        return record.ends + timedelta(days=grace_days)
    except OverflowError:  # the last days of all time
        return FOREVER


def active(bought: Bought, now: datetime) -> tuple[SubscriptionRecord, ...]:
    """Those whose term has begun and has not ended (the end exclusive, DC-18b), oldest first."""
    return tuple(record for record in bought if is_active(record, now))


def primary(bought: Bought, now: datetime) -> SubscriptionRecord | None:
    """The oldest active one (S2-11); None if none is active."""
    return next(iter(active(bought, now)), None)


def entitlement(in_force: Bought) -> dict[str, int]:
    """How much of each type of usage these entitle to together (S2-16, DC-20)."""
    sums: Counter[str] = Counter()
    for record in in_force:
        sums.update(record.entitlements)
    return dict(sorted(sums.items()))


ANSWERS: Mapping[str, Callable[[SubscriptionRecord, str], bool]] = {
    "primary": lambda record, usage_type: True,
    "earliest-with-type": lambda record, usage_type: bool(record.entitlements.get(usage_type)),
}
"""Whether a subscription can answer for a type of usage. The oldest active one that can does; if
none can, the primary does.

The one place that knows: for all types the primary one (S2-14), or for each the one that has had
it longest and still has it (requirements 3.8). `billing.toml` says which rule is in force.
"""


def responsible(rule: str, in_force: Bought, usage_type: str) -> SubscriptionRecord | None:
    """Which of the active subscriptions, the oldest first, answers for a type of usage; None if
    none is active."""
    can = (record for record in in_force if ANSWERS[rule](record, usage_type))
    return next(can, next(iter(in_force), None))
