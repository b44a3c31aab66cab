"""The whole account of one decision: its rules, the ones that came closest, the facts, the path."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from service.domain.entities import Organization, Placed, User
from service.domain.moment import Moment
from service.errors import WatershedError
from service.explain.budget import IsSpent, never
from service.explain.consulted import consult
from service.explain.evaluation import Evaluation, Fact, Judged, missing
from service.explain.lawbook import Law
from service.explain.losses import Hinge, hangs_on
from service.explain.nearest import Nearest, nearest
from service.explain.neighbourhood import around
from service.explain.openings import openings
from service.explain.trials import Trial
from service.explain.words import Speaker
from service.policy.decision import (
    UNKNOWN_ACTION,
    UNKNOWN_SUBJECT,
    AccessRequest,
    Decision,
    Failure,
)
from service.policy.pdp import PolicyDecisionPoint
from service.policy.question import Question, resolve
from service.policy.source import Rule


class RuleAccount(NamedTuple):
    """A rule, and how each of its conditions fared."""

    rule: Rule
    judged: tuple[Judged, ...]

    @property
    def missing(self) -> int:
        """How many conditions do not hold, or could not be asked."""
        return missing(self.judged)


class Place(NamedTuple):
    """An organization on a path of the question."""

    id: str
    level: int
    standing: str
    acted_for: bool
    """Whether the subject acts for it, or is its partner."""
    holds_resource: bool
    """Whether the resource lies in it, or is it."""


class Account(NamedTuple):
    """Why a decision is as it is."""

    request: AccessRequest
    decision: Decision
    now: datetime
    acts_for: str | None
    """The organization that the subject acts for; None where the question had no meaning."""
    matched: tuple[RuleAccount, ...]
    """Every deny rule that matched, then every allow rule, then every obligation."""
    closest: tuple[RuleAccount, ...]
    """Where no allow rule matched: those of the right shape of which fewest conditions fail."""
    facts: tuple[Fact, ...]
    """What the engine asked, in order, each once."""
    paths: tuple[tuple[Place, ...], ...]
    """From level 1 down: to the subject's organization, and to the resource's if another."""
    nearest: Nearest | None = None
    """Of a denial: the smallest sets of changes that would turn it."""
    hangs_on: tuple[Hinge, ...] | None = None
    """Of an allow: each single change that would take it away, and the denial it leads to."""
    complete: bool = True
    """Whether everything that could turn the decision was tried; otherwise more may turn it."""


class Explainer:
    """Explains what a decision point decides; reads the policies once."""

    def __init__(self, pdp: PolicyDecisionPoint):
        self.pdp = pdp
        self._law: Law | None = None
        self._policies = None

    @property
    def law(self) -> Law:
        """The clauses of the policies in force."""
        policies = self.pdp.engine.policies
        if self._law is None or self._policies is not policies:
            self._law, self._policies = Law(policies), policies
        return self._law

    @property
    def speaker(self) -> Speaker:
        """Who puts facts into words."""
        return Speaker(self.law)

    def explain(self, request: AccessRequest, moment: Moment, is_spent: IsSpent = never) -> Account:
        """The account of a decision, and what would turn it as far as there is time to try."""
        account = self.account(request, moment)
        decision = account.decision
        trial = Trial(self.pdp, request, moment, is_spent)
        near = around(request, moment, touched(account.facts))
        if decision.allowed:
            hinges = hangs_on(trial, near, decision)
            return account._replace(hangs_on=hinges.found, complete=hinges.complete)
        if decision.reason in (UNKNOWN_ACTION, UNKNOWN_SUBJECT):
            return account._replace(nearest=Nearest((), 0, 0))
        options = openings(request, decision, near, moment.vocabulary.schema)
        found = nearest(trial, near, options)
        return account._replace(nearest=found, complete=found.complete)

    def account(self, request: AccessRequest, moment: Moment) -> Account:
        """Why the request is decided as it is at this moment."""
        decision = self.pdp.decide(request, moment)
        question = resolve(request, moment)
        if type(question) is Failure:
            return Account(request, decision, moment.now, None, (), (), (), ())
        findings, witness = consult(self.pdp.engine, question)
        evaluation = Evaluation(self.law, question)
        names = {
            "deny": findings.denies,
            "allow": findings.allows,
            "obligation": findings.obligations,
        }
        matched = tuple(
            RuleAccount(rule, evaluation.judge(rule))
            for kind, of_kind in names.items()
            for rule in self.pdp.engine.policies.rules
            if rule.predicate == kind and rule.name in of_kind
        )
        closest = () if findings.allows else tuple(self._closest(evaluation))
        place = _place_of(question.subject)
        return Account(
            request,
            decision,
            moment.now,
            None if place is None else place.id,
            matched,
            closest,
            witness.facts,
            tuple(_paths(question)),
        )

    def _closest(self, evaluation: Evaluation) -> Iterator[RuleAccount]:
        judged = [
            RuleAccount(rule, evaluation.judge(rule))
            for rule in self.pdp.engine.policies.rules
            if rule.predicate == "allow" and evaluation.has_shape(rule)
        ]
        least = min((each.missing for each in judged), default=0)
        return (each for each in judged if each.missing == least)


def touched(facts: Iterable[Fact]) -> Iterator[object]:
    """Every value that an evaluation met."""
    for fact in facts:
        yield fact.owner
        yield fact.answer
        yield from fact.arguments


def _place_of(entity) -> Organization | None:
    if not isinstance(entity, User | Placed):
        return None
    try:
        return entity.organization
    except (LookupError, WatershedError):
        return None


def _paths(question: Question) -> Iterator[tuple[Place, ...]]:
    mine = _place_of(question.subject)
    theirs = _place_of(question.resource) if isinstance(question.resource, Placed) else None
    known = [each for each in (mine, theirs) if each is not None]
    for end in dict.fromkeys(known):
        yield tuple(
            Place(each.id, each.level, each.standing, each == mine, each == theirs)
            for each in end.line()
        )
