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
from service.explain import impact as impact_module
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
    assert found.decided <= count


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


def test_the_impact_where_folders_contain_each_other_is_complete():
    circle = {
        "folder:n": {"organization": "north", "parent": "s"},
        "folder:s": {"organization": "south", "parent": "n"},
    }
    world = {**DOCUMENTS, "resources": {**DOCUMENTS["resources"], **circle}}
    before = read_world(world, documents().policies.schema, levels=4)
    move = {"op": "move_organization", "organization": "north", "to": "board"}

    assert_complete(documents(), before, [move])


@lru_cache
def documents():
    return Engine(read_policy_set(FIXTURES / "documents"))


ROBOTS = {
    "types.toml": """
[types.document]
attributes = { author = "user?", reviewer = "user?" }
[types.document.actions]
read = {}
[types.robot]
subject = true
attributes = { owner = "user" }
[types.robot.actions]
stop = {}
""",
    "robots.polar": """
# Robots read what their owner wrote.
allow(robot: Robot, "read", document: Document, "robots-read-what-their-owner-wrote") if
  document.author = robot.owner;

# Everybody reads what its author has reviewed himself.
allow(_: User, "read", document: Document, "everybody-reads-what-its-author-has-reviewed") if
  document.has("reviewer") and
  document.author = document.reviewer;

# Administrators stop the robots of an organization, whomever they act for.
allow(user: User, "stop", robot: Robot, "administrators-stop-robots") if
  user.role_at(robot.organization) = "admin";

# Administrators of an account read everything, whichever part of it they act for.
allow(user: User, "read", _: Document, "administrators-of-an-account-read-everything") if
  user.role_at(user.organization.account) = "admin";

# Owners stop their robots.
allow(user: User, "stop", robot: Robot, "owners-stop-their-robots") if
  robot.owner = user;
""",
}
AUTHORS = {
    "organizations": {
        "board": {},
        "writers": {"parent": "board"},
        "machines": {"parent": "board"},
        "shelves": {"parent": "board"},
        "desk": {"parent": "writers"},
    },
    "users": {
        **{name: {"memberships": {"writers": "agent"}} for name in ("ann", "bob", "cyd")},
        "dan": {"memberships": {"writers": "agent", "machines": "agent"}, "selected": "writers"},
        "eve": {"memberships": {"desk": "agent", "writers": "admin"}, "selected": "desk"},
        "fay": {"memberships": {"desk": "agent", "writers": "guest"}, "selected": "desk"},
    },
    "resources": {
        "robot:r": {"organization": "machines", "owner": "ann"},
        "robot:s": {"organization": "machines", "owner": "bob"},
        **{
            f"document:{name}": {"organization": "shelves", "author": name}
            for name in ("ann", "bob", "cyd")
        },
        "document:lost": {"organization": "shelves"},
        "document:own": {"organization": "shelves", "author": "ann", "reviewer": "ann"},
        "document:other": {"organization": "shelves", "author": "bob", "reviewer": "ann"},
        "document:another": {"organization": "shelves", "author": "ann", "reviewer": "bob"},
    },
}


@pytest.mark.parametrize(
    "change",
    [
        {"op": "put_resource", "resource": "robot:r", "organization": "machines", "owner": "bob"},
        {"op": "put_resource", "resource": "robot:r", "organization": "shelves", "owner": "ann"},
        {
            "op": "put_resource",
            "resource": "document:cyd",
            "organization": "shelves",
            "author": "ann",
        },
        {"op": "remove_resource", "resource": "robot:s"},
        {"op": "remove_resource", "resource": "document:bob"},
        {"op": "remove_resource", "resource": "document:lost"},
        {"op": "grant_membership", "user": "cyd", "organization": "board", "role": "agent"},
        {"op": "grant_membership", "user": "dan", "organization": "machines", "role": "admin"},
    ],
    ids=lambda change: " ".join(change.values()),
)
def test_the_impact_where_resources_name_users_is_complete(tmp_path, change):
    for name, text in ROBOTS.items():
        (tmp_path / name).write_text(text)
    law = Engine(read_policy_set(tmp_path))
    before = read_world(AUTHORS, law.policies.schema)

    assert_complete(law, before, [change])


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
    assert found.decided < 1_000 < found.questions


def world_of_accounts(count):
    """A platform of so many accounts of two dealers each, all of one pattern."""
    organizations, users, resources, shares = {"web": {}}, {}, {}, []
    for n in range(count):
        organizations[f"nso{n}"] = {"parent": "web"}
        users[f"chief{n}"] = {"memberships": {f"nso{n}": "admin"}}
        for at in "ab":
            dealer = f"{at}{n}"
            organizations[dealer] = {"parent": f"nso{n}"}
            users[f"agent-{dealer}"] = {"memberships": {dealer: "agent"}}
            resources[f"channel:{dealer}"] = {"organization": dealer, "kind": "chat"}
        resources[f"article:all{n}"] = {"organization": f"nso{n}"}
        resources[f"article:one{n}"] = {"organization": f"nso{n}"}
        shares += [
            {"resource": f"article:all{n}", "with": "all"},
            {"resource": f"article:one{n}", "with": [f"a{n}"]},
        ]
    users["both"] = {"memberships": {"a0": "supervisor", "b0": "agent"}, "selected": "a0"}
    return {
        "organizations": organizations,
        "users": users,
        "resources": resources,
        "shares": shares,
    }


MOVE_A0 = {"op": "move_organization", "organization": "a0", "to": "nso1"}


@pytest.mark.parametrize("limit", [0, 20_000], ids=["all are gone over", "links are followed"])
@pytest.mark.parametrize(
    "change",
    [
        MOVE_A0,
        {"op": "suspend_organization", "organization": "a0"},
        {"op": "revoke_membership", "user": "both", "organization": "b0"},
        {"op": "grant_membership", "user": "chief1", "organization": "b2", "role": "guest"},
        {"op": "share", "resource": "article:one2", "with": ["b2"]},
        {"op": "move_organization", "organization": "nso1", "to": "nso0"},
    ],
    ids=lambda change: change["op"],
)
def test_those_near_are_all_that_matter(monkeypatch, change, limit):
    monkeypatch.setattr(impact_module, "NEARBY_LIMIT", limit)
    before = directory_of(world_of_accounts(3), 4)

    assert_complete(engine(), before, [change])


def test_a_move_asks_nothing_of_accounts_that_it_does_not_touch():
    few, many = (
        impact(pdp_of(engine()), [MOVE_A0], Moment(directory, NOW, engine().vocabulary))
        for directory in (directory_of(world_of_accounts(count)) for count in (3, 40))
    )

    assert few.questions * 50 < many.questions
    assert few.decided == many.decided
    assert [few.count(gained) for gained in (True, False)] == [
        many.count(gained) for gained in (True, False)
    ]


def test_a_new_name_turns_nothing_and_asks_nothing():
    before = directory_of(world_of_accounts(2))
    renamed = {"op": "put_organization", "organization": "web", "name": "The Web"}

    found = impact(pdp_of(engine()), [renamed], Moment(before, NOW, engine().vocabulary))

    assert (0, ()) == (found.decided, found.differences)


def test_actions_that_need_parameters_are_named_as_left_out():
    before = directory_of({"organizations": {"web": {}}})
    moment = Moment(before, NOW, engine().vocabulary)
    change = {"op": "put_organization", "organization": "nso", "parent": "web"}

    body = impact_body(impact(pdp_of(engine()), [change], moment))

    assert "conversation.transfer" in body["left_out"]
    assert "organization.view" not in body["left_out"]
