"""A rule evaluated condition by condition, over the facts as they are: which hold, which do not.

The engine says which rules match and stops at the first condition that fails. To say how near a
rule came, its other conditions are asked here, through the same allow-list. No decision is made
from this; a law of the tests holds it to the engine's word.
"""

from collections.abc import Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from service.domain.items import Organizations
from service.domain.reading import Readable
from service.explain import conditions as law
from service.explain.lawbook import Clause, Law
from service.policy.question import Question
from service.policy.reads import END, Refused, element, equal, read
from service.policy.source import Rule

WAYS_LIMIT = 200
"""Ways to satisfy the first conditions of a rule that are followed to the last."""

_ORDERS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_NATIVE_CLASSES = {
    "String": (str,),
    "Boolean": (bool,),
    "Integer": (int,),
    "Float": (float,),
    "Number": (int, float),
    "List": (list, tuple),
}
Env = Mapping[str, Any]


class Unbound(Exception):
    """A condition speaks of a value that no condition before it could give."""


class Fact(NamedTuple):
    """One thing that was read of a value: the answer, or why there is none."""

    owner: Any
    name: str
    """The word of the policies; "element" or "equal" for what Polar asks itself."""
    arguments: tuple[Any, ...]
    answer: Any
    failure: str | None = None


class Judged(NamedTuple):
    """A condition, whether it holds, and what was read for it.

    `holds` is None where it could not be asked: it needs a value that an earlier condition failed
    to give. A condition that reads what is not there does not hold, and `failure` says what.
    """

    source: str
    holds: bool | None
    part: law.Part
    env: Env
    facts: tuple[Fact, ...]
    failure: str | None = None


