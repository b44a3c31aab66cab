"""How rules make a decision, whatever the rules say: the authorizer's laws, by Cedar's names.

The policies here are made up at random. What each of their conditions is worth is known, so what
every decision must be is known too, without asking an engine.
"""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, examples

from service.domain.world import read_world
from service.errors import InvalidPolicy
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

TYPES = b"""
[types.document]
attributes = { title = "string?", size = "integer", tags = "strings", other = "document?" }

[types.document.actions]
read = { count = "integer?", to = "organization?" }
write = {}
"""
WORLD = {
    "organizations": {"P": {}, "N": {"parent": "P"}},
    "users": {"u": {"memberships": {"P": "agent"}}},
    "resources": {
        "document:d": {"organization": "N", "size": 3, "tags": ["a", "b"], "other": "gone"},
        "document:gone": {"organization": "P", "size": 0, "tags": []},
    },
}
READ = AccessRequest("user", "u", "read", "document", "d")

HOLDS = (
    "document.size = 3",
    "document.size > 2",
    "document.size in [1, 3]",
    '"a" in document.tags',
    '"d" in document.id',  # Polar walks through a string by its characters
    'user.role_over(document.organization) = "agent"',
    "document.organization.below(user.organization)",
    'document.has("other")',
    "document.other.size = 0",
)
FAILS = (
    "document.size = 4",
    'document.size = "3"',
    '"c" in document.tags',
    'document.has("title")',
    'request.has("count")',
    "document.organization.is_platform",
    "document.organization = user.organization",
)
BREAKS = (
    'document.title = "x"',  # absent
    'document.titel = "x"',  # misspelt
    'document.has("titel")',
    'document.other.title = "x"',
    'document.organization.parent.parent.id = "x"',
    "request.count = 1",
    'request.to.id = "x"',
    "request.cuont = 1",
    'context.place = "x"',
    'document.id.upper() = "D"',  # a call on a plain string
    "document.id.upper = 1",
    "document.size.real = 3",
    "document.tags.length = 2",
    'user.role.role = "x"',
    "_item in document.size",  # walking through what is no list
    "_item in document.organization",
    'document.size < "a"',  # wrong types
    "document.id < 3",
    "document.organization < document.organization",
    "document.organization",
    "document.size",
    "user.role",
    'user.role_over("P") = "agent"',
    'user.role_over() = "agent"',
    'user.role_over(user, user) = "agent"',
    'user.role_over = "agent"',
    "document.organization(1) = 1",
    'user.role_over(document) = "agent"',
    "document.key = 1",  # there for Python, and for no policy
    "document.organization.starts = 1",
)


def pdp_of(*files):
    """A decision point over these files and the little world."""
    sources = [(f"{name}.polar", text.encode()) for name, text in enumerate(files)]
    policies = policy_set(sources, TYPES)
    return PolicyDecisionPoint(Engine(policies), FixedFacts(read_world(WORLD, policies.schema)))


def rule(kind, number, condition, action="read"):
    return (
        f"# Users do something.\n"
        f'{kind}(user: User, "{action}", document: Document, "{kind}-{number}") if\n'
        f'  user.id = "u" and document.id = "d" and {condition};\n'
    )


