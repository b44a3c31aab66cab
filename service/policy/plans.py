"""The plans of one policy revision: which to walk, when to ask oso, when to compile.

A plan for each shape of question, made when the first question of the shape is asked. Shapes are
made of the names that the policies declare, so callers cannot add to them.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

from service.domain.moment import Moment, Vocabulary
from service.policy.compiled import Compiled, compile_plan
from service.policy.decision import AccessRequest, Failure, Findings, Settled, settled
from service.policy.entrance import Words
from service.policy.plan import Contradiction, Plan, Tape, registers_of
from service.policy.question import Question, resolve

Oracle = Callable[[Question, Tape], Findings]
"""Asks oso, and records on the tape what oso asked."""

SETTLED_WALKS = 50
"""A plan is compiled once it has been walked as often as this since it grew, or as it has nodes."""

COMPILED_NODES_LIMIT = 512
"""A larger plan is walked, never compiled: that would hold up whoever asks at that moment."""


class Counts(NamedTuple):
    """What the plans have cost and saved since the policies were activated."""

    shapes: int
    nodes: int
    asked_oso: int
    compiled: int
    """How often a plan has been compiled."""
    not_compiled: int
    """How often that failed. Must stay 0."""
    kept_out: int
    """Recordings that a limit kept out of their plan; the question was answered by oso."""
    contradictions: int
    """Plans that were retired because a recording did not fit them. Must stay 0."""
    wide: tuple[str, ...]
    """The names of the reads whose answers are too many to have an edge each."""


class _Shape:
    """One plan, and how soon it is to be compiled."""

    __slots__ = ("plan", "retired", "settled_walks", "settling", "words")

    def __init__(self, settled_walks: int) -> None:
        self.plan = Plan()
        self.words: Words | None = None
        """Under which it has been compiled."""
        self.retired = False
        self.settled_walks = self.settling = settled_walks

    def walk(self, question: Question) -> Findings | None:
        if self.retired:
            return None
        try:
            found = self.plan.walk(*registers_of(question))
        except Exception:
            # A read failed on the way. oso meets the same failure, and says which it is.
            return None
        if found is not None:
            self.settling -= 1
        return found

    def grown(self) -> None:
        self.settling = max(self.settled_walks, self.plan.nodes)


class Plans:
    """Answers from plans, and from oso where no plan has the branch yet."""

    def __init__(self, oracle: Oracle):
        self.settled_walks = SETTLED_WALKS
        self._oracle = oracle
        self._shapes: dict[tuple[type, str, type], _Shape] = {}
        self._compiled: dict[str, dict[str, dict[str, Compiled]]] = {}
        """The quick way through a plan, by the words of its shape, one after the other: a request
        spells them apart, and to look up three costs less than to put them together."""
        self._compilations = 0
        self._not_compiled = 0
        self._asked_oso = 0
        self._kept_out = 0
        self._contradictions = 0

    def settle(self, request: AccessRequest, moment: Moment) -> Settled:
        """What the rules say to the request, or why they cannot be asked."""
        try:
            of_subject = self._compiled[request.subject_type]
            found = of_subject[request.action][request.resource_type](moment, request)
        except Exception:
            # Either there is no such plan yet, or something in it failed.
            found = None
        return self._settle_slowly(request, moment) if found is None else found

    def _settle_slowly(self, request: AccessRequest, moment: Moment) -> Settled:
        question = resolve(request, moment)
        if type(question) is Failure:
            return settled(Findings(failure=question))
        shape = self._shape_of(question)
        found = shape.walk(question)
        if found is None:
            found = self._asked(question, shape)
        elif shape.settling <= 0:
            words = Words(request.subject_type, request.action, request.resource_type)
            self._compile(shape, words, moment.vocabulary)
        return settled(found)

    def compile(self, vocabulary: Vocabulary) -> None:
        """Compile what has grown so far, however little it has been walked."""
        spelled = {known: name for name, known in vocabulary.entity_classes.items()}
        for (subject, action, resource), shape in list(self._shapes.items()):
            if shape.plan.nodes and not shape.retired:
                self._compile(shape, Words(spelled[subject], action, spelled[resource]), vocabulary)

    def _compile(self, shape: _Shape, words: Words, vocabulary: Vocabulary) -> None:
        # Two threads may both compile; they make equal functions, and one of them stays.
        shape.settling, shape.words = sys.maxsize, words  # until it grows again
        if shape.plan.nodes > COMPILED_NODES_LIMIT:
            return
        try:
            compiled = compile_plan(shape.plan, words, vocabulary)
        except Exception:
            # A fault of ours, and no reason to fail whoever asks: the plan is walked as before.
            self._not_compiled += 1
            return
        of_action = self._compiled.setdefault(words.subject_type, {}).setdefault(words.action, {})
        of_action[words.resource_type] = compiled
        self._compilations += 1
        if shape.retired:
            self._retire(shape)

    def findings(self, question: Question) -> Findings:
        """What the rules say to the question: what oso says, by construction and by test."""
        shape = self._shape_of(question)
        found = shape.walk(question)
        return self._asked(question, shape) if found is None else found

    def _shape_of(self, question: Question) -> _Shape:
        key = (type(question.subject), question.action, type(question.resource))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes.setdefault(key, _Shape(self.settled_walks))
        return shape

    def explored(self, question: Question, tape: Tape) -> Findings:
        """As `findings`, where the tape gives the answers. Raises what it raises."""
        shape = self._shape_of(question)
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
                self._retire(shape)
        return findings

    def _retire(self, shape: _Shape) -> None:
        shape.retired = True
        if shape.words is not None:
            subject_type, action, resource_type = shape.words
            of_action = self._compiled.get(subject_type, {}).get(action, {})
            of_action.pop(resource_type, None)

    def counts(self) -> Counts:
        """What has happened so far."""
        plans = [shape.plan for shape in list(self._shapes.values())]
        wide = {step.name for plan in plans for step in plan.wide_steps()}
        return Counts(
            len(plans),
            sum(plan.nodes for plan in plans),
            self._asked_oso,
            self._compilations,
            self._not_compiled,
            self._kept_out,
            self._contradictions,
            tuple(sorted(wide)),
        )
