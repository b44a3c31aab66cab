"""Clauses read from their words, without recursion. Knows the grammar, not the law.

Accepts less than Polar does: only forms whose every attribute read can be listed (`chains`).
"""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from service.policy.statements import COMPARISONS, refused_words
from service.policy.tokens import NAME, NUMBER, STRING, Flaw, Token, value_of

DEPTH_LIMIT = 64
TERMS_LIMIT = 500
CHAIN_LIMIT = 16

_BEFORE_A_CONDITION = frozenset(("if", "and", "or", "not", "("))


class Parameter(NamedTuple):
    """One parameter of a head: a name with or without its class, or a literal."""

    tokens: tuple[Token, ...]
    specializer: str | None

    @property
    def name(self) -> str | None:
        return self.tokens[0].text if self.tokens[0].kind == NAME else None

    @property
    def string(self) -> str | None:
        return value_of(self.tokens[0]) if self.tokens[0].kind == STRING else None


class Chain(NamedTuple):
    """Attributes and methods read one from another, beginning at a name."""

    root: Token
    names: tuple[str, ...]


class Call(NamedTuple):
    """A predicate of the policy, asked in a body."""

    name: Token
    arity: int


class Clause(NamedTuple):
    """One rule or fact: `head(parameters) if body;`."""

    head: Token
    parameters: tuple[Parameter, ...]
    body: tuple[Token, ...]  # after `if`, without the semicolon; empty for a fact
    end: int  # offset behind the semicolon
    chains: tuple[Chain, ...]
    calls: tuple[Call, ...]
    passed: frozenset[str]  # names handed to a predicate or a method


def read_clause(statement: Sequence[Token]) -> Clause | tuple[Flaw, ...]:
    """The clause, or all its refused words, or the first word at which the statement is none."""
    if refused := tuple(refused_words(statement)):
        return refused
    try:
        return _Reader(statement).clause()
    except _Stopped as stopped:
        return stopped.args


class _Stopped(Exception):
    """Carries, as its only argument, the flaw at which reading ended."""


class _Frame:
    """An open bracket: what it opens, and whether conditions may stand inside."""

    __slots__ = ("arguments", "conditions", "in_call", "kind", "opening", "owner")

    def __init__(self, kind, opening, *, conditions=False, in_call=False, owner=None):
        self.kind = kind  # "head", "predicate", "method", "group" or "list"
        self.opening = opening
        self.conditions = conditions
        self.in_call = in_call  # among the arguments of a call, however deep
        self.owner = owner  # the predicate's name, or the chain that a method belongs to
        self.arguments = 0


# What the reader has just read, or waits for.
_DUE, _CLASS_DUE, _ATTRIBUTE_DUE = "an operand", "a class name", "an attribute"
_NAMED, _ATTRIBUTE, _CALLED = "a name", "an attribute read", "a method called"
_VALUE, _REST, _HEAD = "a value", "the rest of a list", "a head"


