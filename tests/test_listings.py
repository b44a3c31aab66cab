"""What can be read of the tree, of what flows down it, and of the law."""

import json
import tomllib
from datetime import UTC, datetime

import pytest
from itsdangerous import URLSafeSerializer
from serving import BRAND, ROOT, problem_of, serving
from worlds import directory_of, engine

from service.api.rendering import organization_body, tree_body
from service.domain.inheritance import SOURCES, holdings
from service.domain.moment import Moment
from service.domain.world import parse_world, write_world

DOCUMENT = tomllib.loads(BRAND.read_text("utf-8"))


def resources(http, organization, **query):
    return http.get(f"/organizations/{organization}/resources", params=query)


def keys(body):
    return [(entry["type"], entry["id"]) for entry in body["results"]]


def in_pages(http, organization, **query):
    """Every page of a listing."""
    pages = [resources(http, organization, **query).json()]
    while token := pages[-1].get("next_page_token"):
        pages.append(resources(http, organization, **query, page_token=token).json())
    return pages


# Organizations


def test_an_organization_is_shown_with_its_place(http):
    assert {
        "id": "linz",
        "name": "Autohaus Brandl, Linz",
        "kind": "dealer",
        "level": 3,
        "path": ["meridian", "corvane", "linz"],
        "parent": "corvane",
        "status": "active",
        "children": 0,
    } == http.get("/organizations/linz").json()


def test_what_stands_at_level_1_has_no_parent(http):
    body = http.get("/organizations/meridian").json()

    assert (1, ["meridian"], 2) == (body["level"], body["path"], body["children"])
    assert "parent" not in body


def test_a_tree_holds_everything_below_in_order(http):
    body = http.get("/organizations/meridian/tree").json()

    assert ["corvane", "corvane-ch"] == [child["id"] for child in body["children"]]
    assert ["active", "invited"] == [child["status"] for child in body["children"]]
    below = body["children"][0]["children"]
    assert ["graz", "linz", "salzburg"] == [child["id"] for child in below]
    assert [[], [], []] == [child["children"] for child in below]


def test_a_tree_may_have_32_levels_and_thousands_of_organizations():
    chain = {f"L{level}": {"parent": f"L{level - 1}"} for level in range(2, 33)}
    wide = {f"C{index}": {"parent": "L1"} for index in range(5_000)}
    directory = directory_of({"organizations": {"L1": {}, **chain, **wide}}, levels=32)

    tree = json.loads(json.dumps(tree_body("L1", directory)))

    assert 5_001 == len(tree["children"])
    node = tree
    for level in range(2, 33):
        node = next(child for child in node["children"] if child["id"] == f"L{level}")
        assert level == node["level"]


@pytest.mark.parametrize(("organization", "account"), [("linz", "corvane"), ("corvane", "corvane")])
def test_the_account_is_the_one_at_level_2(http, organization, account):
    body = http.get(f"/organizations/{organization}/account").json()

    assert (account, 2) == (body["id"], body["level"])


def test_nobody_pays_for_level_1(http):
    answer = http.get("/organizations/meridian/account")

    assert (404, "no-account") == problem_of(answer)


@pytest.mark.parametrize("rest", ["", "/tree", "/account", "/resources"])
def test_an_unknown_organization_is_not_found(http, rest):
    for name in ("atlantis", "Linz", "linz ", "linz%20", "organization:linz", "*"):
        answer = http.get(f"/organizations/{name}{rest}")

        assert (404, "unknown-entity") == problem_of(answer)


# Users


def test_a_user_may_switch_between_memberships_of_which_one_is_selected(http):
    body = http.get("/users/jakob/organizations").json()

    assert "jakob" == body["user"]
    assert [("graz", "agent", False), ("linz", "agent", True)] == [
        (entry["id"], entry["role"], entry["selected"]) for entry in body["results"]
    ]


def test_the_only_membership_is_the_selected_one(http):
    (entry,) = http.get("/users/dora/organizations").json()["results"]

    assert ("linz", True, 3) == (entry["id"], entry["selected"], entry["level"])


@pytest.mark.parametrize("name", ["nobody", "linz", "Jakob"])
def test_an_unknown_user_is_not_found(http, name):
    assert (404, "unknown-entity") == problem_of(http.get(f"/users/{name}/organizations"))


# Resources


def test_what_is_inherited_says_from_whom_and_by_which_share(http):
    body = resources(http, "linz", type="article").json()

    assert [
        {
            "type": "article",
            "id": "house-rules",
            "owner": "meridian",
            "source": "inherited",
            "share": {"with": "all", "depth": "descendants", "via": "meridian"},
        },
        {
            "type": "article",
            "id": "launch-briefing",
            "owner": "corvane",
            "source": "inherited",
            "share": {"with": ["linz"], "depth": "children", "via": "linz"},
        },
        {
            "type": "article",
            "id": "recall-guide",
            "owner": "corvane",
            "source": "inherited",
            "share": {"with": "all", "depth": "children", "via": "corvane"},
        },
    ] == body["results"]


def test_what_is_owned_has_no_share(http):
    entries = resources(http, "linz", source="own").json()["results"]

    assert {"own"} == {entry["source"] for entry in entries}
    assert {"linz"} == {entry["owner"] for entry in entries}
    assert not any("share" in entry for entry in entries)


