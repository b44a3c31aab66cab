"""Explanations agree with decisions, and what they say would turn one does turn it."""

import contextlib
import json
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, POLICIES, decide, directory_of, engine, examples, scenes, schema

from service.api.accounts import account_body
from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.identifiers import parse_moment
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world
from service.errors import InvalidChanges
from service.explain import trials
from service.explain.account import Explainer, touched
from service.explain.budget import processor_time
from service.explain.consulted import consult
from service.explain.evaluation import Evaluation, missing
from service.explain.lawbook import Law
from service.explain.neighbourhood import around
from service.explain.openings import openings
from service.explain.trials import Trial
from service.policy.decision import AccessRequest, Failure
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set
from service.policy.question import resolve
from service.policy.tables import read_table

FIXTURES = Path(__file__).parent.parent / "fixtures"
BRAND = FIXTURES / "brand-dealers.world.toml"
CANARY = "Xanthippe Ψευδώνυμος"
WITH_NAMES = {"name": CANARY}


@lru_cache
def explainer(law):
    """Who explains what this law decides, on the facts of any moment."""
    return Explainer(PolicyDecisionPoint(law, FixedFacts(Directory())))


def explained(directory, request, now=NOW, law=None):
    """The account of a decision as JSON spells it."""
    known = explainer(law or engine())
    moment = Moment(directory, now, known.pdp.engine.vocabulary)
    return account_body(known.explain(request, moment), known.speaker)


def named(document):
    """The document with a name for every user, by which they would be known anywhere."""
    users = {name: {**entry, **WITH_NAMES} for name, entry in document["users"].items()}
    return {**document, "users": users}


# Rules and facts


def assert_rules_agree(law, known, question):
    """That each rule alone matches here if and only if it does in the engine."""
    findings, _ = consult(law, question)
    if findings.failure is not None:
        return
    found = {"deny": findings.denies, "allow": findings.allows}
    evaluation = Evaluation(known, question)
    for rule in law.policies.rules:
        if rule.predicate in found:
            matches = evaluation.has_shape(rule) and missing(evaluation.judge(rule)) == 0
            assert matches == (rule.name in found[rule.predicate]), (rule.name, question)


@examples(60)
@given(scenes())
def test_each_rule_alone_matches_where_it_matches_in_the_engine(scene):
    document, levels, asked = scene
    moment = Moment(directory_of(document, levels), NOW, engine().vocabulary)
    known = explainer(engine()).law

    for request in asked:
        question = resolve(request, moment)
        if type(question) is not Failure:
            assert_rules_agree(engine(), known, question)


def tables():
    for folder in (POLICIES, FIXTURES / "documents"):
        for path in sorted(folder.rglob("*.cases.toml")):
            yield pytest.param(folder, path, id=path.stem)


@pytest.mark.parametrize(("folder", "path"), list(tables()))
def test_each_rule_alone_matches_as_in_the_engine_in_every_table(folder, path):
    law = engine() if folder == POLICIES else Engine(read_policy_set(folder))
    known, table = Law(law.policies), read_table(path.read_bytes(), path.name)
    source = path.parent / table.world
    world = read_world(parse_world(source.read_bytes(), source.name), law.policies.schema)

    for case in table.cases:
        directory = apply_changes(world, case.after, law.policies.schema)
        moment = Moment(directory, case.now or NOW, law.vocabulary)
        question = resolve(case.request, moment)
        if type(question) is not Failure:
            assert_rules_agree(law, known, question)


@examples(40)
@given(scenes())
def test_an_explanation_says_what_the_decision_says(scene):
    document, levels, asked = scene
    directory = directory_of(named(document), levels)

    for request in asked:
        body, decision = explained(directory, request), decide(directory, request)
        context, verdict = body["context"], "allow" if decision.allowed else "deny"
        assert (body["decision"], context["reason"]) == (decision.allowed, decision.reason)
        cited = {rule["name"] for rule in body["rules"] if rule["predicate"] == verdict}
        assert cited == set(decision.rules)
        assert ("hangs_on" in body, "nearest_allow" in body) == (body["decision"], not decision)
        for rule in body["rules"]:
            assert all(condition["holds"] for condition in rule["conditions"])
        for rule in body["closest"]:
            assert rule["failed"] > 0
            assert rule["failed"] == sum(not each.get("holds") for each in rule["conditions"])


