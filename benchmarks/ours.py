"""Watershed's own ways in a comparison: with all policies, and with the one rule of the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.town import Asked, Way
from service.domain.world import read_world
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import PolicySet, read_policy_set

ONE_RULE = Path(__file__).resolve().parent / "one_rule"
ALL_POLICIES, THE_ONE_RULE, OSO = "all policies", "the one rule", "oso alone"


def spell_all(asked: Asked) -> tuple[AccessRequest]:
    """The request, as a caller of the whole law makes it: with the conversation's channel."""
    described = {"organization": asked.organization, "channel": asked.channel}
    return (_request(asked, described),)


def spell_one(asked: Asked) -> tuple[AccessRequest]:
    """The request with what the one rule reads."""
    return (_request(asked, {"organization": asked.organization}),)


def _request(asked: Asked, described: dict[str, str]) -> AccessRequest:
    return AccessRequest(
        "user",
        asked.user,
        asked.action,
        "conversation",
        asked.conversation,
        resource_properties=described,
        context={"organization": asked.chosen} if asked.chosen else {},
    )


def watershed(policies: PolicySet, document: dict[str, Any]) -> Callable[[], list[Way]]:
    """Makes the ways, each over an engine that has not been asked anything yet.

    The one rule is asked over what it is about, the tree and the users, as the other engines are.
    """
    one_rule = read_policy_set(ONE_RULE)
    its_own = {"resources": {}, "shares": []}
    its_own |= {section: document[section] for section in ("organizations", "users")}
    all_facts = FixedFacts(read_world(document, policies.schema))
    facts = FixedFacts(read_world(its_own, one_rule.schema))

    def ways() -> list[Way]:
        return [
            _way(ALL_POLICIES, "plans, all policies", Engine(policies), all_facts, spell_all),
            _way(THE_ONE_RULE, "plans, the one rule", Engine(one_rule), facts, spell_one),
            _way(OSO, "oso alone, the one rule", Engine(one_rule, plans=False), facts, spell_one),
        ]

    return ways


def _way(
    name: str, row: str, engine: Engine, facts: FixedFacts, spell: Callable[[Asked], tuple]
) -> Way:
    point = PolicyDecisionPoint(engine, facts)
    return Way(row, name, point.decide, spell, lambda: (point.moment(),))
