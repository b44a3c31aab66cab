"""The words of a Polar text, each with its place. Knows no grammar and no law."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

NAME, KEYWORD, STRING, NUMBER = "name", "keyword", "string", "number"
SIGN, FLAWED = "sign", "flawed"

KEYWORDS = frozenset(("and", "false", "if", "in", "matches", "not", "or", "true", "type")) | {
    *("cut", "debug", "forall", "inf", "isa", "mod", "nan", "new", "print", "rem"),
}

LINE_LIMIT = 10_000

# Every run is possessive or a single character: no input makes the expression go back.
_WORD = re.compile(
    r"""[ \t\n]++ | \#[^\n]*+
    | (?P<string> " (?: [^"\\\n]++ | \\[^\n] )*+ (?: (?P<closed>") | \\ )? )
    | (?P<number> [0-9][\w.]*+ )
    | (?P<name>   [^\W\d]\w*+ (?: ::\w++ )*+ )
    | (?P<sign>   := | == | != | <= | >= | \?= | [-+*/=<>:;,.(){}|!\[\]] )
    | (?P<flawed> . )""",
    re.VERBOSE,
)
# Polar reads `1.` and `1e5` as numbers too, and longer ones as infinity.
_PLAIN_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_ESCAPE = re.compile(r"\\.")
_PLAIN_ESCAPES = frozenset((r"\"", r"\\", r"\n", r"\r", r"\t"))


class Flaw(NamedTuple):
    """What cannot stand in a policy, where it begins, and the remedy."""

    at: int
    value: str
    reason: str


class Token(NamedTuple):
    """One word; a FLAWED one carries its reason and stands for nothing else."""

    kind: str
    text: str
    at: int
    reason: str = ""


class Places:
    """Lines and columns of a text, both counted from 1."""

    def __init__(self, text: str):
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def of(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1


def with_plain_line_ends(text: str) -> str:
    """The text with every CR and CRLF as a newline, which is how Polar ends a comment."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tokens(text: str) -> Iterator[Token]:
    """The words in order, without comments and white space."""
    for match in _WORD.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        word, at = match.group(), match.start()
        if reason := _flaw_of(kind, word, match):
            yield Token(FLAWED, word, at, reason)
        elif kind == NAME and word in KEYWORDS:
            yield Token(KEYWORD, word, at)
        else:
            yield Token(kind, word, at)


def _flaw_of(kind: str, word: str, match: re.Match[str]) -> str:
    if kind == SIGN:
        return ""
    if not word.isascii():
        stranger = next(character for character in word if not character.isascii())
        return f"holds {_called(stranger)}: only comments may go beyond ASCII"
    if kind == STRING:
        if match["closed"] is None:
            return 'this string never ends: close it with `"` on the same line'
        for escape in _ESCAPE.findall(word):
            if escape not in _PLAIN_ESCAPES:
                return f'the escape `{escape}` is not allowed: use \\" \\\\ \\n \\r or \\t'
    if kind == NUMBER and not _PLAIN_NUMBER.fullmatch(word):
        return "no plain number: write at most 18 digits, and at most 18 after the point"
    if kind == FLAWED:
        return "this character has no meaning in Polar: remove it"
    return ""


def flaws_of_text(text: str) -> Iterator[Flaw]:
    """Characters that could deceive a reader, and lines nobody can review; comments included."""
    suspects = {character for character in set(text) if _deception(character)}
    if suspects:
        for match in re.finditer("[" + re.escape("".join(sorted(suspects))) + "]", text):
            yield Flaw(match.start(), f"U+{ord(match.group()):04X}", _deception(match.group()))
    start = 0
    for line in text.split("\n"):
        if len(line) > LINE_LIMIT:
            reason = f"a line of {len(line)} characters: break it below {LINE_LIMIT + 1}"
            yield Flaw(start + LINE_LIMIT, line[LINE_LIMIT : LINE_LIMIT + 20], reason)
        start += len(line) + 1


def _deception(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\n\t" or category not in ("Cc", "Cf", "Zl", "Zp"):
        return ""
    if character == "\ufeff":
        return "a byte order mark: save the file as UTF-8 without one"
    # INVARIANT (no trojan source): what a reviewer sees is in the order the engine reads.
    if character in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        return "a bidirectional control shows text in another order than it is read in: remove it"
    if category == "Cc":
        return "a control character: remove it"
    if category != "Cf":
        return "looks like the end of a line and is none to the engine: use a newline"
    # The joiners are part of correct spelling in Persian, Hindi and many other languages.
    return "" if character in "\u200c\u200d" else "cannot be seen by a reviewer: remove it"


def _called(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'unnamed')}".rstrip()


def value_of(string: Token) -> str:
    """What a STRING means: its text without quotes and escapes."""
    meanings = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda m: meanings.get(m[1], m[1]), string.text[1:-1])