@examples(40)
@given(scenes())
def test_no_name_of_a_person_appears_in_an_explanation(scene):
    document, levels, asked = scene
    directory = directory_of(named(document), levels)

    for request in asked:
        spelled = json.dumps(explained(directory, request), ensure_ascii=False)
        assert not any(word in spelled for word in CANARY.split())


def test_texts_that_only_customers_know_appear_in_no_explanation():
    law = Engine(read_policy_set(FIXTURES / "documents"))
    document = {
        "organizations": {"board": {}},
        "users": {"ann": {"memberships": {"board": "agent"}}},
        "resources": {
            "folder:f": {"organization": "board"},
            "document:d": {"organization": "board", "folder": "f", "classification": CANARY},
        },
    }
    directory = read_world(document, law.policies.schema)
    request = AccessRequest("user", "ann", "edit", "document", "d")

    spelled = json.dumps(explained(directory, request, law=law), ensure_ascii=False)

    assert "the classification of document:d is a text that the policies do not spell" in spelled
    assert CANARY not in spelled


def brand(subject, action, resource, **more):
    """What is explained of a request on the brand's world, in its winter."""
    world = read_world(parse_world(BRAND.read_bytes(), BRAND.name), schema())
    request = AccessRequest(*subject.split(":"), action, *resource.split(":"), **more)
    return explained(world, request, parse_moment("2026-12-01"))


def test_facts_come_in_words_and_in_order():
    body = brand("user:dora", "read", "conversation:winter-tyres")

    assert [fact["words"] for fact in body["facts"]] == [
        "conversation:winter-tyres belongs to graz",
        "graz is active",
        "dora is not archived",
        "dora acts for linz",
        "linz asks nobody for a subscription",
        "linz is active",
        "dora holds no role over graz",
    ]
    assert body["facts"][-1] == {
        "words": "dora holds no role over graz",
        "of": "user:dora",
        "read": "role_over",
        "with": ["organization:graz"],
        "answer": "none",
    }


def test_what_came_closest_says_which_condition_failed_and_why():
    (rule,) = brand("user:dora", "manage", "channel:linz-sales")["closest"]

    assert (rule["file"], rule["failed"]) == ("channel.polar", 1)
    assert rule["source"].split("\n")[0].startswith("allow(user: User, action, channel: Channel")
    assert {
        "source": "user.role_over(channel.organization) in roles",
        "holds": False,
        "words": "channel:linz-sales belongs to linz; dora holds the role agent over linz; "
        "agent is none of admin, owner",
    } == rule["conditions"][-1]


def test_a_condition_that_could_not_be_asked_is_said_to_be_so():
    body = brand("user:dora", "unshare", "article:recall-guide")
    closest = {rule["name"]: rule["conditions"] for rule in body["closest"]}

    assert all(
        "holds" in condition or condition["words"].startswith("not asked")
        for conditions in closest.values()
        for condition in conditions
    )


def test_paths_show_who_acts_for_what_and_where_the_resource_lies():
    body = brand("user:lukas", "reply", "conversation:recall-linz")

    assert [["meridian", "corvane"], ["meridian", "corvane", "linz"]] == [
        [place["id"] for place in path] for path in body["paths"]
    ]
    assert [place["id"] for path in body["paths"] for place in path if place["acted_for"]] == [
        "corvane",
        "corvane",
    ]


