"""The impact of a change is every decision that differs, and no other: counted against all."""

from functools import lru_cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, changes, directory_of, engine, examples, schema, worlds

from service.api.impacts import impact_body
from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world
from service.errors import InvalidChanges
from service.explain.impact import impact
from service.explain.questions import DESCRIBED, Resource, Subject, asked
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set

FIXTURES = Path(__file__).parent.parent / "fixtures"


@lru_cache
def pdp_of(law):
    return PolicyDecisionPoint(law, FixedFacts(Directory()))


def subjects(directories, known):
    """Every subject and each organization for which it may act, by the definition alone."""
    for directory in directories:
        for key, record in directory.records.items():
            if key[0] == "user":
                yield from (Subject(key, name) for name, _ in record.memberships)
            elif key[0] in known.types and known.types[key[0]].subject:
                yield Subject(key, None)


def resources(directories, known):
    """Every resource, by the definition alone."""
    stored = {key for directory in directories for key in directory.records}
    yield from (Resource(key) for key in stored if key[0] in known.types)
    kinds = {"organization", "user", "partner", *(key[0] for key in stored)}
    for kind, declared in known.types.items():
        if kind not in kinds and all(each.optional for each in declared.attributes.values()):
            yield from (
                Resource((kind, DESCRIBED), name)
                for name in {key[1] for key in stored if key[0] == "organization"}
            )


def compared_with_all(law, before, chosen):
    """The impact, and every question of which the decision really differs, with what it becomes."""
    pdp, known = pdp_of(law), law.policies.schema
    after = apply_changes(before, chosen, known)
    was, is_now = (Moment(directory, NOW, law.vocabulary) for directory in (before, after))
    sides = [set(each((before, after), known)) for each in (subjects, resources)]
    differing, count = set(), 0
    for subject, resource in product(*sides):
        for action, parameters in known.types[resource.key[0]].actions.items():
            if all(each.optional for each in parameters.values()):
                count += 1
                request = asked(subject, resource, action)
                verdict = pdp.decide(request, is_now).allowed
                if verdict != pdp.decide(request, was).allowed:
                    differing.add((subject, action, resource, verdict))
    return impact(pdp, chosen, was), differing, count


def assert_complete(law, before, chosen):
    found, differing, count = compared_with_all(law, before, chosen)
    told = [(*each, of.gained) for of in found.differences for each in of.questions()]

    assert len(told) == len(set(told)), "something is told twice"
    assert differing == set(told)
    assert len(told) == found.count(gained=True) + found.count(gained=False)
    assert count == found.questions
    assert found.decided <= 2 * count


@examples(12)
@given(st.data())
def test_the_impact_is_every_decision_that_differs_and_no_other(data):
    levels = data.draw(st.sampled_from((3, 3, 4)))
    document = data.draw(worlds(levels, crowded=data.draw(st.booleans())))
    chosen = data.draw(st.lists(changes(document), min_size=1, max_size=2))
    before = directory_of(document, levels)
    try:
        assert_complete(engine(), before, chosen)
    except InvalidChanges:
        return


MOVES = [
    {"op": "move_organization", "organization": "linz", "to": "meridian"},
    {"op": "suspend_organization", "organization": "linz"},
    {"op": "grant_membership", "user": "jakob", "organization": "salzburg", "role": "admin"},
    {"op": "revoke_membership", "user": "jakob", "organization": "graz"},
    {"op": "unshare", "resource": "channel:hotline"},
    {"op": "share", "resource": "channel:care-inbox", "with": ["graz"]},
    {"op": "put_organization", "organization": "wien", "parent": "corvane"},
    {"op": "put_partner", "partner": "wegweiser", "organization": "corvane", "role": "full_admin"},
    {"op": "remove_resource", "resource": "agent:dora"},
    {"op": "unassign_subscription", "user": "anton", "subscription": "corvane-care"},
    {
        "op": "put_organization",
        "organization": "corvane",
        "parent": "meridian",
        "subscription_required": True,
    },
]


