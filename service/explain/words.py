"""Facts and failed conditions in words. Of people there are ids, and of foreign texts nothing."""

from collections.abc import Iterable
from typing import Any

from service.domain.entities import NO_ROLE, Entity
from service.domain.identifiers import reference
from service.domain.items import Organizations
from service.domain.reading import Readable
from service.explain import conditions as law
from service.explain.evaluation import Fact, Judged
from service.explain.lawbook import Law
from service.policy.reads import END

_BARE = ("organization", "user", "partner")
"""Types whose ids are said alone, because the words around them say what they are."""
_HIDDEN = "a text that the policies do not spell"
_SIGNS = {"=": "is not", "==": "is not", ":=": "is not", "!=": "is", "in": "is none of"}
_SIGNS |= {"<": "is not below", "<=": "is above", ">": "is not above", ">=": "is below"}


class Speaker:
    """Says what was read, knowing which texts the policies spell."""

    def __init__(self, known: Law):
        self._spelled = known.spelled

    def name(self, value: Any) -> str:
        """A value as a sentence names it."""
        if isinstance(value, Entity):
            return value.id if value.type in _BARE else reference((value.type, value.id))
        if isinstance(value, Organizations):
            return repr(value)
        if isinstance(value, Readable):
            return repr(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value if value in self._spelled or value == NO_ROLE else _HIDDEN
        if isinstance(value, list | tuple):
            return ", ".join(self.name(each) for each in value) or "nothing"
        return str(value)

    def sentence(self, fact: Fact) -> str:
        """What was read, in words."""
        it = self.name(fact.owner)
        given = [self.name(each) for each in fact.arguments]
        if fact.failure is not None:
            return f"`{fact.name}` of {it} cannot be read: {fact.failure}"
        if fact.name == "element":
            return self._element(fact)
        if fact.name == "equal":
            return f"{it} and {given[0]} are {'one' if fact.answer else 'two'}"
        known = type(fact.owner).READS[fact.name]
        if fact.name == "has" and isinstance(fact.arguments[0], str):
            given = [fact.arguments[0]]  # the name of an attribute, which the policies spell
        says = known.says
        if known.otherwise and (fact.answer is False or fact.answer == NO_ROLE):
            says = known.otherwise
        return says.format(*given, it=it, value=self.answer(fact))

    def answer(self, fact: Fact) -> str:
        """The answer as its sentence names it."""
        if isinstance(fact.answer, str) and not type(fact.owner).READS[fact.name].foreign:
            return fact.answer or "unnamed"
        return self.name(fact.answer)

    def _element(self, fact: Fact) -> str:
        many = "the list" if isinstance(fact.owner, tuple) else self.name(fact.owner)
        if fact.answer is END:
            return f"{many} has no more"
        return f"number {fact.arguments[0] + 1} of {many} is {self.name(fact.answer)}"

    def spelled(self, fact: Fact) -> Any:
        """The answer as JSON spells it; None for none, for the end of a list, and for what only
        customers know."""
        return self._json(fact.answer, self._is_foreign(fact))

    def _is_foreign(self, fact: Fact) -> bool:
        known = type(fact.owner).READS.get(fact.name) if isinstance(fact.owner, Readable) else None
        return known is not None and known.foreign

    def _json(self, value: Any, foreign: bool) -> Any:
        if isinstance(value, Entity):
            return reference((value.type, value.id))
        if isinstance(value, Organizations):
            return repr(value)
        if isinstance(value, str):
            return value if not foreign or value in self._spelled else None
        if isinstance(value, list | tuple):
            return [self._json(each, foreign) for each in value]
        return None if value is END or isinstance(value, Readable) else value

    def why_not(self, judged: Judged) -> str:
        """Why a condition does not hold, in words; empty for one that holds."""
        if judged.holds is None:
            return "not asked: it needs what a condition above did not give"
        if judged.failure is not None:
            return judged.failure
        said = self.sentences(judged.facts)
        part = judged.part
        if isinstance(part, law.Ask):
            return said or f"the policies say no {judged.source}"
        if isinstance(part, law.Compare):
            left, right = self._term(part.left, judged), self._term(part.right, judged)
            if left is not None and right is not None and left != NO_ROLE:
                ends = f"{left} {_SIGNS[part.sign]} {right}"
                return f"{said}; {ends}" if said else ends
        return said or f"{judged.source} does not hold"

    def sentences(self, facts: Iterable[Fact]) -> str:
        """The facts in words, each once."""
        return "; ".join(dict.fromkeys(self.sentence(each) for each in facts))

    def _term(self, term: law.Term, judged: Judged) -> str | None:
        """A term of a condition by the value it stood for; None where nobody asked."""
        if isinstance(term, law.Literal):
            return self.name(term.value)
        if isinstance(term, law.Name):
            return self.name(judged.env[term.text]) if term.text in judged.env else None
        if isinstance(term, law.Items):
            said = [self._term(each, judged) for each in term.of]
            return None if None in said else ", ".join(said)
        found = [each for each in judged.facts if each.name == term.steps[-1][0]]
        return self.answer(found[-1]) if found else None