def test_a_type_that_nobody_has_gives_an_empty_list(http):
    for kind in ("spaceship", "user", "", "Article"):
        body = resources(http, "linz", type=kind, source="all").json()

        assert [] == body["results"]
        assert "next_page_token" not in body


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("organization", DOCUMENT["organizations"])
def test_a_listing_is_complete_and_in_order(http, organization, source):
    directory = directory_of(parse_world(BRAND.read_bytes(), BRAND.name))
    moment = Moment(directory, datetime.now(UTC), engine().vocabulary)
    expected = [holding.key for holding in holdings(moment, organization, source)]

    assert expected == keys(resources(http, organization, source=source).json())
    assert expected == sorted(expected)


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_together_are_the_whole_list_without_repeats(http, limit):
    whole = resources(http, "corvane", source="all").json()
    pages = in_pages(http, "corvane", source="all", limit=limit)

    assert keys(whole) == [key for page in pages for key in keys(page)]
    assert all(len(page["results"]) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]["results"]) <= limit
    assert all(page["revision"] == whole["revision"] for page in pages)


def test_a_page_may_be_asked_for_without_repeating_the_limit(http):
    first = resources(http, "corvane", source="all", limit=2).json()
    token = first["next_page_token"]
    again = resources(http, "corvane", source="all", limit=2, page_token=token).json()

    assert again == resources(http, "corvane", source="all", page_token=token).json()
    assert not set(keys(first)) & set(keys(again))


def test_the_service_may_give_fewer_than_asked_for():
    settings = {"WATERSHED_PAGE_LIMIT_ITEMS": "2", "WATERSHED_WORKERS": "1"}
    with serving(**settings) as server, server.client() as http:
        pages = in_pages(http, "corvane", source="all", limit=99)

    assert {2} == {len(page["results"]) for page in pages[:-1]}


def token_of(http):
    body = resources(http, "corvane", source="all", limit=2).json()
    return body["next_page_token"]


@pytest.mark.parametrize(
    ("organization", "query"),
    [
        ("linz", {"source": "all", "limit": 2}),
        ("corvane", {"source": "own", "limit": 2}),
        ("corvane", {"limit": 2}),
        ("corvane", {"source": "all", "limit": 3}),
        ("corvane", {"source": "all", "limit": 2, "type": "agent"}),
    ],
)
def test_a_token_of_another_query_is_refused(http, organization, query):
    answer = resources(http, organization, **query, page_token=token_of(http))

    assert (400, "invalid-page-token") == problem_of(answer)


def test_a_damaged_token_is_refused(http):
    token = token_of(http)
    body, _, seal = token.rpartition(".")
    damaged = [token[:-3], token + "x", f"{body[1:]}.{seal}", body, f".{seal}", f"{body}."]
    damaged += ["x", ".", "..", "é.ü", "../../etc", "'; drop table x; --", "%00", "a" * 3000]

    for each in damaged:
        answer = resources(http, "corvane", source="all", limit=2, page_token=each)
        assert (400, "invalid-page-token") == problem_of(answer)


def test_a_token_sealed_by_another_is_refused(http):
    payload = URLSafeSerializer("x").loads_unsafe(token_of(http))[1]
    forged = URLSafeSerializer("a secret that is not ours", salt="page").dumps(payload)
    answer = resources(http, "corvane", source="all", limit=2, page_token=forged)

    assert (400, "invalid-page-token") == problem_of(answer)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=1_0", "limit=%D9%A3"]
    + [f"limit={'9' * 4000}", "limit=true", "limit=1&limit=1", "source=theirs", "source="]
    + ["type=a&type=b", "typ=channel", "limit=1&offset=2"],
)
def test_a_malformed_listing_is_refused_by_its_parameter(http, query):
    answer = http.get(f"/organizations/linz/resources?{query}")

    assert (400, "invalid-request") == problem_of(answer)
    (problem,) = answer.json()["problems"]
    assert problem["path"] in query


# The law and the facts


def test_the_world_can_be_exported_and_read_again(http):
    answer = http.get("/world")
    directory = directory_of(parse_world(answer.content, "world.json"))

    assert "1" == answer.headers["X-Revision"]
    assert directory.records == directory_of(parse_world(BRAND.read_bytes(), "w.toml")).records
    assert answer.json() == write_world(directory)


def test_every_rule_is_shown_with_its_place(http):
    body = http.get("/policies").json()
    law = engine().policies

    assert law.revision == body["revision"]
    assert [(rule.name, rule.file, rule.line) for rule in law.rules] == [
        (rule["name"], rule["file"], rule["line"]) for rule in body["rules"]
    ]
    assert all(rule["comment"] and rule["source"] for rule in body["rules"])


def test_every_file_of_the_law_can_be_read(http):
    for name in http.get("/policies").json()["files"]:
        body = http.get(f"/policies/{name}").json()
        source = (ROOT / "policies" / name).read_text("utf-8")

        assert source == body["source"]
        lines = source.splitlines()
        for rule in body["rules"]:
            assert lines[rule["line"] - 1].startswith(rule["source"].splitlines()[0])


@pytest.mark.parametrize("name", ["nothing.polar", "roles", "README.md", "types.toml~"])
def test_a_file_that_is_not_law_is_not_found(http, name):
    assert problem_of(http.get(f"/policies/{name}"))[0] == 404


def test_ready_tells_what_is_decided_from(http):
    body = http.get("/health/ready").json()

    assert ("ready", 1, engine().policies.revision) == (
        body["status"],
        body["revision"],
        body["policy"],
    )
    assert len(DOCUMENT["users"]) == body["counts"]["user"]
    assert len(DOCUMENT["organizations"]) == body["counts"]["organization"]


def test_a_member_without_value_is_left_out():
    directory = directory_of({"organizations": {"A": {}}})

    body = organization_body(directory.records["organization", "A"], directory)
    assert ["id", "name", "level", "path", "status", "children"] == list(body)
