"""JSON as RFC 8259 and I-JSON (RFC 7493) mean it: one reading, or none.

Python's own reader takes NaN, silently keeps the last of two members of one name, accepts lone
surrogates and UTF-16. Each of these lets two programs read one body differently, and the one that
decides must not be fooled by that.
"""

import json
import re
from typing import Any

from service.errors import MalformedDocument, RequestTooLarge

DEPTH_LEVELS = 32
INTEGER_DIGITS = 308

_OPENING = re.compile(rb"[\[{]")
_ESCAPED = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")


def read_json(body: bytes, depth_levels: int | None = DEPTH_LEVELS) -> Any:
    """The value that `body` spells, at most `depth_levels` deep unless that is None.

    Raises:
        MalformedDocument: not UTF-8, not JSON, a member named twice in one object, a number beyond
            IEEE double, a lone surrogate or a NUL in a string.
        RequestTooLarge: nested deeper than `depth_levels`, or than Python's reader can follow.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedDocument(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise MalformedDocument("begins with a byte order mark; send plain UTF-8", 1, 1)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedDocument(
            f"not JSON: {error.msg.lower()}", error.lineno, error.colno
        ) from None
    except RecursionError:
        raise RequestTooLarge("nesting", depth_levels or DEPTH_LEVELS, "levels") from None
    # Both walks cost more than reading; a body that cannot need them is spared them.
    if depth_levels is not None and len(_OPENING.findall(body)) > depth_levels:
        _refuse_depth(value, depth_levels)
    if _ESCAPED.search(body):
        _refuse_unspeakable(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise MalformedDocument(f"member `{name[:80]}` stands twice in one object")
            seen.add(name)
    return result


def _constant(name: str) -> Any:
    raise MalformedDocument(f"{name} is not a JSON number")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise MalformedDocument("a number lies beyond what IEEE double can hold")
    return value


def _integer(digits: str) -> int:
    if len(digits) > INTEGER_DIGITS:
        raise MalformedDocument("a number lies beyond what IEEE double can hold")
    return int(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_constant,
    parse_float=_float,
    parse_int=_integer,
)


def _refuse_depth(value: Any, depth_levels: int) -> None:
    layer = [value]
    for _ in range(depth_levels):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        if not layer:
            return
    raise RequestTooLarge("nesting", depth_levels, "levels")


def _refuse_unspeakable(value: Any) -> None:
    """Lone surrogates and NUL: legal to Python, fatal to databases, logs and oso."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str):
            if "\0" in item:
                raise MalformedDocument("a string holds a NUL character")
            if any("\ud800" <= character <= "\udfff" for character in item):
                raise MalformedDocument("a string holds a lone surrogate")