@pytest.mark.parametrize("count", [1, 300])
def test_adding_a_subscription_reads_as_much_of_many_as_of_one(count):
    term = {"organization": "nso", "type": "named", "starts": "2026-01-01", "ends": "2030-01-01"}
    document = {
        "organizations": {"web": {}, "nso": {"parent": "web"}},
        "users": {"ann": {"memberships": {"nso": "admin"}}},
        "subscriptions": {f"s{n}": term for n in range(count)},
    }
    asked = AccessRequest(
        "user",
        "ann",
        "add_subscription",
        "organization",
        "nso",
        action_properties={"type": "concurrent"},
    )

    body = explained(read_world(document, schema()), asked)

    assert [
        "nso has a subscription that has not ended and is not concurrent",
    ] == [each["words"] for each in body["facts"] if "subscription that" in each["words"]]
    assert len(body["facts"]) < 20


# The nearest allow


def under(directory, document, request, steps):
    """The decision after steps have really been taken, as JSON spells them."""
    changes, now = [], NOW
    for step in steps:
        if "change" in step:
            kept = {"name": CANARY} if step.get("keeps") == ["name"] else {}
            changes.append({**step["change"], **kept})
        if "context" in step:
            request = request.but(context={**request.context, **step["context"]})
        if "resource_properties" in step:
            given = step["resource_properties"]
            properties = {**request.resource_properties, **given} if given else {}
            request = request.but(resource_properties=properties)
        now = parse_moment(step["now"]) if "now" in step else now
    return decide(apply_changes(directory, changes, schema()), request, now)


@examples(40)
@given(scenes())
def test_every_nearest_allow_allows_and_all_of_its_steps_are_needed(scene):
    document, levels, asked = scene
    document = named(document)
    directory = directory_of(document, levels)

    for request in asked:
        for found in explained(directory, request).get("nearest_allow", {"sets": []})["sets"]:
            steps = found["steps"]
            assert under(directory, document, request, steps), (request, steps)
            for fewer in combinations(steps, len(steps) - 1):
                with contextlib.suppress(InvalidChanges):
                    assert not under(directory, document, request, fewer), (request, fewer)


@examples(40)
@given(scenes(count=4))
def test_no_smaller_set_of_the_candidate_space_allows(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    known = explainer(engine())

    for request in asked:
        moment = Moment(directory, NOW, engine().vocabulary)
        account = known.explain(request, moment)
        if account.nearest is None:
            continue
        near = around(request, moment, touched(account.facts))
        options = openings(request, account.decision, near, schema())
        trial = Trial(known.pdp, request, moment)
        size = len(account.nearest.sets[0]) if account.nearest.sets else 3
        for smaller in range(min(size, 3)):
            for chosen in combinations(options, smaller):
                assert not trial.allows(chosen), (request, [each.words for each in chosen])


@examples(40)
@given(scenes())
def test_everything_that_an_allow_is_said_to_hang_on_takes_it_away(scene):
    document, levels, asked = scene
    document = named(document)
    directory = directory_of(document, levels)

    for request in asked:
        for hinge in explained(directory, request).get("hangs_on", ()):
            denial = under(directory, document, request, [hinge])
            assert not denial, (request, hinge)
            assert denial.reason == hinge["then"]["context"]["reason"]


@examples(40)
@given(scenes(), st.data())
def test_an_allow_hangs_on_the_membership_that_is_acted_for(scene, data):
    document, levels, asked = scene
    directory = directory_of(document, levels)

    for request in asked:
        body = explained(directory, request)
        if body["decision"] and request.subject_type == "user" and request.action != "view":
            revoked = [
                hinge["change"]["organization"]
                for hinge in body["hangs_on"]
                if hinge.get("change", {}).get("op") == "revoke_membership"
                and hinge["change"]["user"] == request.subject_id
            ]
            place = body["acts_for"]
            change = {"op": "revoke_membership", "user": request.subject_id, "organization": place}
            # Without it he may act for the only one that is left to him, and be allowed as well.
            left = decide(apply_changes(directory, [change], schema()), request, NOW)
            assert (place in revoked) == (not left)


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        (("user:dora", "manage", "channel:linz-sales"), ["make dora admin of linz"]),
        (("user:jakob", "read", "conversation:winter-tyres"), ["switch to organization graz"]),
        (("user:ida", "use", "channel:launch-line"), ["share channel:launch-line with salzburg"]),
        (
            ("user:dora", "read", "conversation:winter-tyres"),
            ["make dora guest of graz", "switch to organization graz"],
        ),
        (("user:otto", "view", "organization:linz"), ["make otto active, who is archived"]),
        (
            ("user:urs", "view", "organization:corvane-ch"),
            ["make corvane-ch active, which is invited"],
        ),
        (
            ("partner:wegweiser", "configure", "organization:corvane"),
            ["make wegweiser a full administrator of corvane"],
        ),
        (
            ("user:dora", "read", "conversation:unheard-of"),
            ["say that the resource belongs to linz, if it does"],
        ),
    ],
)
def test_what_gives_away_least_comes_first(asked, steps):
    first = brand(*asked)["nearest_allow"]["sets"][0]

    assert steps == [step["words"] for step in first["steps"]]


