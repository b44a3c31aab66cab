"""The law as files: read safely, and its rules, attributes and predicates listed.

Nothing here imports the engine.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from service.errors import InvalidPolicy, Problem
from service.policy import law
from service.policy.clauses import Clause, read_clause
from service.policy.reading import PolicyFile, Reading
from service.policy.statements import statements
from service.policy.tokens import Places, Token, tokens

__all__ = [
    "AttributeRead",
    "Located",
    "PolicyFile",
    "PredicateUse",
    "Rule",
    "attribute_reads",
    "calls",
    "located_clauses",
    "read_policy",
    "rules",
]


class Rule(NamedTuple):
    """An allow, deny or obligation rule, as a reviewer reads it."""

    predicate: str
    name: str
    file: str
    line: int  # of the head, from 1
    comment: str  # the lines directly above, without `#`, joined by spaces
    source: str
    subject: str | None
    actions: tuple[str, ...]  # empty: any, or not known from the text
    resource: str | None


class AttributeRead(NamedTuple):
    """Attributes and methods read from a name: `user.role_over(x).name` without its arguments."""

    file: str
    line: int
    column: int
    chain: tuple[str, ...]
    rule: str | None  # none inside a predicate


class Located(NamedTuple):
    """A clause in its file, able to say where each of its words stands."""

    file: str
    clause: Clause
    places: Places

    def problem(self, token: Token, value: str | None, reason: str) -> Problem:
        """What is wrong at this word, as "file:line:column"."""
        line, column = self.places.of(token.at)
        return Problem(f"{self.file}:{line}:{column}", value, reason)


class PredicateUse(NamedTuple):
    """A predicate where a clause defines it or a body asks it."""

    file: str
    line: int
    column: int
    name: str
    arity: int
    defined: bool


def read_policy(files: Iterable[tuple[str, bytes]]) -> tuple[PolicyFile, ...]:
    """The files sorted by name, safe to hand to the engine.

    Raises:
        InvalidPolicy: with every problem, each at "file:line:column". A file that cannot be read
            as text is not searched for rules, a rule that cannot be read is not judged, and no
            file shows many more than a hundred problems.
    """
    reading = Reading(sorted(files, key=lambda file: file[0]))
    if reading.problems:
        raise InvalidPolicy(reading.problems)
    return tuple(reading.files)


def rules(files: Sequence[PolicyFile]) -> tuple[Rule, ...]:
    """Every allow, deny and obligation rule, in the order of the files."""
    found = []
    for file, places, entry in _entries(files):
        clause = entry.clause
        if (name := law.name_of(clause)) is not None:
            subject, _, resource, _ = clause.parameters
            found.append(
                Rule(
                    predicate=clause.head.text,
                    name=name,
                    file=file.name,
                    line=places.of(clause.head.at)[0],
                    comment=entry.comment,
                    source=file.text[clause.head.at : clause.end],
                    subject=subject.specializer,
                    actions=law.actions_of(clause),
                    resource=resource.specializer,
                )
            )
    return tuple(found)


def located_clauses(files: Iterable[PolicyFile]) -> tuple[Located, ...]:
    """Every clause of files that `read_policy` has accepted, in the order of the files."""
    return tuple(
        Located(file.name, entry.clause, places) for file, places, entry in _entries(files)
    )


def attribute_reads(files: Iterable[PolicyFile]) -> tuple[AttributeRead, ...]:
    """Every attribute that the files can read: `read_policy` refuses all other ways to read one."""
    return tuple(
        AttributeRead(file.name, *places.of(chain.root.at), chain.names, law.name_of(entry.clause))
        for file, places, entry in _entries(files)
        for chain in entry.clause.chains
    )


def calls(files: Iterable[PolicyFile]) -> tuple[PredicateUse, ...]:
    """Every predicate where it is defined and where it is asked, in the order of the files."""
    found = []
    for file, places, entry in _entries(files):
        head, parameters = entry.clause.head, entry.clause.parameters
        uses = [(head, len(parameters), True), *((*call, False) for call in entry.clause.calls)]
        for name, arity, defined in uses:
            found.append(PredicateUse(file.name, *places.of(name.at), name.text, arity, defined))
    return tuple(found)


def _entries(files: Iterable[PolicyFile]) -> Iterator[tuple[PolicyFile, Places, law.Entry]]:
    for file in files:
        places, lines = Places(file.text), file.text.split("\n")
        for statement in statements(tokens(file.text)):
            clause = read_clause(statement)
            if isinstance(clause, Clause):
                yield file, places, law.entry_of(file.name, clause, places, lines)
