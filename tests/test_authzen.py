"""AuthZEN 1.0, requirement by requirement, asked of a real server from outside.

The letters are those of a checklist of the specification: A transport, B JSON, C evaluation,
D evaluations, E searches, F metadata, G errors, H request ids, I authentication. What other files
ask already is asked here again in short, so that this file alone says whether the service conforms.

Where the specification leaves a choice, or the service departs from an example in it:
C9 what is stored wins over what a request says of the same attribute, and a contradiction denies.
E17 a page token with another query or another limit is refused.
F8 there is no signed metadata, and F7 no capability.
"""

import json
import re

import httpx
import pytest
from conftest import BATCH_LIMIT_ITEMS, BODY_LIMIT_BYTES
from serving import KEY, QUESTION, problem_of, serving

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SUBJECT, RESOURCE, ACTION = (
    f"/access/v1/search/{what}" for what in ("subject", "resource", "action")
)
CONFIGURATION = "/.well-known/authzen-configuration"

DORA, LUKAS = ({"type": "user", "id": name} for name in ("dora", "lukas"))
TEST_DRIVE = {"type": "conversation", "id": "test-drive"}
WINTER_TYRES = {"type": "conversation", "id": "winter-tyres"}
WHO = {"subject": {"type": "user"}, "action": {"name": "reply"}, "resource": TEST_DRIVE}
WHAT = {"subject": LUKAS, "action": {"name": "read"}, "resource": {"type": "conversation"}}
WHICH = {"subject": DORA, "resource": TEST_DRIVE}
REQUESTS = {
    EVALUATION: QUESTION,
    EVALUATIONS: {**QUESTION, "evaluations": [{}, {"resource": WINTER_TYRES}]},
    SUBJECT: WHO,
    RESOURCE: WHAT,
    ACTION: WHICH,
}
SEARCHES = {SUBJECT: WHO, RESOURCE: WHAT, ACTION: WHICH}
of_all = pytest.mark.parametrize("path", REQUESTS)
of_searches = pytest.mark.parametrize("path", SEARCHES)


def told(http, path, **changed):
    """The answer to the request of this path, with some members changed."""
    answer = http.post(path, json={**REQUESTS[path], **changed})
    assert (200, "application/json") == (answer.status_code, answer.headers["Content-Type"])
    return answer.json()


