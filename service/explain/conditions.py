"""The condition of a rule as a tree that Python can walk: what must hold, in the law's own words.

Reads only clauses that `policy.reading` has accepted, so it has no complaint to make. What it makes
of them is for explanations: no decision depends on it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.policy.clauses import Clause, Parameter
from service.policy.statements import COMPARISONS
from service.policy.tokens import NAME, NUMBER, STRING, Token, value_of


class Name(NamedTuple):
    """A variable, or `request` or `context`."""

    text: str


class Literal(NamedTuple):
    """A value written in the policy."""

    value: Any


class Items(NamedTuple):
    """A list written in the policy; `rest` names what may follow."""

    of: tuple["Term", ...]
    rest: Name | None


class Chain(NamedTuple):
    """Reads, one from another; a step without arguments (None) is a fact, else a call."""

    root: Name
    steps: tuple[tuple[str, tuple["Term", ...] | None], ...]


Term = Name | Literal | Items | Chain


class Compare(NamedTuple):
    """Two terms and what must hold between them: `=`, `in`, `<` and so on."""

    sign: str
    left: Term
    right: Term


class Matches(NamedTuple):
    """Whether a term is of a class."""

    term: Term
    known: str


class Ask(NamedTuple):
    """A predicate of the policies."""

    name: str
    arguments: tuple[Term, ...]


class Not(NamedTuple):
    """What must not hold."""

    of: "Part"


class All(NamedTuple):
    """What must hold together."""

    of: tuple["Part", ...]


class Either(NamedTuple):
    """What must hold in one way at least."""

    of: tuple["Part", ...]


Part = Compare | Matches | Ask | Not | All | Either | Term


class Condition(NamedTuple):
    """One condition of a rule, as it stands in the file."""

    source: str
    part: Part


def conditions_of(clause: Clause, text: str) -> tuple[Condition, ...]:
    """What must hold for the clause, in order; `text` is the file in which it stands."""
    if not clause.body:
        return ()
    reader = _Reader(clause.body)
    found = []
    while True:
        first = reader.at
        part = reader.negated()
        begin, end = clause.body[first].at, reader.end()
        found.append(Condition(" ".join(text[begin:end].split()), part))
        if not reader.skips("and"):
            break
    if reader.peek() is not None:
        # An `or` at the top: only a predicate may have one, and then all of it is one condition.
        part = _Reader(clause.body).either()
        begin, end = clause.body[0].at, clause.body[-1].at + len(clause.body[-1].text)
        return (Condition(" ".join(text[begin:end].split()), part),)
    return tuple(found)


def parameter_term(parameter: Parameter) -> Term:
    """What a parameter of a head stands for."""
    words = parameter.tokens[:1] if parameter.specializer else parameter.tokens
    return _Reader(words).term()


class _Reader:
    """Walks the words of a body once; the depth of what it meets has been bounded before."""

    def __init__(self, words: Sequence[Token]):
        self.words = words
        self.at = 0

    def peek(self) -> str | None:
        return self.words[self.at].text if self.at < len(self.words) else None

    def end(self) -> int:
        last = self.words[self.at - 1]
        return last.at + len(last.text)

    def skips(self, text: str) -> bool:
        """Whether this word comes next; it is behind us then."""
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def either(self) -> Part:
        parts = [self.together()]
        while self.skips("or"):
            parts.append(self.together())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def together(self) -> Part:
        parts = [self.negated()]
        while self.skips("and"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negated(self) -> Part:
        if self.skips("not"):
            return Not(self.negated())
        return self.compared()

    def compared(self) -> Part:
        if self.skips("("):
            part = self.either()
            self.skips(")")
        else:
            part = self.term_or_ask()
        sign = self.peek()
        if sign not in COMPARISONS:
            return part
        self.at += 1
        if sign == "matches":
            self.at += 1
            return Matches(part, self.words[self.at - 1].text)
        return Compare(sign, part, self.term())

    def term_or_ask(self) -> Part:
        word = self.words[self.at]
        following = self.words[self.at + 1].text if self.at + 1 < len(self.words) else ""
        if word.kind == NAME and following == "(":
            self.at += 2
            return Ask(word.text, self._until(")"))
        return self.term()

    def term(self) -> Term:
        word = self.words[self.at]
        self.at += 1
        if word.kind == STRING:
            return Literal(value_of(word))
        if word.kind == NUMBER:
            return Literal(_number(word.text))
        if word.text == "-":
            self.at += 1
            return Literal(-_number(self.words[self.at - 1].text))
        if word.text in ("true", "false"):
            return Literal(word.text == "true")
        if word.text == "[":
            return self._items()
        if word.text == "(":
            inner = self.term()
            self.skips(")")
            return inner
        return self._chain(Name(word.text))

    def _chain(self, root: Name) -> Term:
        steps = []
        while self.skips("."):
            name = self.words[self.at].text
            self.at += 1
            steps.append((name, self._until(")") if self.skips("(") else None))
        return Chain(root, tuple(steps)) if steps else root

    def _until(self, closing: str) -> tuple[Term, ...]:
        terms = []
        while not self.skips(closing):
            terms.append(self.term())
            self.skips(",")
        return tuple(terms)

    def _items(self) -> Items:
        terms, rest = [], None
        while not self.skips("]"):
            if self.skips("*"):
                rest = self.term()
            else:
                terms.append(self.term())
            self.skips(",")
        return Items(tuple(terms), rest)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
