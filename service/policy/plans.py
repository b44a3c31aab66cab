"""The plans of one policy revision: which to walk, when to ask oso, when to compile.

A plan for each shape of question, made when the first question of the shape is asked. Shapes are
made of the names that the policies declare, so callers cannot add to them.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from service.domain.entities import User
from service.domain.moment import Moment
from service.domain.records import Record
from service.policy.compiled import Classes, compile_plan
from service.policy.decision import Findings
from service.policy.plan import Contradiction, Plan, Tape
from service.policy.question import Asked, Question, asked_by

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
        self, moment: Moment, subject: Record, acts_for: str | None, resource: Record, *given: Any
    ) -> Findings | None:
        self.settling -= 1
        subject_class, resource_class, request_class, context_class = self.classes
        return self.plan.walk(
            subject_class(moment, subject, *((acts_for,) if subject_class is User else ())),
            resource_class(moment, resource),
            request_class(moment, *given[:2]),
            context_class(moment, *given[2:]),
        )

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


def _know_nothing(moment: Moment, *parts: Any) -> None:
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
        return self.found(asked_by(question), question.subject._moment)

    def found(self, asked: Asked, moment: Moment) -> Findings:
        """What the rules say to what is asked at this moment."""
        subject_class, subject, acts_for, action, resource_class, resource = asked[:6]
        shape = self._shapes.get((subject_class, action, resource_class))
        if shape is None:
            shape = self._new_shape(asked, moment)
        try:
            found = shape.follow(moment, subject, acts_for, resource, *asked[6:])
        except Exception:
            # A read failed on the way. oso meets the same failure, and says which it is.
            found = None
        if shape.settling <= 0:
            shape.compile()
        return found if found is not None else self._asked(asked.question(moment), shape)

    def _new_shape(self, asked: Asked, moment: Moment) -> _Shape:
        given = moment.vocabulary.request_class, moment.vocabulary.context_class
        classes = (asked.subject_class, asked.resource_class, *given)
        key = (asked.subject_class, asked.action, asked.resource_class)
        return self._shapes.setdefault(key, _Shape(classes, self.settled_walks))

    def explored(self, question: Question, tape: Tape) -> Findings:
        """As `findings`, where the tape gives the answers. Raises what it raises."""
        key = (type(question.subject), question.action, type(question.resource))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._new_shape(asked_by(question), question.subject._moment)
        found = None if shape.retired else shape.plan.follow(tape)
        return found if found is not None else self._asked(question, shape, tape)

    def _asked(self, question: Question, shape: _Shape, tape: Tape | None = None) -> Findings:
        tape = tape or Tape(question)
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
