"""The clauses of a policy set, found by name, ready to be evaluated one by one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from service.explain import conditions as law
from service.policy.policy_set import PolicySet
from service.policy.source import Rule, located_clauses


class Clause(NamedTuple):
    """A clause of the policies: its parameters with their classes, and what must hold."""

    parameters: tuple[tuple[law.Term, str | None], ...]
    conditions: tuple[law.Condition, ...]


class Law:
    """The clauses of a policy set, ready to be evaluated one by one."""

    def __init__(self, policies: PolicySet):
        self.classes = policies.vocabulary.by_name
        self._clauses: dict[tuple[str, int], list[Clause]] = {}
        self._rules: dict[tuple[str, str], Clause] = {}
        texts = {file.name: file.text for file in policies.files}
        of_rules = {(rule.file, rule.line): rule for rule in policies.rules}
        spelled: set[str] = set()
        for located in located_clauses(policies.files):
            clause = located.clause
            made = Clause(
                tuple((law.parameter_term(each), each.specializer) for each in clause.parameters),
                law.conditions_of(clause, texts[located.file]),
            )
            name, arity = clause.head.text, len(clause.parameters)
            self._clauses.setdefault((name, arity), []).append(made)
            rule = of_rules.get((located.file, located.places.of(clause.head.at)[0]))
            if rule is not None and rule.predicate == name:
                self._rules[rule.predicate, rule.name] = made
            spelled.update(_spelled(made))
        self.spelled = frozenset(spelled)
        """Every text that the policies spell: what may be shown of a foreign value."""

    def clauses(self, name: str, arity: int) -> Sequence[Clause]:
        """The clauses of a predicate."""
        return self._clauses.get((name, arity), ())

    def clause(self, rule: Rule) -> Clause:
        """The clause of a rule."""
        return self._rules[rule.predicate, rule.name]


def _spelled(value: Any) -> Iterator[str]:
    if isinstance(value, law.Literal):
        if isinstance(value.value, str):
            yield value.value
    elif isinstance(value, tuple):
        for each in value:
            yield from _spelled(each)
