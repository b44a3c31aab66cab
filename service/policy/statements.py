"""Polar text cut into statements, and the words that Polar has and the law does not."""

from collections.abc import Iterable, Iterator, Sequence

from service.policy.tokens import FLAWED, KEYWORD, NAME, NUMBER, Flaw, Token

WORDS_LIMIT = 5_000

COMPARISONS = frozenset(("=", ":=", "==", "!=", "<", "<=", ">", ">=", "in", "matches"))
_BEFORE_A_VALUE = COMPARISONS | {"(", "[", ",", "if", "and", "or", "not"}

_ARITHMETIC = "the law does not calculate: write a predicate of the domain and call it"
_UNKNOWN_SIGN = "has no meaning here: remove it"
_REFUSED = {
    "?=": "an inline query runs while the policy loads: put the question in a decision table",
    "forall": "`forall` takes a missing attribute for true: write a predicate of the domain",
    "new": "the law makes no objects: read them from the subject, the resource or the request",
    "cut": "`cut` makes the order of rules matter: state the condition in each rule",
    "debug": "`debug` waits for a keyboard on the server: remove it, and use explain",
    "print": "`print` writes facts to the server's output: remove it, and use explain",
    "isa": "Polar no longer knows `isa`: write `matches`",
    "inf": "infinity compares in surprising ways: name a number",
    "nan": "compares with nothing: name a number",
    "mod": _ARITHMETIC, "rem": _ARITHMETIC, "+": _ARITHMETIC, "/": _ARITHMETIC,
    "{": "braces read attributes out of a reviewer's sight: write each as a condition after `if`",
    "|": _UNKNOWN_SIGN, "!": _UNKNOWN_SIGN,
}  # fmt: skip
_NO_ATTRIBUTES = frozenset(("true", "false", "inf", "nan", "isa", "mod", "rem"))


def statements(tokens: Iterable[Token]) -> Iterator[tuple[Token, ...]]:
    """Runs of words up to their semicolon, or to the end of a block in braces.

    A statement longer than WORDS_LIMIT is the last, cut off: where it ends is anybody's guess.
    """
    statement: list[Token] = []
    braces = 0
    for token in tokens:
        statement.append(token)
        if len(statement) > WORDS_LIMIT:
            break
        if token.text == "{":
            braces += 1
        elif token.text == "}":
            braces = max(0, braces - 1)
        elif token.text != ";":
            continue
        if not braces and (token.text == ";" or _is_block(statement)):
            yield tuple(statement)
            statement = []
    if statement:
        yield tuple(statement)


def _is_block(statement: Sequence[Token]) -> bool:
    names = next((i for i, t in enumerate(statement[:3]) if t.text == "{"), 0)
    return names > 0 and all(token.kind in (NAME, KEYWORD) for token in statement[:names])


def refused_words(statement: Sequence[Token]) -> Iterator[Flaw]:
    """Everything that Polar has and the law does not, wherever it stands in the statement."""
    first = statement[0]
    if len(statement) > WORDS_LIMIT:
        reason = f"more than {WORDS_LIMIT} words and no end: divide the rule, or end it with `;`"
        yield Flaw(first.at, first.text, reason)
        return
    if _is_block(statement):
        reason = "a block declares rules nobody can name: write each as a rule of its own"
        yield Flaw(first.at, " ".join(t.text for t in statement[:3]), reason)
        return
    if first.text == "type":
        yield Flaw(first.at, "type", "the service declares every signature itself: remove this one")
    before = after = None
    for i, token in enumerate(statement):
        after = statement[i + 1] if i + 1 < len(statement) else None
        if reason := _refusal(token, before, after):
            yield Flaw(token.at, token.text, reason)
        before = token


def _refusal(token: Token, before: Token | None, after: Token | None) -> str:
    text = token.text
    if token.kind == FLAWED:
        return token.reason
    if text == ".":
        return _refused_attribute(after)
    if before is not None and before.text == "." and text not in _NO_ATTRIBUTES:
        return ""
    if text == "-":
        signs = before is not None and before.text in _BEFORE_A_VALUE
        return "" if signs and after is not None and after.kind == NUMBER else _ARITHMETIC
    if text == "*":
        rest = before is not None and before.text in ("[", ",")
        return "" if rest and after is not None and after.kind == NAME else _ARITHMETIC
    return _REFUSED.get(text, "")


def _refused_attribute(after: Token | None) -> str:
    if after is None or after.kind not in (NAME, KEYWORD):
        return "only a name may follow the dot: an attribute is never computed or quoted"
    if after.text.startswith("_"):
        return f"`{after.text}` begins with an underscore: what Python keeps private stays so"
    return ""
