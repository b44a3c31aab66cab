"""Coverage: who loses access when, if nobody is mapped anew (S2-20 to S2-24).

Nothing here knows what access hangs on. It asks a gate, which asks the policies, at the instants
at which the facts change by themselves; and where an answer is another just before the next of
them (a grace has run out), it finds the instant in between, of which there is one. So the calendar
says what the policies will decide, whatever they say.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol

from service.domain.accounts import account_itself, people_of
from service.domain.directory import Directory
from service.domain.periods import FOREVER
from service.domain.records import SubscriptionRecord, UserRecord
from service.domain.subscriptions import subscriptions_of

MOST_GRACE = timedelta(days=366)
"""How long after the last end is looked for a change."""
_TICK = timedelta.resolution


class Gate(Protocol):
    """What the policies say of access, at any time."""

    def opens(self, user: UserRecord, places: Sequence[str], now: datetime) -> bool:
        """Whether the user then has access to one of these organizations."""
        ...

    def mapping(self, users: Sequence[str], target: str, now: datetime) -> tuple[str, ...]:
        """Those of these users who may then map `target` to a subscription that goes on."""
        ...

    def rescuers(self, target: str, now: datetime) -> tuple[str, ...]:
        """Whoever may do that from outside, as `type:id`."""
        ...


class Change(NamedTuple):
    """One person loses access, or gets it, if everything stays as it is."""

    at: datetime
    user: str
    opens: bool
    because: tuple[str, ...]
    """The subscriptions, of those the person is mapped to, that ended last, or began."""


class State(NamedTuple):
    """How things stand after all changes of one instant."""

    at: datetime
    without: tuple[str, ...]
    """Everybody who then has no access."""
    mapping: tuple[str, ...]
    """Who inside the tenant can then map people, and so give access back."""
    rescue: tuple[str, ...]
    """Who outside can, where nobody inside can; as `type:id`."""

    @property
    def trapped(self) -> bool:
        """Whether people are locked out and nobody inside can let them in (the lock-out trap)."""
        return bool(self.without) and not self.mapping


class Coverage(NamedTuple):
    """What time alone will do to the access of an account's people."""

    account: str
    since: datetime
    required: bool
    """Whether access hangs on subscriptions here at all."""
    people: tuple[str, ...]
    states: tuple[State, ...]
    """The first is now; one for each instant at which something changes."""
    changes: tuple[Change, ...]


def coverage(directory: Directory, account: str, now: datetime, gate: Gate) -> Coverage:
    """Who of the account and of all below it will lose access, when, and what will then be left.

    Archived people have no access to lose. Changes come in order of time and then of the id.

    Raises:
        UnknownEntity, NotAnAccount: there are no subscriptions there.
    """
    required = account_itself(directory, account).subscription_required
    bought = subscriptions_of(directory, account)
    people = [
        (user, places) for user, places in people_of(directory, account) if user.status == "active"
    ]
    points = _points(bought, now)
    changes: list[Change] = []
    open_now: dict[str, bool] = {}
    for user, places in people:

        def opens(moment: datetime, user=user, places=places) -> bool:
            return gate.opens(user, places, moment)

        open_now[user.key[1]] = opens(now)
        for at, opened in _changes(points, opens):
            changes.append(Change(at, user.key[1], opened, _reason(user, bought, at, opened)))
    changes.sort(key=lambda change: (change.at, change.user))
    states = tuple(_states(now, open_now, changes, gate))
    names = tuple(user.key[1] for user, _ in people)
    return Coverage(account, now, required, names, states, tuple(changes))


def _points(bought: Sequence[SubscriptionRecord], now: datetime) -> list[datetime]:
    """The instants from now on at which a subscription begins or ends, and one when all is over."""
    edges = {edge for each in bought for edge in (each.starts, each.ends) if edge > now}
    last = max(edges, default=now)
    return [now, *sorted(edges), FOREVER if last > FOREVER - MOST_GRACE else last + MOST_GRACE]


def _changes(points: Sequence[datetime], opens) -> Iterator[tuple[datetime, bool]]:
    before = opens(points[0])
    for begins, ends in pairwise(points):
        first, last = opens(begins), opens(ends - _TICK)
        if first != before:
            yield begins, first
        if last != first:
            yield _turn(begins, ends - _TICK, opens), last
        before = last


def _turn(begins: datetime, ends: datetime, opens) -> datetime:
    """The first instant, to the microsecond, at which the answer is what it is at `ends`."""
    last = opens(ends)
    while ends - begins > _TICK:
        between = begins + (ends - begins) / 2
        if opens(between) == last:
            ends = between
        else:
            begins = between
    return ends


def _reason(
    user: UserRecord, bought: Sequence[SubscriptionRecord], at: datetime, opened: bool
) -> tuple[str, ...]:
    """The subscriptions of the user with the last edge before the change."""
    edges = [
        (each.starts if opened else each.ends, each.key[1])
        for each in bought
        if each.key[1] in user.subscriptions
    ]
    passed = [edge for edge in edges if edge[0] <= at]
    latest = max((edge for edge, _ in passed), default=None)
    return tuple(name for edge, name in passed if edge == latest)


def _states(
    now: datetime, open_now: dict[str, bool], changes: Iterable[Change], gate: Gate
) -> Iterator[State]:
    standing = dict(open_now)
    yield _state(now, standing, gate)
    pending: list[Change] = []
    for change in [*changes, None]:
        if pending and (change is None or change.at != pending[0].at):
            standing.update((each.user, each.opens) for each in pending)
            yield _state(pending[0].at, standing, gate)
            pending = []
        if change is not None:
            pending.append(change)


def _state(at: datetime, standing: dict[str, bool], gate: Gate) -> State:
    without = tuple(sorted(name for name, opened in standing.items() if not opened))
    # Whoever is locked out needs the rescue; else it is asked for anybody.
    target = next(iter(without), min(standing, default=None))
    if target is None:
        return State(at, (), (), ())
    mapping = gate.mapping(sorted(standing), target, at)
    trapped = without and not mapping
    return State(at, without, mapping, gate.rescuers(target, at) if trapped else ())