def refused(http, path, body):
    """The status and code with which a body is refused, as it is sent or as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    answer = http.post(path, content=body, headers={"Content-Type": "application/json"})
    return problem_of(answer)


def results(http, path, **changed):
    return told(http, path, **changed)["results"]


def without(document, *path):
    """The document without a member."""
    name, *rest = path
    if not rest:
        return {key: value for key, value in document.items() if key != name}
    return {**document, name: without(document[name], *rest)}


def replaced(document, value, *path):
    """The document with another value for a member."""
    name, *rest = path
    return {**document, name: replaced(document[name], value, *rest) if rest else value}


# A. Endpoints and transport


@of_all
def test_A2_A8_every_operation_is_posted_and_answers_200_with_an_object(http, path):
    assert isinstance(told(http, path), dict)


@of_all
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_A5_other_methods_are_refused(http, path, method):
    assert http.request(method, path).status_code == 405


@of_all
@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
)
def test_A6_json_may_carry_parameters_and_any_letter_case(http, path, content_type):
    body = json.dumps(REQUESTS[path]).encode()
    answer = http.post(path, content=body, headers={"Content-Type": content_type})

    assert answer.status_code == 200


@of_all
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x+json", ""]
)
def test_A7_another_content_type_or_none_is_400(http, path, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = http.post(path, content=json.dumps(REQUESTS[path]).encode(), headers=headers)

    assert (400, "unsupported-content-type") == problem_of(answer)


@of_all
def test_A9_a_body_in_chunks_is_read(http, path):
    whole = json.dumps(REQUESTS[path]).encode()
    chunks = iter([whole[:7], whole[7:]])
    answer = http.post(path, content=chunks, headers={"Content-Type": "application/json"})

    assert answer.status_code == 200


# B. JSON


@of_all
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"7", b"null", b"true"])
def test_B1_a_top_level_that_is_no_object_is_400(http, path, body):
    assert 400 == refused(http, path, body)[0]


@of_all
def test_B3_B4_unknown_members_and_their_order_change_nothing(http, path):
    asked = REQUESTS[path]
    more = {
        name: {**value, "later": [1]} if isinstance(value, dict) else value
        for name, value in reversed(asked.items())
    }

    expected = told(http, path)
    got = told(http, path, **{**more, "later": {"x": None}})
    assert comparable(expected) == comparable(got)


def comparable(answer):
    """An answer without the ids of its decisions."""
    return json.loads(re.sub(r'"id": ?"[0-9a-f]{32}", ', "", json.dumps(answer)))


_KEYS = {"subject": ("type", "id"), "resource": ("type", "id"), "action": ("name",)}
_IGNORED = {(SUBJECT, "subject", "id"), (RESOURCE, "resource", "id")}
REQUIRED = [
    place
    for path in (EVALUATION, *SEARCHES)
    for entity, keys in _KEYS.items()
    if entity in REQUESTS[path]
    for place in ((path, entity), *((path, entity, key) for key in keys))
    if place not in _IGNORED
]


@pytest.mark.parametrize("place", REQUIRED, ids=lambda place: " ".join(place))
def test_B5_C1_E8_a_missing_member_is_400_and_named(http, place):
    path, *member = place
    body = without(REQUESTS[path], *member)
    answer = http.post(path, json=body)

    assert (400, "invalid-request") == problem_of(answer)
    assert ".".join(member) in {each["path"] for each in answer.json()["problems"]}


def wrong_values(place):
    """Values of every type but the one that belongs in the place."""
    return (7, True, [], "x") if len(place) == 2 else (7, True, [], {})


@pytest.mark.parametrize(
    ("place", "wrong"), [(place, wrong) for place in REQUIRED for wrong in wrong_values(place)]
)
def test_B6_E8_a_member_of_the_wrong_type_is_400(http, place, wrong):
    path, *member = place

    assert (400, "invalid-request") == refused(http, path, replaced(REQUESTS[path], wrong, *member))


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        (path, entity)
        for path in (EVALUATION, *SEARCHES)
        for entity in sorted(_KEYS.keys() & REQUESTS[path])
    ],
)
@pytest.mark.parametrize("wrong", [[], "x", 7, True], ids=repr)
def test_B6_properties_that_are_no_object_are_400(http, path, entity, wrong):
    body = replaced(REQUESTS[path], wrong, entity, "properties")

    assert (400, "invalid-request") == refused(http, path, body)


@pytest.mark.parametrize("path", [EVALUATION, *SEARCHES])
@pytest.mark.parametrize("wrong", [[], "x", 7, True], ids=repr)
def test_B6_a_context_that_is_no_object_is_400(http, path, wrong):
    assert 400 == refused(http, path, {**REQUESTS[path], "context": wrong})[0]


@of_all
@pytest.mark.parametrize(
    "value", [b"NaN", b"Infinity", b"1e999", b'"\\ud800"', b'"\xff"', b'1, "a": 2'], ids=repr
)
def test_B7_what_is_not_i_json_is_400(http, path, value):
    body = json.dumps(REQUESTS[path]).encode()[:-1] + b', "a": ' + value + b"}"

    assert 400 == refused(http, path, body)[0]


@of_all
def test_B7_a_member_given_twice_is_400(http, path):
    body = json.dumps(REQUESTS[path]).encode()[:-1] + b', "subject": {"type": "user", "id": "x"}}'

    assert 400 == refused(http, path, body)[0]


@of_all
def test_B8_null_for_what_is_optional_is_as_if_it_were_absent(http, path):
    extra = {"context": None, "page": None, "options": None}

    assert comparable(told(http, path)) == comparable(told(http, path, **extra))


@of_all
def test_B8_no_member_of_an_answer_is_null(http, path):
    assert "null" not in json.dumps(told(http, path))


@of_all
def test_B9_what_is_too_large_is_413(http, path):
    body = {**REQUESTS[path], "later": "x" * BODY_LIMIT_BYTES}

    assert (413, "request-too-large") == refused(http, path, body)


@of_all
def test_B9_deep_nesting_is_refused_and_no_failure(http, path):
    body = json.dumps(REQUESTS[path])[:-1] + f', "later": {"[" * 7000}{"]" * 7000}}}'

    assert 413 == refused(http, path, body.encode())[0]


@of_all
@pytest.mark.parametrize("body", [b"", b"{", b'{"subject": }', b"subject", b"{'a': 1}"])
def test_B10_malformed_json_and_an_empty_body_are_400(http, path, body):
    assert (400, "malformed-document") == refused(http, path, body)


# C. Evaluation


def test_C2_C3_properties_and_context_may_hold_anything(http):
    anything = {"a": None, "b": [1, {"c": "d"}], "e": 1.5, "f": True}
    asked = {
        "subject": {**DORA, "properties": anything},
        "action": {"name": "reply", "properties": anything},
        "context": anything,
    }

    assert told(http, EVALUATION, **asked)["decision"] is True
    assert told(http, EVALUATION, context={})["decision"] is True


@pytest.mark.parametrize("resource", [TEST_DRIVE, WINTER_TYRES])
def test_C4_C5_a_decision_is_a_boolean_and_a_denial_is_200(http, resource):
    answer = told(http, EVALUATION, resource=resource)

    assert (resource == TEST_DRIVE) is answer["decision"]
    assert isinstance(answer["context"], dict)


@pytest.mark.parametrize("entity", ["subject", "resource"])
@pytest.mark.parametrize("member", ["type", "id"])
def test_C5_what_nobody_knows_is_denied_and_no_error(http, entity, member):
    asked = replaced(QUESTION, "", entity, member)

    assert told(http, EVALUATION, **asked)["decision"] is False


def test_C8_the_same_question_gets_the_same_answer(http):
    answers = [comparable(told(http, EVALUATION)) for _ in range(5)]

    assert answers == [answers[0]] * 5


def test_C9_what_a_request_says_of_a_resource_counts(http):
    new = {"type": "conversation", "id": "new", "properties": {"organization": "linz"}}
    elsewhere = {**new, "properties": {"organization": "graz"}}
    contradicting = {**TEST_DRIVE, "properties": {"organization": "graz"}}

    assert [True, False, False] == [
        told(http, EVALUATION, resource=each)["decision"]
        for each in (new, elsewhere, contradicting)
    ]


def test_C10_members_of_other_requests_are_ignored(http):
    extra = {"evaluations": [{"resource": WINTER_TYRES}], "options": 7, "page": "x"}

    assert told(http, EVALUATION, **extra)["decision"] is True


# D. Evaluations


def verdicts(http, **changed):
    answer = told(http, EVALUATIONS, **changed)
    assert ["evaluations"] == list(answer), "D3"
    return [each["decision"] for each in answer["evaluations"]]


@pytest.mark.parametrize("absent", [{}, {"evaluations": []}])
def test_D1_without_evaluations_it_is_one_evaluation(http, absent):
    answer = http.post(EVALUATIONS, json={**QUESTION, **absent})

    assert ["decision", "context"] == list(answer.json())
    assert 400 == refused(http, EVALUATIONS, {**without(QUESTION, "subject"), **absent})[0]


def test_D2_D5_answers_come_in_order_and_defaults_fill_what_is_absent(http):
    items = [{"resource": WINTER_TYRES}, {}, {"resource": WINTER_TYRES}, {"subject": LUKAS}]

    assert [False, True, False, True] == verdicts(http, evaluations=items)


@pytest.mark.parametrize("wrong", [{}, "x", 7, True])
def test_D4_evaluations_that_are_no_array_are_400(http, wrong):
    assert 400 == refused(http, EVALUATIONS, {**QUESTION, "evaluations": wrong})[0]


@pytest.mark.parametrize("wrong", [[], "x", 7, True])
def test_D4_options_that_are_no_object_are_400(http, wrong):
    assert 400 == refused(http, EVALUATIONS, {**REQUESTS[EVALUATIONS], "options": wrong})[0]


def test_D6_D7_an_override_is_whole(http):
    chosen = {"context": {"organization": "nowhere"}}
    items = [{}, {"resource": {"id": "test-drive"}}, {"context": {}}]

    assert [False, False, True] == verdicts(http, **chosen, evaluations=items)


def test_D8_D12_a_bad_item_is_denied_in_its_place_with_a_reason(http):
    items = [{}, {"subject": {"type": "user"}}, {}]
    answer = told(http, EVALUATIONS, evaluations=items)["evaluations"]

    assert [True, False, True] == [each["decision"] for each in answer]
    assert 400 == answer[1]["context"]["error"]["status"]
    assert answer[1]["context"]["error"]["message"]


def test_D9_D10_a_default_that_every_item_overrides_does_no_harm(http):
    for useless in ({}, "alice", 7):
        items = [{"resource": TEST_DRIVE}, {"resource": WINTER_TYRES}]
        assert [True, False] == verdicts(http, resource=useless, evaluations=items)


def test_D11_trouble_of_the_whole_is_an_http_error(http):
    assert 400 == refused(http, EVALUATIONS, b"{")[0]
    many = [{}] * (BATCH_LIMIT_ITEMS + 1)
    assert (413, "request-too-large") == refused(
        http, EVALUATIONS, {**QUESTION, "evaluations": many}
    )


@pytest.mark.parametrize("item", ["x", 7, None, []])
def test_D12_D13_even_the_only_item_being_none_is_a_denial(http, item):
    assert [False] == verdicts(http, evaluations=[item])


YES, NO, BAD = {}, {"resource": WINTER_TYRES}, {"subject": {}}


@pytest.mark.parametrize(
    ("semantic", "items", "expected"),
    [
        (None, [YES, NO, YES], [True, False, True]),
        ("execute_all", [YES, NO, YES], [True, False, True]),
        ("deny_on_first_deny", [YES, NO, YES], [True, False]),
        ("deny_on_first_deny", [YES, BAD, YES], [True, False]),
        ("deny_on_first_deny", [YES, YES], [True, True]),
        ("permit_on_first_permit", [NO, BAD, YES, NO], [False, False, True]),
        ("permit_on_first_permit", [NO, NO], [False, False]),
    ],
)
def test_D14_D15_D16_each_semantic_ends_where_it_says(http, semantic, items, expected):
    options = {"evaluations_semantic": semantic, "later": 1}  # D18

    assert expected == verdicts(http, evaluations=items, options=options)


@pytest.mark.parametrize("semantic", ["EXECUTE_ALL", "", "all", 7, True, []])
def test_D17_an_unknown_semantic_is_400_even_for_one_item(http, semantic):
    body = {**QUESTION, "evaluations": [{}], "options": {"evaluations_semantic": semantic}}

    assert 400 == refused(http, EVALUATIONS, body)[0]


# E. Searches


@pytest.mark.parametrize(("path", "entity"), [(SUBJECT, "subject"), (RESOURCE, "resource")])
@pytest.mark.parametrize("ignored", ["nobody", "", 7, None, [], {"x": 1}], ids=repr)
def test_E1_E2_the_id_of_what_is_searched_for_is_ignored(http, path, entity, ignored):
    named = {**REQUESTS[path][entity], "id": ignored}

    assert told(http, path) == told(http, path, **{entity: named})


@pytest.mark.parametrize("stray", [{"name": "reply"}, {}, "x", 7, None, {"name": 7}], ids=repr)
def test_E3_a_stray_action_in_an_action_search_is_ignored(http, stray):
    assert told(http, ACTION) == told(http, ACTION, action=stray)


def test_E4_results_are_entities_of_the_type_asked_for_each_once(http):
    for path, kind in ((SUBJECT, "user"), (RESOURCE, "conversation")):
        found = results(http, path)
        assert found
        assert all(["type", "id"] == list(each) and each["type"] == kind for each in found)
        assert len({each["id"] for each in found}) == len(found)
    names = [each["name"] for each in results(http, ACTION)]
    assert all(names) and len(set(names)) == len(names) > 0


def evaluated(http, path, result):
    """What an evaluation says of a result."""
    entity = path.rpartition("/")[2]
    return told(http, EVALUATION, **{**REQUESTS[path], entity: result})["decision"]


@of_searches
def test_E5_every_result_is_allowed_when_it_is_put_to_evaluation(http, path):
    assert all(evaluated(http, path, each) for each in results(http, path))


def test_E5_what_is_no_result_is_denied_when_it_is_put_to_evaluation(http):
    world = http.get("/world").json()
    names = {"user": list(world["users"]), "conversation": []}
    for name in world["resources"]:
        if name.startswith("conversation:"):
            names["conversation"].append(name.removeprefix("conversation:"))
    asked = {**WHAT, "subject": DORA}
    for path, entity, request in ((SUBJECT, "subject", WHO), (RESOURCE, "resource", asked)):
        kind = request[entity]["type"]
        found = results(http, path, **request)
        every = [{"type": kind, "id": name} for name in names[kind]]
        rest = [each for each in every if each not in found]
        answers = [told(http, EVALUATION, **{**request, entity: each}) for each in rest]
        assert rest and not any(answer["decision"] for answer in answers)


def test_E6_searches_follow_the_tree_and_shares(http):
    above = {"type": "user", "id": "petra"}
    shared = {"subject": DORA, "action": {"name": "view"}, "resource": {"type": "channel"}}

    assert above in results(http, SUBJECT)
    assert {"type": "channel", "id": "hotline"} in results(http, RESOURCE, **shared)


@pytest.mark.parametrize(
    ("path", "member"),
    [
        (path, (entity, member))
        for path in SEARCHES
        for entity in ("subject", "action", "resource")
        for member in ("type", "id", "name")
        if member in REQUESTS[path].get(entity, {})
    ],
)
@pytest.mark.parametrize("unknown", ["nothing-of-this-name", ""])
def test_E7_what_is_unknown_has_no_results_and_is_no_error(http, path, member, unknown):
    body = replaced(REQUESTS[path], unknown, *member)

    assert [] == results(http, path, **body)


def test_E9_context_and_properties_are_evaluated(http):
    jakob = {"type": "user", "id": "jakob"}
    asked = {"subject": jakob, "action": {"name": "read"}}
    found = {
        place: {each["id"] for each in results(http, RESOURCE, **asked, context=context)}
        for place, context in (("", {}), ("graz", {"organization": "graz"}))
    }
    filtered = {"type": "conversation", "properties": {"organization": "graz"}}
    new = {"type": "conversation", "id": "new", "properties": {"organization": "graz"}}

    assert "test-drive" in found[""] and "winter-tyres" not in found[""]
    assert {"winter-tyres"} == found["graz"]
    assert [WINTER_TYRES] == results(http, RESOURCE, resource=filtered)
    assert {"type": "user", "id": "gerda"} in results(http, SUBJECT, resource=new)


@of_searches
def test_E10_E11_the_page_comes_first_and_the_context_is_an_object(http, path):
    answer = told(http, path)

    assert ["page", "context", "results"] == list(answer)
    assert isinstance(answer["context"], dict)


@of_searches
def test_E12_E14_an_unlimited_answer_says_that_there_is_no_more(http, path):
    answer = told(http, path)

    assert {"next_token": "", "count": len(answer["results"])} == answer["page"]


def in_pages(http, path, limit, **changed):
    """The results of every page, one page after the other."""
    page = {"limit": limit}
    while True:
        answer = told(http, path, page=page, **changed)
        assert len(answer["results"]) == answer["page"]["count"] <= limit
        yield answer["results"]
        if not answer["page"]["next_token"]:
            return
        page = {"limit": limit, "token": answer["page"]["next_token"]}


@of_searches
@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_E13_E15_E16_pages_together_are_the_whole(http, path, limit):
    whole = results(http, path)
    pages = list(in_pages(http, path, limit))

    assert whole == [each for page in pages for each in page]
    assert all(len(page) == limit for page in pages[:-1]) and pages[-1]


def first_page(http, path):
    return told(http, path, page={"limit": 2})


@of_searches
def test_E17_a_token_with_another_query_is_400(http, path):
    token = first_page(http, path)["page"]["next_token"]
    other = {"context": {"organization": "linz"}}
    body = {**REQUESTS[path], **other, "page": {"token": token, "limit": 2}}

    assert (400, "invalid-page-token") == refused(http, path, body)


def test_E17_a_token_of_one_search_is_none_of_another(http):
    token = first_page(http, SUBJECT)["page"]["next_token"]

    for path in (RESOURCE, ACTION):
        body = {**REQUESTS[path], "page": {"token": token}}
        assert (400, "invalid-page-token") == refused(http, path, body)


@of_searches
def test_E18_the_limit_may_be_left_out_or_repeated_and_not_changed(http, path):
    token = first_page(http, path)["page"]["next_token"]

    repeated = told(http, path, page={"token": token, "limit": 2})
    assert repeated == told(http, path, page={"token": token})
    body = {**REQUESTS[path], "page": {"token": token, "limit": 3}}
    assert (400, "invalid-page-token") == refused(http, path, body)


@of_searches
def test_E19_a_forged_or_damaged_token_is_4xx_and_an_empty_one_is_none(http, path):
    token = first_page(http, path)["page"]["next_token"]

    for forged in (token[:-1], "x" + token, token[::-1], "x", "'; --", "\u00e9", "a.b.c"):
        body = {**REQUESTS[path], "page": {"token": forged}}
        assert (400, "invalid-page-token") == refused(http, path, body)
    assert told(http, path) == told(http, path, page={"token": ""})


@of_searches
@pytest.mark.parametrize(
    "page",
    [
        *({"limit": limit} for limit in (-1, 1.5, 1.0, "10", True, [], {})),
        *({"token": token} for token in (7, True, [], {})),
        *("x", 7, True, []),
    ],
    ids=repr,
)
def test_E20_a_malformed_page_is_400(http, path, page):
    assert (400, "invalid-request") == refused(http, path, {**REQUESTS[path], "page": page})


@of_searches
def test_E20_a_limit_of_0_gives_no_results_and_a_token(http, path):
    answer = told(http, path, page={"limit": 0})

    assert (0, []) == (answer["page"]["count"], answer["results"])
    assert answer["page"]["next_token"]
    again = told(http, path, page={"token": answer["page"]["next_token"]})
    assert [] == again["results"]


def test_E20_a_limit_of_0_gives_no_token_where_nothing_matches(http):
    nobody = {"type": "user", "id": "nobody"}

    assert "" == told(http, RESOURCE, subject=nobody, page={"limit": 0})["page"]["next_token"]


@of_searches
def test_E21_other_members_of_a_page_are_ignored(http, path):
    page = {"limit": 2, "offset": 7, "size": 1, "properties": {"sort": "id"}}

    assert first_page(http, path)["results"] == results(http, path, page=page)


@of_searches
def test_a_token_is_taken_under_its_name_in_the_drafts(http, path):
    token = first_page(http, path)["page"]["next_token"]

    assert told(http, path, page={"token": token}) == told(http, path, page={"next_token": token})


@of_searches
def test_every_result_says_why_if_it_is_asked_to(http, path):
    for result in results(http, path, options={"explain": True}):
        context = result["context"]
        assert "granted" == context["reason"] and context["rules"]
        assert {"subject", "resource"} == set(context["paths"])


def test_a_result_that_is_shared_says_by_which_share(http):
    asked = {"subject": DORA, "action": {"name": "view"}, "resource": {"type": "channel"}}
    found = results(http, RESOURCE, **asked, options={"explain": True})
    shares = {each["id"]: each["context"].get("share") for each in found}

    assert {"with": "all", "depth": "children", "via": "corvane"} == shares["hotline"]
    assert {"with": ["linz"], "depth": "children", "via": "linz"} == shares["launch-line"]
    assert shares["linz-webchat"] is None


@pytest.mark.parametrize("wrong", [7, "true", [], {}], ids=repr)
def test_a_wish_to_explain_is_true_or_false(http, wrong):
    body = {**WHAT, "options": {"explain": wrong}}

    assert (400, "invalid-request") == refused(http, RESOURCE, body)


def test_an_action_that_needs_a_parameter_is_found_only_with_it(http):
    with_agent = {"properties": {"agent": "dora"}}

    assert {"name": "assign"} not in results(http, ACTION, subject=LUKAS)
    assert {"name": "assign"} in results(http, ACTION, subject=LUKAS, action=with_agent)


# Scopes, which AuthZEN does not have


def test_a_scope_names_the_subtrees_in_which_the_action_is_allowed(http):
    answer = http.post("/scope", json=WHAT).json()

    assert {"subtrees": [{"within": "corvane", "path": ["meridian", "corvane"]}]} == answer["scope"]
    assert {"properties": {}, "absent": []} == answer["assumes"]


def test_a_scope_says_for_which_resources_it_holds(http):
    replies = {**WHAT, "action": {"name": "reply"}}
    on_launch_line = {"type": "conversation", "properties": {"channel": "launch-line"}}

    for resource, assumed, within in (
        ({"type": "conversation"}, {"properties": {}, "absent": ["channel"]}, {"corvane"}),
        (on_launch_line, {"properties": {"channel": "launch-line"}, "absent": []}, None),
    ):
        answer = http.post("/scope", json={**replies, "resource": resource}).json()
        assert assumed == answer["assumes"]
        if within is not None:
            assert within == {each["within"] for each in answer["scope"]["subtrees"]}


def test_a_scope_of_what_is_always_stored_is_refused(http):
    body = {**WHAT, "resource": {"type": "user"}}

    assert (400, "invalid-request") == problem_of(http.post("/scope", json=body))


def test_a_scope_of_nothing_says_why(http):
    answer = http.post("/scope", json={**WHAT, "subject": {"type": "user", "id": "x"}}).json()

    assert ({"subtrees": []}, "unknown-subject") == (answer["scope"], answer["context"]["reason"])


# F. Metadata


@pytest.fixture(scope="module")
def published():
    """A server that is reached under a name and a path of its own, with keys."""
    url = "https://pdp.example.com/t1"
    settings = {"WATERSHED_PUBLIC_URL": url, "WATERSHED_API_KEYS": KEY, "WATERSHED_WORKERS": "1"}
    with serving(**settings) as server, server.client() as http:
        yield url, http


def test_F1_F2_F3_the_metadata_is_an_object_at_the_well_known_path(http):
    answer = http.get(CONFIGURATION)

    assert (200, "application/json") == (answer.status_code, answer.headers["Content-Type"])
    assert isinstance(answer.json(), dict)


def test_F2_F4_the_path_of_the_identifier_comes_behind_the_well_known_one(published):
    url, http = published
    answer = http.get(f"{CONFIGURATION}/t1")

    assert url == answer.json()["policy_decision_point"]
    assert http.get(CONFIGURATION).status_code == 401


def test_F5_F6_every_endpoint_is_named_absolutely(published):
    url, http = published
    named = {
        "access_evaluation_endpoint": EVALUATION,
        "access_evaluations_endpoint": EVALUATIONS,
        "search_subject_endpoint": SUBJECT,
        "search_resource_endpoint": RESOURCE,
        "search_action_endpoint": ACTION,
    }

    body = http.get(f"{CONFIGURATION}/t1").json()
    assert {name: f"{url}{path}" for name, path in named.items()} == without(
        body, "policy_decision_point"
    )


def test_F4_the_host_of_a_request_means_nothing(http, published):
    poison = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}
    poison |= {"X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil"}
    url, named = published

    for client, path in ((http, CONFIGURATION), (named, f"{CONFIGURATION}/t1")):
        honest, poisoned = client.get(path), client.get(path, headers=poison)
        assert honest.json() == poisoned.json()
        assert "evil" not in poisoned.text and "gopher" not in poisoned.text
    assert url in named.get(f"{CONFIGURATION}/t1").text


def test_F4_without_a_public_url_the_address_that_is_listened_at_is_named():
    with serving(WATERSHED_WORKERS="1") as server, server.client() as http:
        assert server.address == http.get(CONFIGURATION).json()["policy_decision_point"]


def test_F9_no_parameter_is_empty(http):
    assert all(http.get(CONFIGURATION).json().values())


def test_F11_the_metadata_may_be_kept(http):
    assert re.fullmatch(r"max-age=\d+", http.get(CONFIGURATION).headers["Cache-Control"])


def test_F12_the_metadata_needs_no_key_and_echoes_the_request_id(locked):
    with locked.client() as http:
        answer = http.get(CONFIGURATION, headers={"X-Request-ID": "f-12"})

    assert (200, "f-12") == (answer.status_code, answer.headers["X-Request-ID"])


# G, H, I. Errors, request ids, authentication


def test_G1_G2_an_error_has_a_text_and_no_decision(http):
    answer = http.post(EVALUATION, json={})

    assert answer.status_code == 400
    assert answer.json()["detail"] and "decision" not in answer.json()


def test_G3_a_path_that_is_not_there_is_404(http):
    assert (404, "unknown-route") == problem_of(http.post("/access/v1/search", json={}))


@of_all
def test_G4_what_cannot_be_validated_is_never_422(http, path):
    assert 400 == refused(http, path, {"subject": 7, "action": [], "resource": "x"})[0]


@of_all
@pytest.mark.parametrize("body", ["whole", "empty"])
def test_H2_the_request_id_comes_back_on_answers_and_errors(http, path, body):
    sent = REQUESTS[path] if body == "whole" else {}
    answer = http.post(path, json=sent, headers={"X-Request-ID": "any / string; at:all"})

    assert (200 if body == "whole" else 400) == answer.status_code
    assert "any / string; at:all" == answer.headers["X-Request-ID"]


@of_all
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic YTpi"])
def test_I2_without_a_key_it_is_401_and_says_how(locked, path, authorization):
    headers = {"X-Request-ID": "i-2"} | ({"Authorization": authorization} if authorization else {})
    with locked.client() as http:
        answer = http.post(path, json=REQUESTS[path], headers=headers)

    assert (401, "not-authenticated") == problem_of(answer)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "i-2" == answer.headers["X-Request-ID"]


@of_all
def test_I3_a_bearer_key_opens(locked, path):
    with locked.client(headers={"Authorization": f"Bearer {KEY}"}) as http:
        assert isinstance(http, httpx.Client)
        told(http, path)
