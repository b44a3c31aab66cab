"""What was asked of a candidate on the way to a decision, and what was supposed of it.

A search decides about one candidate in place of many. It may do so only for those that would have
given the same answers, so it must know what was asked. It hands the rules a candidate whose record
is made of the values in `places` and `stand_ins`: every predicate of `domain` works on them as on
any record, and whatever it asks of the place of an organization is noted as a query about that
place (`regions`), whatever it asks of the candidate itself as touched.

INVARIANT (nothing unnoticed): those values answer only in ways that leave a note. What cannot be
put down as a note ends the attempt with Undecided, and then every candidate is decided for itself.
"""

from collections.abc import Hashable
from typing import Any

from service.domain.directory import Directory
from service.search.queries import Path, Query


class Undecided(Exception):
    """The answer hangs on something that one candidate cannot stand for."""


class Notes:
    """What was asked during one attempt, and what was supposed."""

    def __init__(self, directory: Directory, path: Path, supposed: dict[Hashable, Any]):
        self.directory = directory
        self.path = path
        self.supposed = supposed
        self.answers: dict[Query, Hashable] = {}
        self.choices: list[tuple[Hashable, Any, tuple[Any, ...]]] = []
        """What was chosen where the candidates differ: what, the value, and the other values."""
        self.touched = 0
        self.singled: set[str] = set()
        """Ids of candidates that a rule compares with: to be decided by themselves."""
        self.read_of_request: set[str] = set()
        """What was read of a resource that the request describes."""

    def ask(self, query: Query) -> Any:
        """The answer of the place in hand, noted."""
        answers = self.answers
        answer = answers.get(query, answers)
        if answer is answers:  # not asked before
            answer = answers[query] = query.answer(self.path, self.directory)
        return answer

    def level_of(self, name: str) -> int:
        """The level of an organization; 0 if there is none of this id."""
        record = self.directory.organizations.get(name)
        return 0 if record is None else len(record.path)

    def choose(self, what: Hashable, values: tuple[Any, ...]) -> Any:
        """One of the values that `what` may have: the supposed one, else the first."""
        if what in self.supposed:
            return self.supposed[what]
        if all(what != made for made, _, _ in self.choices):
            self.choices.append((what, values[0], values[1:]))
        return values[0]
