"""How long an answer stays true while nobody changes anything: until the clock says otherwise."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import INSTANTS, NOW, decide, directory_of, engine, examples, scenes, schema

from service.api.messages import spell
from service.api.rendering import decision_body, spell_decision
from service.domain.changes import apply_changes
from service.domain.identifiers import parse_moment
from service.domain.moment import Moment
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

TICK = timedelta(microseconds=1)
AHEAD = sorted({parse_moment(each) for each in INSTANTS} | {datetime(2030, 1, 1, tzinfo=UTC)})
DEALERS = {
    "organizations": {
        "web": {},
        "nso": {"parent": "web"},
        "d1": {"parent": "nso"},
    },
    "users": {"ann": {"memberships": {"d1": "agent"}, "subscriptions": ["s1"]}},
    "resources": {"channel:hotline": {"organization": "nso"}},
    "shares": [
        {"resource": "channel:hotline", "with": ["d1"], "valid_until": "2026-07-01"},
        {"resource": "channel:hotline", "with": "all", "valid_from": "2026-09-01"},
    ],
    "subscriptions": {
        "s1": {
            "organization": "nso",
            "type": "named",
            "starts": "2026-01-01",
            "ends": "2026-08-01",
        }
    },
}
ANN_USES_THE_HOTLINE = AccessRequest("user", "ann", "use", "channel", "hotline")


def said(decision):
    """All of a decision but its number, its facts' and until when it holds."""
    return decision.verdict


@examples(150)
@given(scenes(), st.floats(0, 1, exclude_max=True))
def test_an_answer_is_the_same_until_the_instant_it_names(scene, part):
    document, levels, asked = scene
    directory = directory_of(document, levels)

    for request in asked:
        now = decide(directory, request)
        if now.valid_until is None:
            later = [instant for instant in AHEAD if instant >= NOW]
        else:
            assert now.valid_until > NOW
            last = now.valid_until - TICK
            later = [last, min(last, NOW + (now.valid_until - NOW) * part)]
        for instant in later:
            then = decide(directory, request, instant)
            assert said(now) == said(then), (request, instant)
            assert now.valid_until == then.valid_until


@examples(60)
@given(scenes())
def test_whenever_the_clock_alone_changes_an_answer_that_instant_was_named(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)

    for request in asked:
        before = decide(directory, request, AHEAD[0] - TICK)
        for instant in AHEAD:
            after = decide(directory, request, instant)
            if said(before) != said(after):
                assert before.valid_until is not None
                assert before.valid_until <= instant
            before = after


@pytest.mark.parametrize(
    ("now", "allowed", "until"),
    [
        ("2026-06-01", True, "2026-07-01T00:00:00Z"),
        ("2026-07-01", False, "2026-09-01T00:00:00Z"),
        ("2026-09-01", True, None),
    ],
)
def test_a_share_bounds_what_hangs_on_it(now, allowed, until):
    body = decision_body(decide(directory_of(DEALERS), ANN_USES_THE_HOTLINE, parse_moment(now)))

    assert (allowed, until) == (body["decision"], body["context"].get("valid_until"))


def test_a_subscription_bounds_only_where_one_is_required():
    directory = directory_of(DEALERS)
    view = AccessRequest("user", "ann", "view", "organization", "d1")
    gate = {"op": "put_organization", "organization": "nso", "parent": "web"}
    gated = apply_changes(directory, [{**gate, "subscription_required": True}], schema())

    assert decide(directory, view).valid_until is None
    assert decide(gated, view).valid_until == datetime(2026, 8, 1, tzinfo=UTC)
    assert not decide(gated, view, datetime(2026, 8, 1, tzinfo=UTC))


def test_a_tenant_is_bound_until_the_last_of_its_subscriptions_of_another_type_ends():
    terms = {"organization": "nso", "type": "named", "starts": "2020-01-01"}
    ends = ["2025-01-01", "2026-11-01", "2027-04-01", "2026-10-01"]
    document = {
        **DEALERS,
        "users": {"ann": {"memberships": {"nso": "admin"}, "subscriptions": []}},
        "subscriptions": {f"s{n}": {**terms, "ends": end} for n, end in enumerate(ends)},
    }
    directory = directory_of(document, 3)
    asked = AccessRequest(
        "user",
        "ann",
        "add_subscription",
        "organization",
        "nso",
        action_properties={"type": "concurrent"},
    )

    bound = decide(directory, asked)

    assert bound.rules == ("tenants-never-mix-subscription-types",)
    assert bound.valid_until == parse_moment("2027-04-01")
    assert decide(directory, asked, bound.valid_until).allowed


def test_each_of_a_batch_has_its_own_end():
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory_of(DEALERS)))
    moment = Moment(pdp.facts.snapshot(), NOW, engine().vocabulary)
    view = AccessRequest("user", "ann", "view", "organization", "d1")
    nobody = AccessRequest("user", "nobody", "view", "organization", "d1")

    ends = [pdp.decide(each, moment).valid_until for each in (ANN_USES_THE_HOTLINE, view, nobody)]

    assert [datetime(2026, 7, 1, tzinfo=UTC), None, None] == ends


@examples(30)
@given(scenes(count=3))
def test_plans_and_oso_name_the_same_end(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    oso = PolicyDecisionPoint(_OSO_ALONE, FixedFacts(directory))

    for request in asked:
        by_oso = oso.decide(request, oso.moment(NOW))
        assert by_oso.valid_until == decide(directory, request).valid_until


_OSO_ALONE = Engine(engine().policies, plans=False)


def test_both_spellings_of_a_decision_name_its_end():
    decision = decide(directory_of(DEALERS), ANN_USES_THE_HOTLINE)

    assert spell(decision_body(decision)) == spell_decision(decision)
    assert json.loads(spell_decision(decision))["context"]["valid_until"] == "2026-07-01T00:00:00Z"
