"""Stretches of time as people name them: a month, a year, or two instants."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

_SPELLED = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)
ALWAYS = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)


class Period(NamedTuple):
    """Time from one instant to another, the end not included."""

    since: datetime
    until: datetime

    def months(self) -> list[datetime]:
        """The first instants of months that lie inside, in UTC; none if it has no end."""
        found: list[datetime] = []
        if FOREVER in self or ALWAYS in self:
            return found
        month = _next_month(self.since)
        while month < self.until:
            found.append(month)
            month = _next_month(month)
        return found


def month_of(moment: datetime) -> Period:
    """The month, in UTC, in which the instant lies."""
    return Period(datetime(moment.year, moment.month, 1, tzinfo=UTC), _next_month(moment))


EVER = Period(ALWAYS, FOREVER)


def read_period(value: object) -> Period | None:
    """The month or the year, in UTC, that "2025-11" or "2025" names; None if it names none."""
    spelled = _SPELLED.fullmatch(value) if isinstance(value, str) else None
    if spelled is None:
        return None
    year, month = int(spelled[1]), int(spelled[2] or 1)
    if not (1 <= year < datetime.max.year and 1 <= month <= 12):
        return None
    since = datetime(year, month, 1, tzinfo=UTC)
    if spelled[2] is None:
        return Period(since, since.replace(year=year + 1))
    return Period(since, _next_month(since))


def _next_month(moment: datetime) -> datetime:
    year, month = moment.year + moment.month // 12, moment.month % 12 + 1
    if year > datetime.max.year:
        return FOREVER
    return datetime(year, month, 1, tzinfo=UTC)


def windows(period: Period, cuts: Iterable[datetime]) -> list[Period]:
    """The period cut into pieces at those of the instants that lie inside it."""
    inside = sorted({cut for cut in cuts if period.since < cut < period.until})
    edges = [period.since, *inside, period.until]
    return [Period(*pair) for pair in pairwise(edges)]
