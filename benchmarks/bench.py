"""What all parts of `decide.py` stand on: what is asked for, the policies, what has been found."""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks import measuring
from benchmarks.goals import Goals
from benchmarks.measuring import Series, now
from benchmarks.questions import Drawn
from service.domain.world import read_world
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet


class Bench:
    """What is asked for, the policies, and what has been found so far."""

    def __init__(self, options: argparse.Namespace, policies: PolicySet):
        self.questions: int = options.questions
        self.rounds: int = options.rounds
        self.seed: int = options.seed
        self.policies = policies
        self.clock = measuring.clock_cost()
        self.goals = Goals()

    def facts(self, document: dict[str, Any]) -> FixedFacts:
        return FixedFacts(read_world(document, self.policies.schema))

    def point(self, facts: FixedFacts, plans: bool = True) -> PolicyDecisionPoint:
        return PolicyDecisionPoint(Engine(self.policies, plans=plans), facts)

    def series(self, name: str, ask: Callable) -> Series:
        return Series(name, ask, self.clock)


def asked_at(point: PolicyDecisionPoint, drawn: list[Drawn]) -> list[tuple]:
    """The arguments of `decide`, all at one new moment."""
    moment = point.moment()
    return [(each.request, moment) for each in drawn]


def warm(plans: PolicyDecisionPoint, drawn: list[Drawn]) -> dict[tuple[str, str, str], float]:
    """Milliseconds that the first question of each shape took; the others are asked as well."""
    first: dict[tuple[str, str, str], float] = {}
    for request, moment in asked_at(plans, drawn):
        begin = now()
        plans.decide(request, moment)
        spent = (now() - begin) / 1e6
        first.setdefault((request.subject_type, request.action, request.resource_type), spent)
    return first
