"""What the engine asked of the facts to answer one question, in the order in which it asked."""

from collections.abc import Hashable
from typing import Any

from service.domain.entities import User
from service.explain.evaluation import Fact
from service.policy.decision import Findings
from service.policy.engine import Engine
from service.policy.plan import Register, Step, Tape
from service.policy.question import Question
from service.policy.reads import Refused


class Witness(Tape):
    """A recording that keeps what was answered, and not only what a plan must know of it."""

    def __init__(self, question: Question):
        super().__init__(question)
        self._facts: dict[Hashable, Fact] = {}

    def answer(self, step: Step) -> tuple[Any, Register | None]:
        owner, *given = (
            self.registers[operand] if type(operand) is int else operand.value
            for operand in step.operands
        )
        name = step.name if step.how == "read" else step.how
        try:
            value, register = super().answer(step)
        except Refused as refused:
            self._keep(Fact(owner, name, tuple(given), None, refused.failure.detail))
            raise
        self._keep(Fact(owner, name, tuple(given), value))
        return value, register

    def _keep(self, fact: Fact) -> None:
        # To a plan, one organization that was found in two ways is two things. To a reader it is
        # one. The subject is another than the same user as a resource, for whom nobody acts.
        acts = isinstance(fact.owner, User) and fact.owner.acts
        key = (type(fact.owner), repr(fact.owner), acts, fact.name, repr(fact.arguments))
        self._facts.setdefault(key, fact)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What was read, in order, each once."""
        return tuple(self._facts.values())


def consult(engine: Engine, question: Question) -> tuple[Findings, Witness]:
    """The findings of oso itself, and all that it asked on the way, each thing once."""
    witness = Witness(question)
    return engine.ask(question, witness), witness
