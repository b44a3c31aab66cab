"""Names of things: ids, `type:id` references, and the moments that terms begin and end."""

import re
import unicodedata
from datetime import UTC, date, datetime

Key = tuple[str, str]
"""A thing's type and id, e.g. ("channel", "d1"). Two things of different types may share an id."""

ID_LENGTH_CHARACTERS = 256

# What almost every id looks like; the reasons below are for the few that do not.
_PLAIN = rf'[!"$-~]{{1,{ID_LENGTH_CHARACTERS}}}'
_PLAIN_ID = re.compile(_PLAIN).fullmatch
_PLAIN_IDS = re.compile(f"{_PLAIN}(?: {_PLAIN})*").fullmatch


def id_problem(value: object) -> str | None:
    """Why `value` cannot be an id, or None when it can (contract section 1).

    Ids are compared as they are: upper and lower case differ, and a text that is not in NFC is
    refused instead of being quietly changed into another id.
    """
    if not isinstance(value, str):
        return "is not a string"
    if _PLAIN_ID(value):
        return None
    if not value:
        return "is empty"
    if len(value) > ID_LENGTH_CHARACTERS:
        return f"is longer than {ID_LENGTH_CHARACTERS} characters"
    if "#" in value:
        return "contains `#`"
    if not value.isprintable() or " " in value:
        return "contains white space or an invisible character"
    if not unicodedata.is_normalized("NFC", value):
        return "is not in Unicode normal form C"
    return None


def are_plain_ids(values: list) -> bool:
    """Whether all of these look like almost every id does; where not, they may be ids all the same.

    One look at all of them takes a third of the time that one at each takes.
    """
    try:
        text = " ".join(values)
    except TypeError:  # not all of them are strings
        return False
    return text.count(" ") < len(values) and _PLAIN_IDS(text) is not None


def parse_reference(text: object) -> Key | None:
    """The type and id of `type:id`, split at the first colon; None if it is not of that form."""
    if not isinstance(text, str):
        return None
    kind, colon, name = text.partition(":")
    return (kind, name) if colon and kind and name else None


def reference(key: Key) -> str:
    """`type:id`, the spelling of a key in documents, tables and on the command line."""
    return f"{key[0]}:{key[1]}"


def parse_moment(value: object) -> datetime | None:
    """The instant that `value` names, in UTC, or None if it names none.

    A date is its first instant in UTC. A time without a zone names no instant.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        try:
            return None if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:  # the first or last hours of all time, in a zone far from UTC
            return None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def spell_moment(moment: datetime) -> str:
    """RFC 3339 in UTC, with no more digits than the instant needs."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