class _Reader:
    """Walks a statement once from left to right.

    Open brackets are kept in a list: no nesting can exhaust Python's stack.
    """

    def __init__(self, statement: Sequence[Token]):
        self.statement = statement
        self.state = _DUE
        self.stack: list[_Frame] = []
        self.before = statement[0]
        self.chain: list[str] = []
        self.chains: list[tuple[Token, list[str]]] = []
        self.calls: list[Call] = []
        self.passed: set[str] = set()
        self.parameters: list[Parameter] = []
        self.terms = 1

    def clause(self) -> Clause:
        statement = self.statement
        name, last = statement[0], statement[-1]
        if name.kind != NAME or len(statement) < 2 or statement[1].text != "(":
            self._stop(name, "a rule begins with a name and its parameters: `allow(…)`")
        self._open("head", statement[1])
        self.before, self.parameter, body = statement[1], 2, len(statement) - 1
        for i in range(2, len(statement)):
            token = statement[i]
            if token.text == ";":
                break
            if self.state is _HEAD:
                if token.text != "if":
                    self._stop(token, "after the parameters comes `if` or `;`")
                self.state, body = _DUE, i + 1
            elif self.state in (_DUE, _CLASS_DUE, _ATTRIBUTE_DUE):
                self._operand(token, i)
            else:
                self._operator(token, i)
            self.before = token
        self._end(last)
        return Clause(
            name, tuple(self.parameters), tuple(statement[body:-1]), last.at + 1,
            tuple(Chain(root, tuple(names)) for root, names in self.chains),
            tuple(self.calls), frozenset(self.passed),
        )  # fmt: skip

    def _end(self, last: Token) -> None:
        if self.stack:
            self._stop(self.stack[-1].opening, "this bracket is never closed")
        if last.text != ";":
            self._stop(last, "the rule does not end: `;` is missing after this")
        if self.state in (_DUE, _CLASS_DUE, _ATTRIBUTE_DUE):
            self._stop(last, f"{self.state} is missing before this")

    def _operand(self, token: Token, i: int) -> None:
        text = token.text
        if self.state is _ATTRIBUTE_DUE:
            self.chain.append(text)
            if len(self.chain) > CHAIN_LIMIT:
                self._stop(token, f"a chain of more than {CHAIN_LIMIT} names: write a predicate")
            self.state = _ATTRIBUTE
        elif self.state is _CLASS_DUE:
            if token.kind != NAME:
                self._stop(token, "only the name of a class may stand here")
            self.state = _VALUE
        elif token.kind == NAME:
            if self.stack and self.stack[-1].kind == "list":
                # Rules that wrap what they are given nest it deeper than the engine's stack.
                self._stop(token, "a list holds literals only: compare with a predicate")
            if self._in_call():
                self.passed.add(text)
            self.state = _REST if self.before.text == "*" else _NAMED
        elif token.kind in (STRING, NUMBER) or text in ("true", "false"):
            self.state = _VALUE
        elif text == "(" and not self._in_head():
            conditions = self._conditions() and self.before.text in _BEFORE_A_CONDITION
            self._open("group", token, conditions=conditions, in_call=self._in_call())
        elif text == "[":
            self._open("list", token, in_call=self._in_call())
        elif text in (")", "]") and self._may_be_empty():
            self._close(token, i)
        elif text == "not":
            if not (self._conditions() and self.before.text in _BEFORE_A_CONDITION - {"not"}):
                self._stop(token, "`not` stands only before a condition")
        elif text == "*":
            if not self.stack or self.stack[-1].kind != "list":
                self._stop(token, "`*` names the rest of a list and stands nowhere else")
        elif text != "-":
            self._stop(token, "something is missing before this")

    def _operator(self, token: Token, i: int) -> None:
        text = token.text
        if text in (")", "]"):
            self._close(token, i)
        elif self.state is _REST:
            self._stop(token, "the rest of a list is its last part: `]` is missing before this")
        elif text == ":" and self._among_parameters():
            if self.state is not _NAMED or i - self.parameter != 1:
                self._stop(token, "only a name can be given a class")
            self.state = _CLASS_DUE
        elif text == "," and self.stack and self.stack[-1].kind != "group":
            self._finish_argument(i)
            self.parameter = i + 1 if self._among_parameters() else self.parameter
            self.state = _DUE
        elif text in (".", "(") and self._in_head():
            self._stop(token, "a head takes names and literals: put the condition after `if`")
        elif text == ".":
            self._dot(token)
        elif text == "(" and self.state in (_NAMED, _ATTRIBUTE):
            self._call(token)
        elif text in COMPARISONS or text in ("and", "or"):
            self._connect(token)
        elif text == ",":
            self._stop(token, "conditions are joined by `and`")
        elif text == "if" and self.stack:
            self._stop(self.stack[-1].opening, "this bracket is never closed")
        else:
            self._stop(token, "an operator, `and` or `;` is missing before this")

    def _dot(self, token: Token) -> None:
        if self.state is _NAMED:
            self.chain = [self.before.text]
            self.chains.append((self.before, self.chain))
        elif self.state not in (_ATTRIBUTE, _CALLED):
            self._stop(token, "an attribute is read from a name only: `user.name`")
        self.state = _ATTRIBUTE_DUE

    def _call(self, token: Token) -> None:
        if self.state is _ATTRIBUTE:
            self._open("method", token, in_call=True, owner=self.chain)
        elif self._conditions():
            self._open("predicate", token, in_call=True, owner=self.before)
        else:
            self._stop(self.before, "a predicate is a condition and has no value")

    def _connect(self, token: Token) -> None:
        text = token.text
        if not self._conditions():
            self._stop(token, "a condition cannot stand inside arguments, a list or a value")
        if text in ("and", "or"):
            self.terms += 1
            if self.terms > TERMS_LIMIT:
                self._stop(token, f"more than {TERMS_LIMIT} conditions in one rule: divide it")
        elif text == ":=" and self.state is not _NAMED:
            self._stop(token, "only a name can be given a value")
        self.state = _CLASS_DUE if text == "matches" else _DUE

    def _open(self, kind: str, token: Token, **inside) -> None:
        self.stack.append(_Frame(kind, token, **inside))
        if len(self.stack) > DEPTH_LIMIT:
            self._stop(token, f"nested deeper than {DEPTH_LIMIT} levels: divide the rule")
        self.state = _DUE

    def _close(self, token: Token, i: int) -> None:
        if not self.stack:
            self._stop(token, "closes a bracket that was never opened")
        frame = self.stack[-1]
        if (frame.opening.text == "[") != (token.text == "]"):
            self._stop(token, f"does not close the `{frame.opening.text}` that is open")
        if self.before is not frame.opening:
            self._finish_argument(i)
        self.stack.pop()
        self.state = {"head": _HEAD, "method": _CALLED}.get(frame.kind, _VALUE)
        if frame.kind == "method":
            self.chain = frame.owner
        elif frame.kind == "predicate":
            self.calls.append(Call(frame.owner, frame.arguments))

    def _finish_argument(self, i: int) -> None:
        frame = self.stack[-1]
        frame.arguments += 1
        if frame.kind == "head":
            words = tuple(self.statement[self.parameter : i])
            typed = len(words) == 3 and words[1].text == ":"
            self.parameters.append(Parameter(words, words[2].text if typed else None))

    def _in_head(self) -> bool:
        return bool(self.stack) and self.stack[0].kind == "head"

    def _among_parameters(self) -> bool:
        return bool(self.stack) and self.stack[-1].kind == "head"

    def _conditions(self) -> bool:
        return not self.stack or self.stack[-1].conditions

    def _in_call(self) -> bool:
        return bool(self.stack) and self.stack[-1].in_call

    def _may_be_empty(self) -> bool:
        frame = self.stack[-1] if self.stack else None
        return frame is not None and frame.kind != "group" and self.before is frame.opening

    def _stop(self, token: Token, reason: str) -> NoReturn:
        raise _Stopped(Flaw(token.at, token.text, reason))