class Evaluation:
    """One question, asked of single rules."""

    def __init__(self, known: Law, question: Question):
        self.law = known
        self.question = question
        self.facts: list[Fact] = []
        self._constants = {"request": question.request, "context": question.context}

    def has_shape(self, rule: Rule) -> bool:
        """Whether the rule speaks of such a subject, action and resource at all."""
        if rule.actions and self.question.action not in rule.actions:
            return False
        return self._head(self.law.clause(rule)) is not None

    def judge(self, rule: Rule) -> tuple[Judged, ...]:
        """Every condition of a rule of the right shape, in the way in which fewest fail."""
        clause = self.law.clause(rule)
        ways: list[tuple[Env, tuple[Judged, ...]]] = [(self._head(clause) or {}, ())]
        for condition in clause.conditions:
            ways = [way for before in ways for way in self._further(before, condition)]
            ways = sorted(ways, key=lambda way: missing(way[1]))[:WAYS_LIMIT]
        return ways[0][1]

    def _further(
        self, before: tuple[Env, tuple[Judged, ...]], condition: law.Condition
    ) -> Iterator[tuple[Env, tuple[Judged, ...]]]:
        env, judged = before
        self.facts = []
        holds: bool | None = False
        failure = None
        try:
            for after in self._solve(condition.part, env):
                facts = tuple(self.facts)
                yield after, (*judged, Judged(condition.source, True, condition.part, env, facts))
                holds = True
        except Unbound:
            holds = None
        except Refused as refused:
            holds, failure = False, refused.failure.detail
        if holds is not True:
            facts = tuple(self.facts) if holds is False else ()
            last = Judged(condition.source, holds, condition.part, env, facts, failure)
            yield env, (*judged, last)

    def _head(self, clause: Clause) -> Env | None:
        subject, action, resource, _, _ = self.question
        env: dict[str, Any] = {}
        given = (subject, action, resource)
        for (term, known), value in zip(clause.parameters, given, strict=False):
            if known is not None and not self._is_a(value, known):
                return None
            if isinstance(term, law.Literal) and term.value != value:
                return None
            if isinstance(term, law.Name) and term.text != "_":
                env[term.text] = value
        return env

    def _is_a(self, value: Any, known: str) -> bool:
        of_class = self.law.classes.get(known)
        if of_class is not None:
            return isinstance(value, of_class)
        natives = _NATIVE_CLASSES.get(known, ())
        return isinstance(value, natives) and (type(value) is not bool or known == "Boolean")

    # Solving: each way in which a part holds, as what is bound then.

    def _solve(self, part: law.Part, env: Env) -> Iterator[Env]:
        if isinstance(part, law.Compare):
            yield from self._compared(part, env)
        elif isinstance(part, law.Ask):
            yield from self._asked(part, env)
        elif isinstance(part, law.Not):
            if next(self._solve(part.of, env), None) is None:
                yield env
        elif isinstance(part, law.All):
            yield from self._all(part.of, env)
        elif isinstance(part, law.Either):
            for one in part.of:
                yield from self._solve(one, env)
        elif isinstance(part, law.Matches):
            if self._is_a(self._value(part.term, env), part.known):
                yield env
        elif self._value(part, env) is True:
            yield env

    def _all(self, parts: tuple[law.Part, ...], env: Env) -> Iterator[Env]:
        if not parts:
            yield env
            return
        for after in self._solve(parts[0], env):
            yield from self._all(parts[1:], after)

    def _compared(self, part: law.Compare, env: Env) -> Iterator[Env]:
        if part.sign in _ORDERS:
            left, right = self._value(part.left, env), self._value(part.right, env)
            if _ORDERS[part.sign](left, right):
                yield env
        elif part.sign == "!=":
            if not self._equal(self._value(part.left, env), self._value(part.right, env)):
                yield env
        elif part.sign == "in":
            for value in self._elements(self._value(part.right, env)):
                yield from self._unified(part.left, value, env)
        elif self._is_free(part.left, env):
            yield from self._unified(part.left, self._value(part.right, env), env)
        else:
            yield from self._unified(part.right, self._value(part.left, env), env)

    def _asked(self, part: law.Ask, env: Env) -> Iterator[Env]:
        for clause in self.law.clauses(part.name, len(part.arguments)):
            inner = self._entered(clause, part, env)
            if inner is None:
                continue
            for solved in self._all(tuple(each.part for each in clause.conditions), inner):
                after = self._left(clause, part, env, solved)
                if after is not None:
                    yield after

    def _entered(self, clause: Clause, part: law.Ask, env: Env) -> Env | None:
        """What the parameters of a clause stand for, or None where the arguments do not fit."""
        inner: dict[str, Any] = {}
        for (term, known), argument in zip(clause.parameters, part.arguments, strict=True):
            if self._is_free(argument, env):
                continue
            value = self._value(argument, env)
            if known is not None and not self._is_a(value, known):
                return None
            solved = next(self._unified(term, value, inner), None)
            if solved is None:
                return None
            inner = dict(solved)
        return inner

    def _left(self, clause: Clause, part: law.Ask, env: Env, solved: Env) -> Env | None:
        """What is bound once a clause holds; None where it gives one argument two values."""
        after: Env | None = env
        for (term, _), argument in zip(clause.parameters, part.arguments, strict=True):
            if after is not None and self._is_free(argument, env):
                value = self._value(term, solved)
                after = next(self._unified(argument, value, after), None)
        return after

    def _unified(self, term: law.Term, value: Any, env: Env) -> Iterator[Env]:
        if self._is_free(term, env):
            yield env if term.text == "_" else {**env, term.text: value}
        elif isinstance(term, law.Items) and isinstance(value, list | tuple):
            count = len(term.of)
            if len(value) == count or (term.rest is not None and len(value) > count):
                found: list[Env] = [env]
                for one, each in zip(term.of, value, strict=False):
                    found = [
                        after for before in found for after in self._unified(one, each, before)
                    ]
                if term.rest is not None:
                    rest = list(value[count:])
                    found = [a for b in found for a in self._unified(term.rest, rest, b)]
                yield from found
        elif self._equal(self._value(term, env), value):
            yield env

    def _is_free(self, term: law.Part, env: Env) -> bool:
        return (
            isinstance(term, law.Name)
            and (term.text == "_" or term.text not in env)
            and term.text not in self._constants
        )

    # Values

    def _value(self, term: law.Part, env: Env) -> Any:
        if isinstance(term, law.Literal):
            return term.value
        if isinstance(term, law.Name):
            if term.text in env:
                return env[term.text]
            if term.text in self._constants:
                return self._constants[term.text]
            raise Unbound(term.text)
        if isinstance(term, law.Items):
            if term.rest is not None:
                raise Unbound(term.rest.text)
            return [self._value(each, env) for each in term.of]
        if isinstance(term, law.Chain):
            value = self._value(term.root, env)
            for name, given in term.steps:
                arguments = None if given is None else [self._value(each, env) for each in given]
                value = self._read(value, name, arguments)
            return value
        raise Unbound("a condition inside a value")

    def _read(self, owner: Any, name: str, arguments: list[Any] | None) -> Any:
        given = tuple(arguments or ())
        try:
            answer = read(owner, name, arguments)
        except Refused as refused:
            self.facts.append(Fact(owner, name, given, None, refused.failure.detail))
            raise
        self.facts.append(Fact(owner, name, given, answer))
        return answer

    def _elements(self, values: Any) -> Iterator[Any]:
        if isinstance(values, list):
            yield from values
            return
        index = 0
        while (one := element(values, index)) is not END:
            yield one
            index += 1

    def _equal(self, left: Any, right: Any) -> bool:
        if isinstance(left, Readable | tuple | Organizations):
            return equal(left, right)
        numbers = (int, float)
        if type(left) in numbers and type(right) in numbers:
            return left == right
        if isinstance(left, list) and isinstance(right, list):
            pairs = zip(left, right, strict=False)
            return len(left) == len(right) and all(self._equal(*pair) for pair in pairs)
        return type(left) is type(right) and left == right


def missing(judged: tuple[Judged, ...]) -> int:
    """How many conditions do not hold, or could not be asked."""
    return sum(each.holds is not True for each in judged)
