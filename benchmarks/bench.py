"""What all parts of `decide.py` stand on: what is asked for, the policies, what has been found."""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import measuring
from benchmarks.goals import Goals
from benchmarks.measuring import Series, now
from benchmarks.questions import Drawn
from service.domain.organizations import DEFAULT_LEVELS
from service.domain.schema import Schema
from service.domain.world import read_world
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet
from service.store.opening import open_store
from service.store.protocol import seed


def _store(url: str, document: dict[str, Any], schema: Schema) -> None:
    with closing(open_store(url, schema, DEFAULT_LEVELS)) as store:
        seed(store, lambda: read_world(document, schema))


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
        """The facts of a document as a node holds them, which reads them from its database.

        Made from the document itself they would share its strings, lie scattered among what was
        read with them, and be decided from a tenth slower.
        """
        schema = self.policies.schema
        with TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/facts.db"
            seeding = get_context("fork").Process(target=_store, args=(url, document, schema))
            seeding.start()
            seeding.join()
            if seeding.exitcode != 0:
                sys.exit("the facts could not be stored")
            with closing(open_store(url, schema, DEFAULT_LEVELS)) as store:
                return FixedFacts(store.newest().directory)

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