def after(count):
    """What says that the time is spent from its so manieth asking on."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None


@examples(15)
@given(scenes(count=4), st.integers(0, 12))
def test_an_explanation_that_ends_early_says_so_and_claims_nothing_that_it_has_not_tried(
    scene, count
):
    document, levels, asked = scene
    document = named(document)
    directory = directory_of(document, levels)
    known = explainer(engine())

    for request in asked:
        moment = Moment(directory, NOW, engine().vocabulary)
        whole = account_body(known.explain(request, moment), known.speaker)
        cut = account_body(known.explain(request, moment, after(count)), known.speaker)
        assert whole["complete"]
        if cut["complete"]:
            assert without_id(whole) == without_id(cut)
        elif cut["decision"]:
            for hinge in cut["hangs_on"]:
                assert not under(directory, document, request, [hinge]), (request, hinge)
        else:
            assert cut["nearest_allow"]["searched"] < 3
            sizes = [len(each["steps"]) for each in whole["nearest_allow"]["sets"]]
            assert all(cut["nearest_allow"]["searched"] < size for size in sizes)
            for found in cut["nearest_allow"]["sets"]:
                assert cut["nearest_allow"]["searched"] + 1 == len(found["steps"])
                assert under(directory, document, request, found["steps"]), (request, found)


def without_id(body):
    context = {name: value for name, value in body["context"].items() if name != "id"}
    return {**body, "context": context}


def test_an_explanation_without_any_time_still_says_why():
    world = read_world(parse_world(BRAND.read_bytes(), BRAND.name), schema())
    known = explainer(engine())
    moment = Moment(world, parse_moment("2026-12-01"), engine().vocabulary)
    request = AccessRequest("user", "dora", "read", "conversation", "winter-tyres")

    account = known.explain(request, moment, processor_time(0))

    assert (account.complete, account.nearest.sets, account.nearest.searched) == (False, (), 0)
    assert account.decision.reason == "no-grant"
    assert account.closest
    assert known.explain(request, moment, processor_time(600_000)).complete


def test_an_explanation_stops_after_so_many_trials(monkeypatch):
    monkeypatch.setattr(trials, "TRIALS_LIMIT", 7)

    body = brand("user:dora", "read", "conversation:winter-tyres")

    assert (body["complete"], body["nearest_allow"]["searched"]) == (False, 0)


def test_waiting_is_nearest_where_time_alone_opens():
    world = read_world(parse_world(BRAND.read_bytes(), BRAND.name), schema())
    request = AccessRequest("user", "dora", "use", "channel", "launch-line")

    body = explained(world, request, parse_moment("2026-08-01"))

    step = body["nearest_allow"]["sets"][0]["steps"]
    assert [{"words": "wait until 2026-09-01T00:00:00Z", "now": "2026-09-01T00:00:00Z"}] == step


def test_an_allow_for_a_term_hangs_on_its_end():
    hinges = brand("user:dora", "use", "channel:launch-line")["hangs_on"]

    assert "2027-03-01T00:00:00Z" in [hinge.get("now") for hinge in hinges]


def test_nothing_opens_an_action_that_the_policies_do_not_know():
    body = brand("user:dora", "devour", "channel:launch-line")

    assert {"sets": [], "searched": 0} == body["nearest_allow"]