@st.composite
def conditions(draw, outcomes, negation):
    """A condition and its worth: True, False, or None where it breaks."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        worth = draw(st.sampled_from(outcomes))
        text = draw(st.sampled_from({True: HOLDS, False: FAILS, None: BREAKS}[worth]))
        for _ in range(draw(st.integers(0, 2)) if negation else 0):
            text, worth = f"not ({text})", None if worth is None else not worth
        parts.append((text, worth))
    # Read from left to right: what comes after a condition that fails is never asked.
    worth = next((worth for _, worth in parts if worth is not True), True)
    return " and ".join(text for text, _ in parts), worth


@st.composite
def rule_lists(draw, outcomes=(True, False, None)):
    """Rules in some order, and the names of each kind whose conditions hold, fail or break."""
    rules, worths = [], {"allow": {}, "deny": {}}
    for number in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(("allow", "deny")))
        condition, worth = draw(conditions(outcomes, negation=kind == "deny"))
        action = draw(st.sampled_from(("read", "read", "read", "write")))
        rules.append(rule(kind, number, condition, action))
        if action == "read":
            worths[kind][f"{kind}-{number}"] = worth
    return rules, worths


def _in_files(rules, random):
    """The same rules in other files, in another order."""
    rules = list(rules)
    random.shuffle(rules)
    count = random.randint(1, 3)
    return [f"# File {i}.\n" + "\n".join(rules[i::count]) for i in range(count)]


def _those(worths, worth):
    return tuple(sorted(name for name, each in worths.items() if each is worth))


@examples(150)
@given(rule_lists(outcomes=(True, False)), st.integers(0, 2**32))
def test_allowed_iff_explicitly_permitted_and_not_denied(drawn, seed):
    rules, worths = drawn
    permits, forbids = (_those(worths[kind], True) for kind in ("allow", "deny"))

    decided = pdp_of(*_in_files(rules, Random(seed))).decide(READ)

    assert decided.allowed == bool(permits and not forbids)
    assert decided.rules == (forbids or permits)


@examples(40)
@given(rule_lists(outcomes=(True, False)), st.data())
def test_forbid_trumps_permit(drawn, data):
    rules, _ = drawn
    position = data.draw(st.integers(0, len(rules)))
    rules.insert(position, rule("deny", 99, data.draw(st.sampled_from(HOLDS))))
    rules.append(rule("allow", 99, HOLDS[0]))

    decided = pdp_of("\n".join(rules)).decide(READ)

    assert decided.reason == "prohibited"
    assert "deny-99" in decided.rules


@examples(40)
@given(st.lists(st.sampled_from(FAILS)))
def test_default_deny(conditions):
    rules = [rule("allow", number, condition) for number, condition in enumerate(conditions)]

    decided = pdp_of("# Nothing else.\n" + "\n".join(rules)).decide(READ)

    assert decided.verdict == (False, "no-grant", (), (), None)


@examples(40)
@given(rule_lists(outcomes=(True, False)))
def test_allowed_only_if_explicitly_permitted(drawn):
    rules, _ = drawn
    denials = [each for each in rules if "\ndeny(" in each]

    assert not pdp_of("# Only these.\n" + "\n".join(denials)).decide(READ)


@examples(200)
@given(rule_lists(), st.integers(0, 2**32))
def test_an_error_never_allows(drawn, seed):
    rules, worths = drawn
    broken = _those(worths["allow"], None) + _those(worths["deny"], None)

    decided = pdp_of(*_in_files(rules, Random(seed))).decide(READ)

    if broken:
        assert not decided
        assert decided.reason in ("missing-attribute", "policy-error")
        assert decided.rules == ()
    else:
        forbids = _those(worths["deny"], True)
        assert decided.allowed == bool(_those(worths["allow"], True) and not forbids)


@pytest.mark.parametrize("form", ["{}", "not ({})", "not (not ({}))"], ids=["", "not", "not not"])
@pytest.mark.parametrize("condition", BREAKS)
def test_a_broken_deny_rule_denies(condition, form):
    decided = pdp_of(rule("allow", 1, HOLDS[0]), rule("deny", 1, form.format(condition)))

    assert decided.decide(READ).reason in ("missing-attribute", "policy-error")


@pytest.mark.parametrize("condition", BREAKS)
def test_a_broken_predicate_of_a_deny_rule_denies(condition):
    predicate = f'broken(user, document) if user.id = "u" and document.id = "d" and {condition};'
    denies = rule("deny", 1, "not broken(user, document)")

    decided = pdp_of(rule("allow", 1, HOLDS[0]), f"{denies}\n{predicate}").decide(READ)

    assert decided.reason in ("missing-attribute", "policy-error")


@pytest.mark.parametrize("condition", HOLDS)
def test_a_condition_that_holds_allows(condition):
    assert pdp_of(rule("allow", 1, condition)).decide(READ)


@pytest.mark.parametrize("condition", FAILS)
def test_the_negation_of_what_fails_denies(condition):
    decided = pdp_of(rule("allow", 1, HOLDS[0]), rule("deny", 1, f"not ({condition})"))

    assert decided.decide(READ, decided.moment(NOW)).reason == "prohibited"


def test_a_rule_that_never_ends_is_refused_before_it_is_in_force():
    endless = "around(x) if around(x);\n" + rule("deny", 1, "around(user)")

    with pytest.raises(InvalidPolicy, match="depends on itself"):
        pdp_of(rule("allow", 1, HOLDS[0]), endless)
