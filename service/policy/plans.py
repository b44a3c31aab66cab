"""The plans of one policy revision: which to walk, when to ask oso, when to compile.

A plan for each shape of question, made when the first question of the shape is asked. Shapes are
made of the names that the policies declare, so callers cannot add to them.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

from service.domain.items import Given
from service.domain.reading import Readable
from service.policy.compiled import Classes, compile_plan
from service.policy.decision import Findings
from service.policy.plan import Contradiction, Plan, Tape
from service.policy.question import Question

Oracle = Callable[[Question, Tape], Findings]
"""Asks oso, and records on the tape what oso asked."""

SETTLED_WALKS = 50
"""A plan is compiled once it has not grown for as many walks as this, or as it has nodes."""


class Counts(NamedTuple):
    """What the plans have cost and saved since the policies were activated."""

    shapes: int
    nodes: int
    asked_oso: int
    compiled: int
    """How often a plan has been compiled."""
    kept_out: int
    """Recordings that a limit kept out of their plan; the question was answered by oso."""
    contradictions: int
    """Plans that were retired because a recording did not fit them. Must stay 0."""
    wide: tuple[str, ...]
    """The names of the reads whose answers are too many to have an edge each."""


class _Shape:
    """One plan, and the fastest way that there is at the moment to follow it."""

    __slots__ = ("classes", "compiled", "follow", "plan", "retired", "settled_walks", "settling")

    def __init__(self, classes: Classes, settled_walks: int) -> None:
        self.classes = classes
        self.plan = Plan()
        self.settled_walks = self.settling = settled_walks
        self.compiled = 0
        self.retired = False
        self.follow = self.walk

    def walk(
        self, subject: Readable, resource: Readable, request: Given, context: Given
    ) -> Findings | None:
        self.settling -= 1
        return self.plan.walk(subject, resource, request, context)

    def compile(self) -> None:
        # Two threads may both compile; they make equal functions, and one of them stays.
        self.settling = sys.maxsize  # until it grows again
        self.follow = compile_plan(self.plan, self.classes)
        self.compiled += 1

    def grown(self) -> None:
        self.settling = max(self.settled_walks, self.plan.nodes)
        self.follow = self.walk

    def retire(self) -> None:
        self.retired = True
        self.follow = _know_nothing


def _know_nothing(*registers: Readable) -> None:
    return None


class Plans:
    """Answers from plans, and from oso where no plan has the branch yet."""

    def __init__(self, oracle: Oracle):
        self.settled_walks = SETTLED_WALKS
        self._oracle = oracle
        self._shapes: dict[tuple[type, str, type], _Shape] = {}
        self._asked_oso = 0
        self._kept_out = 0
        self._contradictions = 0

    def findings(self, question: Question) -> Findings:
        """What the rules say to the question: what oso says, by construction and by test."""
        subject, action, resource, request, context = question
        key = (type(subject), action, type(resource))
        shape = self._shapes.get(key)
        if shape is None:
            classes = (type(subject), type(resource), type(request), type(context))
            shape = self._shapes.setdefault(key, _Shape(classes, self.settled_walks))
        try:
            found = shape.follow(subject, resource, request, context)
        except Exception:
            # A read failed on the way. oso meets the same failure, and says which it is.
            found = None
        if shape.settling <= 0:
            shape.compile()
        return found if found is not None else self._asked(question, shape)

    def _asked(self, question: Question, shape: _Shape) -> Findings:
        tape = Tape(question)
        findings = self._oracle(question, tape)
        self._asked_oso += 1
        if findings.failure is None and not shape.retired:
            try:
                if shape.plan.graft(tape, findings):
                    shape.grown()
                else:
                    self._kept_out += 1
            except Contradiction:
                self._contradictions += 1
                shape.retire()
        return findings

    def counts(self) -> Counts:
        """What has happened so far."""
        plans = [shape.plan for shape in list(self._shapes.values())]
        wide = {step.name for plan in plans for step in plan.wide_steps()}
        return Counts(
            len(plans),
            sum(plan.nodes for plan in plans),
            self._asked_oso,
            sum(shape.compiled for shape in list(self._shapes.values())),
            self._kept_out,
            self._contradictions,
            tuple(sorted(wide)),
        )
