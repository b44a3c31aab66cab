"""JSON as RFC 8259 and I-JSON (RFC 7493) mean it: one reading, or none.

Python's own reader takes NaN, silently keeps the last of two members of one name, accepts lone
surrogates and UTF-16. Each of these lets two programs read one body differently, and the one that
decides must not be fooled by that.
"""

import json
import re
from typing import Any

import orjson

from service.errors import MalformedDocument, RequestTooLarge

DEPTH_LEVELS = 32
INTEGER_DIGITS = 308

_ESCAPED = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")


def read_json(body: bytes, depth_levels: int | None = DEPTH_LEVELS) -> Any:
    """The value that `body` spells, at most `depth_levels` deep unless that is None.

    Raises:
        MalformedDocument: not UTF-8, not JSON, a member named twice in one object, a number beyond
            IEEE double, a lone surrogate or a NUL in a string.
        RequestTooLarge: nested deeper than `depth_levels`, or than Python's reader can follow.
    """
    value = _UNPROVEN if depth_levels is None else _read_quickly(body, depth_levels)
    return read_strictly(body, depth_levels) if value is _UNPROVEN else value


def read_strictly(body: bytes, depth_levels: int | None = DEPTH_LEVELS) -> Any:
    """What `read_json` reads, looking at every member: the reader that says what JSON is."""
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
    if depth_levels is not None and _openings(body) > depth_levels:
        _refuse_depth(value, depth_levels)
    if _ESCAPED.search(body):
        _refuse_unspeakable(value)
    return value


# Most bodies are plain: no escapes, no unusual numbers. A quick reader gives the same value for
# them, and the value, spelled again, proves it: what reads as the body does, but for white space,
# has all its members and numbers. Whatever is not proven is read strictly, and only the strict
# reader ever refuses.

_UNPROVEN = object()
_BACKSLASH = ord("\\")
_WHITE_SPACE = b" \n\r\t"
_FEW_BYTES = 1_024
"""Up to here, brackets are counted sooner than matched."""
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_NO_BRACKET_OR_QUOTE = bytes(set(range(256)) - set(b'[]{}"'))


def _read_quickly(body: bytes, depth_levels: int) -> Any:
    """The value that `read_strictly` would give, or _UNPROVEN."""
    if _BACKSLASH in body:
        return _UNPROVEN
    try:
        value = orjson.loads(body)
        spelled = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _UNPROVEN
    # Without escapes a string ends at the next quote, so that white space can be dropped from
    # inside strings too: nothing else becomes another token by that. Of two members of one name,
    # of which the reader keeps the last, both must be spelled.
    if spelled != body:
        bare = body.translate(None, _WHITE_SPACE)
        if spelled != bare and spelled.translate(None, _WHITE_SPACE) != bare:
            return _UNPROVEN
    return value if _is_shallow(spelled, depth_levels) else _UNPROVEN


def _openings(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _is_shallow(body: bytes, depth_levels: int) -> bool:
    """Whether this JSON without escapes is at most that deep: each pass strips one level."""
    if len(body) <= _FEW_BYTES and _openings(body) <= depth_levels:
        return True
    marks = body.translate(_ONE_KIND_OF_BRACKET, _NO_BRACKET_OR_QUOTE)
    if 2 * marks.count(b'""') == marks.count(b'"'):
        brackets = marks.translate(None, b'"')
    else:  # some string holds a bracket, and has no quote beside its own
        outside_strings = b"".join(body.split(b'"')[::2])
        brackets = outside_strings.translate(_ONE_KIND_OF_BRACKET, _NO_BRACKET)
    for _ in range(depth_levels):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return True
    return False


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
