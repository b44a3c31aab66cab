"""One record of usage, read strictly: what was used, by whom, when.

A record is wrong by itself or not at all: whatever is wrong with it, the others stay as they are.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

from service.domain.billing import SEATS, UsageType
from service.domain.identifiers import parse_moment
from service.domain.strict_json import read_json
from service.errors import MalformedDocument, Problem, RequestTooLarge

LINE_LIMIT_BYTES = 16_384
_BLANK = b" \t\r"
_LEVELS = 2  # a record is an object of plain values

_OF_SEATS = frozenset(("type", "user", "from", "until", "subscription"))
_OF_QUANTITY = frozenset(("type", "user", "at", "quantity", "subscription"))
_MOST_QUANTITY = 2**53


class Usage(NamedTuple):
    """Somebody was logged in from `begins` to `ends`, or used so much at `begins`."""

    kind: UsageType
    user: str | None
    begins: datetime
    ends: datetime | None
    """Exclusive; None for a quantity."""
    quantity: int
    subscription: str | None
    """The one that the record itself names; None leaves it to the mapping of the user."""


def read_line(line: bytes, types: Mapping[str, UsageType]) -> Usage | Problem:
    """The record that a line of JSON spells, or what is wrong with it."""
    if len(line) > LINE_LIMIT_BYTES:
        return Problem("", None, f"is longer than {LINE_LIMIT_BYTES} bytes")
    try:
        value = read_json(line, _LEVELS)
    except (MalformedDocument, RequestTooLarge) as error:
        return Problem("", None, f"is no record: {error}")
    return read_usage(value, types)


def read_usage(value: Any, types: Mapping[str, UsageType]) -> Usage | Problem:
    """The record that a JSON value spells, or the first thing wrong with it.

    `{"type": "agents", "user": "ragna", "from": …, "until": …}` for what is counted in seats,
    `{"type": "ivr", "at": …, "quantity": 12}` for what is counted by quantity; there `user` may be
    left out. Both may name a `subscription`. Moments are times with a zone: a date alone, or a
    local time, would mean another instant to somebody else.
    """
    if type(value) is not dict:
        return Problem("", None, "is not an object")
    name = value.get("type")
    kind = types.get(name) if type(name) is str else None
    if kind is None:
        return _unknown_type(name, types)
    seats = kind.counted == SEATS
    known = _OF_SEATS if seats else _OF_QUANTITY
    if not value.keys() <= known:
        return _unknown_field(value, known)
    user, subscription = value.get("user"), value.get("subscription")
    if user is not None and type(user) is not str:
        return Problem("user", user, "is not a string")
    if subscription is not None and type(subscription) is not str:
        return Problem("subscription", subscription, "is not a string")
    field = "from" if seats else "at"
    begins = _moment(value.get(field))
    if begins is None:
        return _no_moment(field, value)
    if not seats:
        quantity = value.get("quantity")
        if type(quantity) is not int or not 0 <= quantity <= _MOST_QUANTITY:
            what = "is missing; it is" if quantity is None else "is not"
            return Problem("quantity", quantity, f"{what} a whole number from 0")
        return Usage(kind, user, begins, None, quantity, subscription)
    if user is None:
        return Problem("user", None, "is missing: seats are counted by who sits on them")
    ends = _moment(value.get("until"))
    if ends is None:
        return _no_moment("until", value)
    if ends <= begins:
        return Problem("until", value["until"], "is not after `from`")
    return Usage(kind, user, begins, ends, 1, subscription)


def _moment(value: Any) -> datetime | None:
    """The instant of a time with a zone. A date is none here: usage has an hour."""
    if type(value) is not str or len(value) < 11:
        return None
    if value[-1] == "Z":  # nearly all, and the quick way for them
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo is UTC else None
    return parse_moment(value)


def _no_moment(field: str, value: Mapping[str, Any]) -> Problem:
    given = value.get(field)
    what = "is missing; it is" if given is None else "is no"
    return Problem(field, given, f"{what} time with a zone, such as 2026-01-01T00:00:00+01:00")


def _unknown_type(name: Any, types: Mapping[str, UsageType]) -> Problem:
    known = f"known are {', '.join(types) or 'none'} (billing.toml)"
    return Problem(
        "type", name, f"{'is missing' if name is None else 'is no type of usage'}; {known}"
    )


def _unknown_field(value: Mapping[str, Any], known: frozenset[str]) -> Problem:
    field = min(value.keys() - known)
    near = get_close_matches(field, known, 1)
    hint = f"; did you mean `{near[0]}`?" if near else f"; known are {', '.join(sorted(known))}"
    return Problem(field[:80], None, f"is not known here{hint}")


class Lines:
    """Pieces of bytes put together to lines: those that are not blank, with their numbers from 1.

    Of a line that is longer than the limit, no more is kept than shows that it is.
    """

    __slots__ = ("_number", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def of(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that this piece ends."""
        *whole, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[: LINE_LIMIT_BYTES + 1]
        for line in whole:
            self._number += 1
            if line := line.strip(_BLANK):
                yield self._number, line

    def last(self) -> Iterator[tuple[int, bytes]]:
        """The line that nothing ended, if there is one."""
        yield from self.of(b"\n")
