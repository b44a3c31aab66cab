"""Every kind of bad world is refused whole, with each problem's place, value and reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import directory_of, schema

from service.domain.identifiers import are_plain_ids, id_problem
from service.domain.world import read_world
from service.errors import InvalidWorld

LONG = "x" * 257
NFD = "u\u0308ber"


def problems(document, levels=3, types=None):
    """Everything that is found wrong with the document, as (path, value, reason)."""
    with pytest.raises(InvalidWorld) as refused:
        read_world(document, types or schema(), levels)
    return [tuple(problem) for problem in refused.value.problems]


def world(**sections):
    """A sound little world with these sections in place of its own."""
    return {
        "organizations": {"P": {}, "N": {"parent": "P"}, "D": {"parent": "N"}},
        "users": {"ann": {"memberships": {"N": "admin"}}},
        "resources": {"channel:c": {"organization": "N"}},
        "subscriptions": {"s": subscription()},
        **sections,
    }


def subscription(**fields):
    term = {"starts": "2026-01-01", "ends": "2027-01-01"}
    return {"organization": "N", "type": "named", **term, **fields}


# (the world, where the problem is, what stands there, what the reason says)
BAD_WORLDS = [
    # the tree
    ({"organizations": {"A": {"parent": "A"}}}, "organizations.A.parent", "A", "above itself"),
    (
        {"organizations": {"A": {"parent": "B"}, "B": {"parent": "C"}, "C": {"parent": "A"}}},
        "organizations.A.parent",
        "B",
        "A → B → C → A",
    ),
    (
        world(organizations={"P": {}, "N": {"parent": ["P", "Q"]}}),
        "organizations.N.parent",
        ["P", "Q"],
        "one parent",
    ),
    (
        {"organizations": {"N": {"parent": "P"}}},
        "organizations.N.parent",
        "P",
        "not an organization of this world",
    ),
    (
        {
            "organizations": {
                "1": {},
                "2": {"parent": "1"},
                "3": {"parent": "2"},
                "4": {"parent": "3"},
            }
        },
        "organizations.4.parent",
        "3",
        "level 4; the last level is 3",
    ),
    # sections
    ({"organisations": {}}, "organisations", None, "known are organizations"),
    ({"organizations": []}, "organizations", [], "is not a table"),
    ({"organizations": "P"}, "organizations", "P", "is not a table"),
    ({"users": 7}, "users", 7, "is not a table"),
    ({"resources": True}, "resources", True, "is not a table"),
    ({"subscriptions": [1]}, "subscriptions", [1], "is not a table"),
    ({"partners": 0}, "partners", 0, "is not a table"),
    ({"shares": {}}, "shares", {}, "is not a list"),
    ({"shares": "all"}, "shares", "all", "is not a list"),
    ({"organizations": {"P": None}}, "organizations.P", None, "is not a table of fields"),
    ({"organizations": {"P": "x"}}, "organizations.P", "x", "is not a table of fields"),
    ({"shares": [None]}, "shares[0]", None, "is not a table of fields"),
    # keys
    (
        {"organizations": {"P": {"nmae": "x"}}},
        "organizations.P.nmae",
        None,
        "did you mean `name`?",
    ),
    (
        world(users={"ann": {"membership": {}}}),
        "users.ann.membership",
        None,
        "did you mean `memberships`?",
    ),
    (
        world(resources={"channel:c": {"organization": "N", "knid": "x"}}),
        "resources.channel:c.knid",
        None,
        "did you mean `kind`?",
    ),
    (
        world(shares=[{"resource": "channel:c", "with": "all", "until": "2027-01-01"}]),
        "shares[0].until",
        None,
        "is not known here",
    ),
    (
        world(resources={"chanel:c": {"organization": "N"}}),
        "resources.chanel:c",
        "chanel:c",
        "did you mean `channel`?",
    ),
    (
        world(resources={"user:ann": {"organization": "N"}}),
        "resources.user:ann",
        "user:ann",
        "put it under `users`",
    ),
    (world(resources={"channel": {}}), "resources.channel", "channel", "not of the form"),
    (world(resources={":c": {}}), "resources.:c", ":c", "not of the form"),
    # plain values
    ({"organizations": {"P": {"name": 1}}}, "organizations.P.name", 1, "is not a string"),
    ({"organizations": {"P": {"kind": []}}}, "organizations.P.kind", [], "is not a string"),
    (
        {"organizations": {"P": {"status": "open"}}},
        "organizations.P.status",
        "open",
        "is not one of active, invited",
    ),
    (
        {"organizations": {"P": {"subscription_required": 1}}},
        "organizations.P.subscription_required",
        1,
        "is not true or false",
    ),
    (
        {"organizations": {"P": {"parent": 1}}},
        "organizations.P.parent",
        1,
        "is not a string",
    ),
    (world(users={"ann": {"type": "dog"}}), "users.ann.type", "dog", "human, bot"),
    (world(users={"ann": {"status": "invited"}}), "users.ann.status", "invited", "archived"),
    (world(users={"ann": {"name": {}}}), "users.ann.name", {}, "is not a string"),
    (
        world(users={"ann": {"memberships": ["N"]}}),
        "users.ann.memberships",
        ["N"],
        "is not a table",
    ),
    (world(users={"ann": {"memberships": []}}), "users.ann.memberships", [], "is not a table"),
    (
        world(users={"ann": {"memberships": False}}),
        "users.ann.memberships",
        False,
        "is not a table",
    ),
    (
        world(users={"ann": {"memberships": {"N": "king"}}}),
        "users.ann.memberships.N",
        "king",
        "is not one of guest, agent",
    ),
    (
        world(users={"ann": {"memberships": {"N": ["admin"]}}}),
        "users.ann.memberships.N",
        ["admin"],
        "is not one of",
    ),
    (
        world(users={"ann": {"memberships": {"N": None}}}),
        "users.ann.memberships.N",
        None,
        "is not one of",
    ),
    (
        world(users={"ann": {"memberships": {"N": "agent"}, "selected": "P"}}),
        "users.ann.selected",
        "P",
        "not one of the user's memberships",
    ),
    (
        world(users={"ann": {"subscriptions": "s"}}),
        "users.ann.subscriptions",
        "s",
        "is not a list",
    ),
    (
        world(users={"ann": {"subscriptions": ["s", "s"]}}),
        "users.ann.subscriptions[1]",
        "s",
        "twice",
    ),
    (
        world(users={"ann": {"subscriptions": [None]}}),
        "users.ann.subscriptions[0]",
        None,
        "is not a string",
    ),
    (
        world(resources={"channel:c": {"organization": "N", "kind": 3}}),
        "resources.channel:c.kind",
        3,
        "is not a string",
    ),
    (
        world(resources={"channel:c": {"organization": None}}),
        "resources.channel:c.organization",
        None,
        "is missing",
    ),
    (
        world(resources={"agent:a": {"organization": "N"}}),
        "resources.agent:a.user",
        None,
        "is missing",
    ),
    (
        world(partners={"x": {"organization": "N", "role": "admin"}}),
        "partners.x.role",
        "admin",
        "full_admin, provisioning_admin",
    ),
    (world(partners={"x": {"organization": "N"}}), "partners.x.role", None, "is missing"),
    # ids that point to nothing
    (
        world(users={"ann": {"memberships": {"X": "agent"}}}),
        "users.ann.memberships.X",
        "X",
        "organization:X, which is not in the world",
    ),
    (
        world(users={"ann": {"subscriptions": ["t"]}}),
        "users.ann.subscriptions[0]",
        "t",
        "subscription:t, which is not in the world",
    ),
    (
        world(resources={"channel:c": {"organization": "X"}}),
        "resources.channel:c.organization",
        "X",
        "organization:X, which is not in the world",
    ),
    (
        world(resources={"conversation:v": {"organization": "N", "channel": "x"}}),
        "resources.conversation:v.channel",
        "x",
        "channel:x, which is not in the world",
    ),
    (
        world(resources={"conversation:v": {"organization": "N", "channel": "all"}}),
        "resources.conversation:v.channel",
        "all",
        "channel:all, which is not in the world",
    ),
    (
        world(resources={"agent:a": {"organization": "N", "user": "bob"}}),
        "resources.agent:a.user",
        "bob",
        "user:bob, which is not in the world",
    ),
    (
        world(shares=[{"resource": "channel:x", "with": "all"}]),
        "shares[0].resource",
        "channel:x",
        "is not in the world",
    ),
    (
        world(shares=[{"resource": "channel:c", "with": ["D", "X"]}]),
        "shares[0].with",
        "X",
        "organization:X, which is not in the world",
    ),
    (
        world(subscriptions={"s": subscription(organization="X")}),
        "subscriptions.s.organization",
        "X",
        "organization:X, which is not in the world",
    ),
    (
        world(partners={"x": {"organization": "X", "role": "full_admin"}}),
        "partners.x.organization",
        "X",
        "organization:X, which is not in the world",
    ),
    # shares
    (
        world(
            resources={"form:f": {"organization": "N"}},
            shares=[{"resource": "form:f", "with": "all"}],
        ),
        "shares[0].resource",
        "form:f",
        "cannot be shared; these can: channel, agent, article",
    ),
    (
        world(shares=[{"resource": "channel:c", "with": []}]),
        "shares[0].with",
        [],
        "names nobody",
    ),
    (
        world(shares=[{"resource": "channel:c", "with": "D"}]),
        "shares[0].with",
        "D",
        'is neither "all" nor a list',
    ),
    (world(shares=[{"resource": "channel:c"}]), "shares[0].with", None, "is neither"),
    (world(shares=[{"with": "all"}]), "shares[0].resource", None, "not of the form"),
    (
        world(shares=[{"resource": "channel:c", "with": "all", "depth": "deep"}]),
        "shares[0].depth",
        "deep",
        "children, descendants",
    ),
    (
        world(
            shares=[
                {
                    "resource": "channel:c",
                    "with": "all",
                    "valid_from": "2026-01-01",
                    "valid_until": "2026-01-01T01:00:00+01:00",
                }
            ]
        ),
        "shares[0].valid_until",
        "2026-01-01T01:00:00+01:00",
        "is not after `valid_from`",
    ),
    # terms
    (
        world(subscriptions={"s": subscription(ends="2026-01-01")}),
        "subscriptions.s.ends",
        "2026-01-01",
        "is not after `starts`",
    ),
    (
        world(subscriptions={"s": subscription(ends="2026-06-01T00:00:00")}),
        "subscriptions.s.ends",
        "2026-06-01T00:00:00",
        "with a zone",
    ),
    (
        world(subscriptions={"s": subscription(starts=1767225600)}),
        "subscriptions.s.starts",
        1767225600,
        "is no date or time",
    ),
    (
        world(subscriptions={"s": subscription(starts="0001-01-01T00:00:00+14:00")}),
        "subscriptions.s.starts",
        "0001-01-01T00:00:00+14:00",
        "is no date or time",
    ),
    (
        world(subscriptions={"s": subscription(ends="9999-12-31T23:00:00-14:00")}),
        "subscriptions.s.ends",
        "9999-12-31T23:00:00-14:00",
        "is no date or time",
    ),
    (
        world(subscriptions={"s": subscription(ends=None)}),
        "subscriptions.s.ends",
        None,
        "is missing",
    ),
    (
        world(subscriptions={"s": subscription(type="seat")}),
        "subscriptions.s.type",
        "seat",
        "concurrent, named",
    ),
    (
        world(subscriptions={"s": subscription(organization="D")}),
        "subscriptions.s.organization",
        "D",
        "is at level 3; subscriptions belong to level 2",
    ),
    (
        world(subscriptions={"s": subscription(organization="P")}),
        "subscriptions.s.organization",
        "P",
        "is at level 1",
    ),
    (
        world(subscriptions={"s": subscription(hybrid="yes")}),
        "subscriptions.s.hybrid",
        "yes",
        "is not true or false",
    ),
    (
        world(subscriptions={"s": subscription(entitlements={"agents": -1})}),
        "subscriptions.s.entitlements.agents",
        -1,
        "whole number",
    ),
    (
        world(subscriptions={"s": subscription(entitlements={"agents": True})}),
        "subscriptions.s.entitlements.agents",
        True,
        "whole number",
    ),
    (
        world(subscriptions={"s": subscription(entitlements=[])}),
        "subscriptions.s.entitlements",
        [],
        "is not a table of numbers",
    ),
]


@pytest.mark.parametrize(
    ("document", "path", "value", "reason"),
    BAD_WORLDS,
    ids=[f"{path}: {reason}" for _, path, _, reason in BAD_WORLDS],
)
def test_a_bad_world_is_refused_with_its_place_value_and_reason(document, path, value, reason):
    found = problems(document)

    assert any((path, value) == each[:2] and reason in each[2] for each in found), found


BAD_IDS = {
    "a#b": "contains `#`",
    "a b": "white space",
    "a\tb": "white space",
    "a\u200bb": "invisible",
    "a\u00a0b": "white space",
    "\ufeffa": "invisible",
    "a\x00b": "invisible",
    "a\u202eb": "invisible",
    NFD: "normal form C",
    LONG: "longer than 256",
}


@pytest.mark.parametrize(("name", "reason"), BAD_IDS.items(), ids=ascii)
@pytest.mark.parametrize("section", ["organizations", "users", "subscriptions", "partners"])
def test_no_section_takes_an_id_that_cannot_be_told_apart(section, name, reason):
    entries = {
        "subscriptions": subscription(),
        "partners": {"organization": "N", "role": "full_admin"},
    }
    found = problems(
        world(**{section: {**world().get(section, {}), name: entries.get(section, {})}})
    )

    assert [(path, value) for path, value, _ in found] == [(f"{section}.{name}", name)]
    assert reason in found[0][2]


@pytest.mark.parametrize(("name", "reason"), BAD_IDS.items(), ids=ascii)
def test_no_resource_has_an_id_that_cannot_be_told_apart(name, reason):
    found = problems(world(resources={f"channel:{name}": {"organization": "N"}}))

    assert len(found) == 1
    assert reason in found[0][2]


@pytest.mark.parametrize("section", ["organizations", "users", "subscriptions", "partners"])
def test_no_section_takes_an_empty_id(section):
    assert any("is empty" in reason for _, _, reason in problems(world(**{section: {"": {}}})))


@pytest.mark.parametrize(
    "name", ["x" * 256, "ü", "支店", "a:b", "*", "all", "none", "A", "🏬", "-"]
)
def test_an_id_may_be_any_visible_text(name):
    document = {"organizations": {name: {}, f"{name[1:]}2": {"parent": name}}}

    assert directory_of(document).children(name) == [f"{name[1:]}2"]


@given(st.lists(st.sampled_from(["a", "Z-9", "~", "x" * 256, "", "支店", None, 7, [], *BAD_IDS])))
def test_many_ids_are_found_plain_at_once_only_if_each_of_them_is_an_id(names):
    plain = bool(names) and all(
        isinstance(name, str) and name.isascii() and id_problem(name) is None for name in names
    )

    assert are_plain_ids(names) == plain


def test_ids_differ_by_case():
    directory = directory_of({"organizations": {"a": {}, "A": {"parent": "a"}}})

    assert directory.get(("organization", "A")).parent == "a"


def test_every_problem_of_a_world_is_found_at_once():
    found = problems(
        {
            "organizations": {"A": {"parent": "A"}, "B": {"parent": "?"}, "C": {"status": 1}},
            "users": {"ann": {"memberships": {"X": "king"}, "typ": "bot"}},
            "resources": {"channel:c": {}, "form:f": {"organization": "B"}},
            "shares": [{"resource": "form:f", "with": [1]}, 2],
            "subscriptions": {"s": {"organization": "B", "type": "x", "starts": "x", "ends": 1}},
            "partners": {"p": {}},
            "extras": {},
        }
    )
    places = {path for path, _, _ in found}

    assert places >= {
        "organizations.A.parent",
        "organizations.B.parent",
        "organizations.C.status",
        "users.ann.memberships.X",
        "users.ann.typ",
        "resources.channel:c.organization",
        "shares[0].resource",
        "shares[0].with[0]",
        "shares[1]",
        "subscriptions.s.type",
        "subscriptions.s.starts",
        "subscriptions.s.ends",
        "partners.p.organization",
        "partners.p.role",
        "extras",
    }
