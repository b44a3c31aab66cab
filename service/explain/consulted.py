"""What the engine asked of the facts to answer one question, in the order in which it asked."""

from typing import Any

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
        self.facts: dict[Step, Fact] = {}

    def answer(self, step: Step) -> tuple[Any, Register | None]:
        owner, *given = (
            self.registers[operand] if type(operand) is int else operand.value
            for operand in step.operands
        )
        name = step.name if step.how == "read" else step.how
        try:
            value, register = super().answer(step)
        except Refused as refused:
            self.facts[step] = Fact(owner, name, tuple(given), None, refused.failure.detail)
            raise
        self.facts.setdefault(step, Fact(owner, name, tuple(given), value))
        return value, register


def consult(engine: Engine, question: Question) -> tuple[Findings, Witness]:
    """The findings of oso itself, and all that it asked on the way, each thing once."""
    witness = Witness(question)
    return engine.ask(question, witness), witness