@pytest.mark.parametrize("change", MOVES, ids=lambda change: change["op"])
def test_the_impact_on_the_brand_is_complete(change):
    path = FIXTURES / "brand-dealers.world.toml"
    before = read_world(parse_world(path.read_bytes(), path.name), schema())

    assert_complete(engine(), before, [change])


DOCUMENTS = {
    "organizations": {
        "board": {},
        "sales": {"parent": "board"},
        "north": {"parent": "sales"},
        "south": {"parent": "sales"},
    },
    "users": {
        "ann": {"memberships": {"north": "supervisor", "board": "guest"}, "selected": "north"},
        "bob": {"memberships": {"south": "supervisor"}},
        "cyd": {"memberships": {"sales": "agent"}},
    },
    "resources": {
        "folder:n": {"organization": "north"},
        "folder:s": {"organization": "south", "sealed": True},
        "document:a": {"organization": "north", "folder": "n", "author": "ann"},
        "document:b": {"organization": "south", "folder": "s", "author": "bob", "pages": 1200},
        "document:c": {"organization": "south", "folder": "n", "author": "ann", "pages": 3},
        "document:d": {"organization": "sales", "folder": "n", "classification": "confidential"},
        "service:indexer": {"organization": "sales", "scopes": ["documents.index"]},
        "service:idle": {"organization": "south", "scopes": []},
    },
    "shares": [{"resource": "document:d", "with": ["north"]}],
}


@pytest.mark.parametrize(
    "chosen",
    [
        [{"op": "move_organization", "organization": "north", "to": "board"}],
        [{"op": "revoke_membership", "user": "ann", "organization": "north"}],
        [{"op": "put_resource", "resource": "folder:n", "organization": "north", "sealed": True}],
        [{"op": "grant_membership", "user": "bob", "organization": "board", "role": "owner"}],
        [
            {
                "op": "put_resource",
                "resource": "document:a",
                "organization": "south",
                "folder": "s",
                "author": "bob",
            }
        ],
        [{"op": "move_organization", "organization": "south", "to": "north"}],
        [{"op": "unshare", "resource": "document:d"}],
    ],
    ids=lambda chosen: chosen[0]["op"],
)
def test_the_impact_under_a_foreign_law_is_complete(chosen):
    law = documents()
    before = read_world(DOCUMENTS, law.policies.schema, levels=4)

    assert_complete(law, before, chosen)


@lru_cache
def documents():
    return Engine(read_policy_set(FIXTURES / "documents"))


def test_questions_that_rules_cannot_tell_apart_are_decided_once():
    crowd = {f"u{n}": {"memberships": {"west": "agent"}} for n in range(200)}
    world = {
        "organizations": {"web": {}, "nso": {"parent": "web"}, "other": {"parent": "web"}},
        "users": crowd | {"boss": {"memberships": {"nso": "admin"}}},
        "resources": {f"article:a{n}": {"organization": "nso"} for n in range(200)},
    }
    world["organizations"] |= {"east": {"parent": "nso"}, "west": {"parent": "nso"}}
    before = directory_of(world)
    pdp, moment = pdp_of(engine()), Moment(before, NOW, engine().vocabulary)

    found = impact(pdp, [{"op": "grant_membership", "user": "u7", "organization": "nso",
                          "role": "admin"}], moment)  # fmt: skip

    assert found.count(gained=True) > 600
    assert found.decided < 2_000 < found.questions


def test_actions_that_need_parameters_are_named_as_left_out():
    before = directory_of({"organizations": {"web": {}}})
    moment = Moment(before, NOW, engine().vocabulary)
    change = {"op": "put_organization", "organization": "nso", "parent": "web"}

    body = impact_body(impact(pdp_of(engine()), [change], moment))

    assert "conversation.transfer" in body["left_out"]
    assert "organization.view" not in body["left_out"]
