"""Who loses access when, who can still help, and what may be added: asked of the policies."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_money import S1, S2, policies_with, tenant
from worlds import POLICIES, engine, examples, schema

from service.domain.changes import apply_changes
from service.domain.coverage import coverage
from service.domain.moment import Moment
from service.domain.provisioning import alternatives, bindings
from service.domain.subscriptions import active, primary, subscriptions_of
from service.domain.world import read_world
from service.errors import InvalidPolicy, NotAnAccount
from service.policy.access import PolicyGate
from service.policy.additions import judge_addition
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.lint import lint
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

BEFORE = datetime(2025, 12, 1, tzinfo=UTC)
ENDS = datetime(2026, 1, 1, tzinfo=UTC)


def covered(document, now=BEFORE, law=None, account="T"):
    directory = read_world(document, schema())
    pdp = PolicyDecisionPoint(law or engine(), FixedFacts(directory))
    return coverage(directory, account, now, PolicyGate(pdp, directory, account))


def contact_centre(admins):
    """25 agents and two administrators; the administrators are mapped to these."""
    mapped = {f"first-{n}": ["S1"] for n in range(10)} | {f"second-{n}": ["S2"] for n in range(15)}
    document = tenant(mapped=mapped, S1=S1, S2=S2)
    for name, subscription in zip(("ada", "bea"), admins, strict=True):
        entry = {"memberships": {"T": "admin"}, "subscriptions": [subscription]}
        document["users"][name] = entry
    document["users"]["sue"] = {"memberships": {"W": "admin"}}
    document["partners"] = {
        "helping": {"organization": "T", "role": "full_admin"},
        "looking": {"organization": "T", "role": "provisioning_admin"},
    }
    return document


# 3.9 Access coverage


def test_eleven_of_twenty_seven_are_locked_out_although_a_subscription_is_active():
    found = covered(contact_centre(["S1", "S2"]))

    losing = [change for change in found.changes if change.at == ENDS]
    assert (len(found.people), len(losing)) == (27, 11)
    assert not any(change.opens for change in losing)
    assert {change.because for change in losing} == {("S1",)}
    at_midnight = found.states[1]
    assert (at_midnight.at, at_midnight.mapping, at_midnight.trapped) == (ENDS, ("bea",), False)


def test_the_trap_is_named_when_the_last_administrators_go():
    found = covered(contact_centre(["S1", "S1"]))

    today, at_midnight, _ = found.states
    assert (today.trapped, today.mapping) == (False, ("ada", "bea"))
    assert len(at_midnight.without) == 12
    assert at_midnight.trapped
    assert at_midnight.rescue == ("partner:helping", "user:sue")


def test_when_no_subscription_is_left_nobody_can_help():
    last = covered(contact_centre(["S1", "S2"])).states[-1]

    assert last.at == datetime(2028, 1, 1, tzinfo=UTC)
    assert (len(last.without), last.mapping, last.rescue) == (27, (), ())
    assert last.trapped


def test_who_is_mapped_anew_in_time_loses_nothing():
    document = contact_centre(["S1", "S1"])
    change = {"op": "assign_subscription", "user": "ada", "subscription": "S2"}
    directory = apply_changes(read_world(document, schema()), [change], schema())
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))

    found = coverage(directory, "T", BEFORE, PolicyGate(pdp, directory, "T"))

    assert "ada" not in {change.user for change in found.changes if change.at == ENDS}
    assert not found.states[1].trapped


def test_a_subscription_that_begins_gives_access_to_those_who_wait_for_it():
    later = ("2026-02-01", "2027-01-01", 5)
    found = covered(tenant(mapped={"ann": ["S3"], "ben": ["S1", "S3"]}, S1=S1, S3=later))

    assert [(change.user, change.opens, change.because) for change in found.changes] == [
        ("ben", False, ("S1",)),
        ("ann", True, ("S3",)),
        ("ben", True, ("S3",)),
        ("ann", False, ("S3",)),
        ("ben", False, ("S3",)),
    ]
    assert found.states[0].without == ("ann",)


def test_an_account_without_the_gate_loses_nobody():
    found = covered(tenant(mapped={"ann": ["S1"]}, required=False, S1=S1))

    assert (found.required, found.changes) == (False, ())


def test_archived_people_have_no_access_to_lose_and_guests_do():
    document = tenant(mapped={"ann": ["S1"], "gil": ["S1"]}, S1=S1)
    document["users"]["ann"]["status"] = "archived"
    document["users"]["gil"]["memberships"]["T"] = "guest"

    assert [change.user for change in covered(document).changes] == ["gil"]


def test_people_of_sub_accounts_hang_on_the_accounts_subscriptions():
    document = tenant(mapped={"ann": ["S1"]}, S1=S1)
    document["organizations"]["T1"] = {"parent": "T"}
    document["users"]["ann"]["memberships"] = {"T1": "agent"}

    assert [change.user for change in covered(document).changes] == ["ann"]
    with pytest.raises(NotAnAccount):
        covered(document, account="T1")


def grace(days, billing_days=None):
    """The law with so many days of grace, in the rule and in billing.toml."""
    law = engine().policies
    sources = [
        (name, text.replace(b"user.subscribed(0)", b"user.subscribed(%d)" % days))
        for name, text in law.sources
    ]
    billed = days if billing_days is None else billing_days
    billing = law.tables["billing.toml"].replace(b"grace_days = 0", b"grace_days = %d" % billed)
    return policy_set(sources, law.types, {"billing.toml": billing})


def test_days_of_grace_in_the_policies_move_the_day_in_the_calendar():
    found = covered(tenant(mapped={"ann": ["S1"]}, S1=S1), law=Engine(grace(7)))

    (change,) = found.changes
    assert (change.at, change.because) == (ENDS + timedelta(days=7), ("S1",))


def test_grace_that_differs_between_rule_and_billing_is_found_with_its_place():
    assert [] == lint(grace(7))
    (problem,) = lint(grace(7, billing_days=3))

    file, line, _ = problem.path.split(":")
    rule = next(line for line in engine().policies.sources if line[0] == file)[1].splitlines()
    assert b"user.subscribed(" in rule[int(line) - 1]
    assert "differs from usage.grace_days in billing.toml, which is 3" in problem.reason


@st.composite
def mapped_tenants(draw):
    """A tenant in which people are mapped to terms of all kinds, with and without the gate."""
    bought = {}
    for name in ("S1", "S2", "S3"):
        first = draw(st.integers(0, 20))
        last = draw(st.integers(first + 1, 24))
        bought[name] = (
            *(f"20{20 + each // 12}-{each % 12 + 1:02}-01" for each in (first, last)),
            1,
        )
    names = st.lists(st.sampled_from(sorted(bought)), unique=True, max_size=3)
    document = tenant(mapped={user: draw(names) for user in ("ann", "ben")}, **bought)
    entry = {"memberships": {"T": "admin"}, "subscriptions": draw(names)}
    document["users"]["ada"] = entry
    return document, draw(st.integers(-2, 26))


@examples(60)
@given(mapped_tenants(), st.lists(st.integers(0, 900), max_size=6))
def test_between_two_changes_everybody_has_the_access_that_the_calendar_says(drawn, days):
    document, month = drawn
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=30 * month)
    found = covered(document, now)
    directory = read_world(document, schema())
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))

    for day in days:
        at = now + timedelta(days=day)
        state = [state for state in found.states if state.at <= at][-1]
        moment = Moment(directory, at, engine().vocabulary)
        without = {
            user
            for user in document["users"]
            if not pdp.decide(AccessRequest("user", user, "view", "organization", "T"), moment)
        }
        assert set(state.without) == without
        lasting = [each for each in subscriptions_of(directory, "T") if at < each.ends]
        can_map = bool(lasting) and "ada" not in without
        assert state.mapping == (("ada",) if can_map else ())


def test_what_would_be_decided_some_day_counts_as_no_decision():
    directory = read_world(tenant(mapped={"ann": ["S1"]}, S1=S1), schema())
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))

    assert coverage(directory, "T", BEFORE, PolicyGate(pdp, directory, "T")).changes
    assert sum(pdp.answers.values()) == 0


# Adding subscriptions

NOW = datetime(2025, 11, 15, tzinfo=UTC)


def bank(**first):
    """A tenant whose first subscription is as said, with an owner who may add others."""
    document = tenant(mapped={}, S1=S1)
    document["subscriptions"]["S1"] |= first
    document["users"]["own"] = {"memberships": {"T": "owner"}, "subscriptions": ["S1"]}
    document["users"]["ann"] = {"memberships": {"T": "agent"}, "subscriptions": ["S1"]}
    return read_world(document, schema())


def judged(directory, user="own", now=NOW, **wanted):
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))
    request = AccessRequest(
        "user", user, "add_subscription", "organization", "T", action_properties=wanted
    )
    return judge_addition(pdp, request, Moment(directory, now, engine().vocabulary))


@pytest.mark.parametrize(
    ("wanted", "instead"),
    [
        ({"type": "named"}, {"type": "concurrent"}),
        ({"type": "concurrent", "telephony": "VPOP"}, {"telephony": "bundled PSTN"}),
        (
            {"type": "named", "telephony": "VPOP"},
            {"type": "concurrent", "telephony": "bundled PSTN"},
        ),
        ({"type": "both", "plan": "Flex 3"}, {"type": "concurrent"}),
    ],
)
def test_a_denial_says_why_and_what_could_be_added_instead(wanted, instead):
    addition = judged(bank(telephony="bundled PSTN"), **wanted)

    assert not addition.decision
    assert addition.reasons
    assert all(says.endswith(".") for _, says in addition.reasons)
    assert addition.instead == {**wanted, **instead}


@pytest.mark.parametrize("plan", ["Flex", "Flex 3"])
@pytest.mark.parametrize("hybrid", [True, False])
def test_plan_and_hybrid_are_no_ground_for_a_denial(plan, hybrid):
    addition = judged(bank(plan="Flex"), type="concurrent", plan=plan, hybrid=hybrid)

    assert addition.decision
    assert addition.instead is None


def test_the_telephony_of_the_first_ever_binds_after_its_end_and_its_type_does_not():
    directory = bank(telephony="bundled PSTN")
    after = datetime(2026, 1, 2, tzinfo=UTC)

    assert [(each.field, each.value, each.until) for each in bindings(directory, "T", NOW)] == [
        ("type", "concurrent", ENDS),
        ("telephony", "bundled PSTN", None),
    ]
    assert [each.field for each in bindings(directory, "T", after)] == ["telephony"]


def test_nothing_is_offered_to_who_may_add_nothing():
    addition = judged(bank(), user="ann", type="named")

    assert (addition.decision.allowed, addition.instead) == (False, None)


def test_alternatives_differ_least_first_and_never_are_what_was_wanted():
    wanted = {"type": "named", "telephony": "VPOP", "plan": "Flex"}
    found = list(alternatives(wanted, bindings(bank(telephony="calling"), "T", NOW)))

    changed = [sum(each[name] != wanted[name] for name in wanted) for each in found]
    assert changed == sorted(changed) == [1, 1, 2]
    assert all(each["plan"] == "Flex" for each in found)


# Law 8 (2.11)


@st.composite
def purchases(draw):
    """Subscriptions that somebody asks for, month by month, and how each would run."""
    wanted, month = [], 0
    for number in range(draw(st.integers(1, 7))):
        month += draw(st.integers(0, 8))
        begins = month + draw(st.integers(-2, 6))
        entry = {
            "type": draw(st.sampled_from(("concurrent", "named"))),
            "starts": at_month(begins).isoformat(),
            "ends": at_month(begins + draw(st.integers(1, 12))).isoformat(),
        }
        if draw(st.booleans()):
            entry["telephony"] = draw(st.sampled_from(("calling", "VPOP")))
        wanted.append((at_month(month), f"S{number}", entry))
    return wanted


def at_month(month):
    return datetime(2020 + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@examples(80)
@given(purchases())
def test_what_the_policies_let_in_never_mixes_types_or_telephony_or_primaries(wanted):
    document = {
        "organizations": {"W": {}, "T": {"parent": "W"}},
        "users": {"own": {"memberships": {"T": "owner"}}},
    }
    directory = read_world(document, schema())
    for now, name, entry in wanted:
        properties = {key: entry[key] for key in ("type", "telephony") if key in entry}
        if judged(directory, now=now, **properties).decision:
            change = {"op": "put_subscription", "subscription": name, "organization": "T", **entry}
            directory = apply_changes(directory, [change], schema())
        bought = subscriptions_of(directory, "T")
        assert len({each.telephony for each in bought if each.telephony}) <= 1
        for instant in {now, *(edge for each in bought for edge in (each.starts, each.ends))}:
            if instant >= now:
                in_force = active(bought, instant)
                assert len({each.type for each in in_force}) <= 1
                assert primary(bought, instant) == (in_force[0] if in_force else None)


def test_a_policy_set_without_billing_terms_has_no_gate():
    law = engine().policies
    silent = policy_set(law.sources, law.types)

    assert silent.terms is None
    assert silent.revision != law.revision
    assert policies_with((POLICIES / "billing.toml").read_text()).revision == law.revision
    with pytest.raises(InvalidPolicy):
        policies_with("")
