"""Several evaluations in one request, as AuthZEN 1.0 has them (section 7)."""

import tomllib
from datetime import UTC, datetime

import pytest
from conftest import BATCH_LIMIT_ITEMS
from serving import BRAND, QUESTION, ROOT, problem_of
from test_http import BAD_QUESTIONS
from worlds import directory_of, engine

from service.api import batches
from service.api.batches import answer_batch, at_once
from service.domain.world import parse_world
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

PATH = "/access/v1/evaluations"
CASES = tomllib.loads((ROOT / "fixtures" / "brand-dealers.cases.toml").read_text("utf-8"))["case"]

YES, NO = QUESTION["resource"], {"type": "conversation", "id": "winter-tyres"}
DORA_REPLIES = {"subject": QUESTION["subject"], "action": QUESTION["action"]}


def items(*resources):
    return [{"resource": resource} for resource in resources]


def verdicts(http, document):
    answer = http.post(PATH, json=document)
    assert answer.status_code == 200
    assert list(answer.json()) == ["evaluations"]
    return [each["decision"] for each in answer.json()["evaluations"]]


def message_of(http, item, **document):
    """The error of a single bad item among good ones, which stay unharmed."""
    evaluations = [QUESTION, item, QUESTION]
    answer = http.post(PATH, json={**document, "evaluations": evaluations})
    assert answer.status_code == 200
    first, bad, last = answer.json()["evaluations"]
    assert (True, False, True) == (first["decision"], bad["decision"], last["decision"])
    assert ["error"] == list(bad["context"])
    assert bad["context"]["error"]["status"] == 400
    assert bad["context"]["error"]["code"] == "invalid-request"
    return bad["context"]["error"]["message"]


# Without evaluations


@pytest.mark.parametrize("more", [{}, {"evaluations": []}, {"evaluations": None}])
def test_without_evaluations_it_is_a_single_evaluation(http, more):
    answer = http.post(PATH, json={**QUESTION, **more})

    assert answer.status_code == 200
    assert ["decision", "context"] == list(answer.json())
    assert answer.json()["decision"] is True


@pytest.mark.parametrize(("question", "places"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_without_evaluations_a_bad_question_is_refused(http, question, places):
    answer = http.post(PATH, json={**question, "evaluations": []})

    assert (400, "invalid-request") == problem_of(answer)
    assert sorted(places) == sorted(each["path"] for each in answer.json()["problems"])


# Defaults


def test_answers_stand_in_the_order_of_the_questions(http):
    document = {**DORA_REPLIES, "evaluations": items(YES, NO, NO, YES)}

    assert [True, False, False, True] == verdicts(http, document)


def test_an_empty_item_takes_everything_from_the_top(http):
    assert [True, True] == verdicts(http, {**QUESTION, "evaluations": [{}, {"later": 1}]})


def test_an_item_overrides_each_default(http):
    gerda = {"type": "user", "id": "gerda"}
    evaluations = [{}, {"subject": gerda}, {"subject": gerda, "resource": NO}]

    assert [True, False, True] == verdicts(http, {**QUESTION, "evaluations": evaluations})


def test_null_in_an_item_counts_as_absent(http):
    item = {"subject": None, "action": None, "resource": None, "context": None}

    assert [True] == verdicts(http, {**QUESTION, "evaluations": [item]})


def test_nothing_is_merged_below_an_entity(http):
    assert "resource.type: is missing" in message_of(http, {"resource": {"id": "x"}}, **QUESTION)


def test_context_is_replaced_whole(http):
    jakob = {"subject": {"type": "user", "id": "jakob"}, "context": {"organization": "graz"}}
    graz = {**QUESTION, **jakob, "resource": NO}

    assert [True, False] == verdicts(http, {**graz, "evaluations": [{}, {"context": {}}]})


@pytest.mark.parametrize("default", [{}, "dora", [], 7, {"type": "user"}])
def test_a_default_that_nobody_uses_does_no_harm(http, default):
    document = {"subject": default, "evaluations": [QUESTION, QUESTION]}

    assert [True, True] == verdicts(http, document)


# Errors


@pytest.mark.parametrize(("question", "places"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_a_bad_item_is_denied_in_its_place_and_harms_no_other(http, question, places):
    assert any(place in message_of(http, question) for place in places)


@pytest.mark.parametrize("item", ["x", None, 1, [], True])
def test_an_item_that_is_no_object_is_denied_in_its_place(http, item):
    assert "is not an object" in message_of(http, item, **QUESTION)


def test_the_only_item_being_bad_is_no_error_of_the_request(http):
    assert [False] == verdicts(http, {"evaluations": [{}]})


@pytest.mark.parametrize("evaluations", [{}, "x", 1, True, {"0": QUESTION}])
def test_evaluations_that_are_no_array_are_refused(http, evaluations):
    answer = http.post(PATH, json={**QUESTION, "evaluations": evaluations})

    assert (400, "invalid-request") == problem_of(answer)


@pytest.mark.parametrize("options", [[], "execute_all", 1, True])
def test_options_that_are_no_object_are_refused(http, options):
    answer = http.post(PATH, json={**QUESTION, "evaluations": [{}], "options": options})

    assert (400, "invalid-request") == problem_of(answer)


def test_a_batch_at_the_limit_is_answered_and_one_beyond_is_refused(http):
    full = {**QUESTION, "evaluations": [{}] * BATCH_LIMIT_ITEMS}
    too_full = {**QUESTION, "evaluations": [None] * (BATCH_LIMIT_ITEMS + 1)}

    assert BATCH_LIMIT_ITEMS == len(verdicts(http, full))
    assert (413, "request-too-large") == problem_of(http.post(PATH, json=too_full))


# Semantics

BROKEN = {"id": "no type"}


@pytest.mark.parametrize(
    ("semantic", "resources", "expected"),
    [
        ("execute_all", [YES, NO, BROKEN, YES], [True, False, False, True]),
        ("deny_on_first_deny", [YES, NO, YES], [True, False]),
        ("deny_on_first_deny", [YES, BROKEN, YES], [True, False]),
        ("deny_on_first_deny", [NO], [False]),
        ("deny_on_first_deny", [YES, YES, YES], [True, True, True]),
        ("permit_on_first_permit", [NO, YES, NO], [False, True]),
        ("permit_on_first_permit", [BROKEN, YES, YES], [False, True]),
        ("permit_on_first_permit", [YES], [True]),
        ("permit_on_first_permit", [NO, BROKEN, NO], [False, False, False]),
        (None, [NO, YES], [False, True]),
    ],
)
def test_the_answer_ends_where_its_semantic_says(http, semantic, resources, expected):
    options = {"evaluations_semantic": semantic, "colour": "blue"}
    document = {**DORA_REPLIES, "evaluations": items(*resources), "options": options}

    assert expected == verdicts(http, document)


@pytest.mark.parametrize("options", [None, {}, {"other": True}])
def test_without_a_semantic_all_are_executed(http, options):
    document = {**DORA_REPLIES, "evaluations": items(NO, YES, NO), "options": options}

    assert [False, True, False] == verdicts(http, document)


@pytest.mark.parametrize(
    "semantic", ["", "Execute_All", "all", 1, True, [], {}, "deny_on_first_deny "]
)
def test_an_unknown_semantic_is_refused_even_for_one_item(http, semantic):
    options = {"evaluations_semantic": semantic}
    answer = http.post(PATH, json={**QUESTION, "evaluations": [{}], "options": options})

    assert (400, "invalid-request") == problem_of(answer)
    assert ["options.evaluations_semantic"] == [each["path"] for each in answer.json()["problems"]]


# One semantics


def evaluation_of(case):
    """The evaluation request that a case of a decision table makes."""
    subject, resource = case["subject"].split(":", 1), case["resource"].split(":", 1)
    return {
        "subject": dict(zip(("type", "id"), subject, strict=True)),
        "action": {"name": case["action"], "properties": case.get("properties", {})},
        "resource": {
            **dict(zip(("type", "id"), resource, strict=True)),
            "properties": case.get("resource_properties", {}),
        },
        "context": case.get("context", {}),
    }


def test_a_batch_answers_what_single_evaluations_answer(http):
    questions = [evaluation_of(case) for case in CASES if not {"now", "after"} & case.keys()]
    questions = questions[:BATCH_LIMIT_ITEMS]
    assert len(questions) > 10

    single = [http.post("/authorize", json=question).json() for question in questions]
    batch = http.post(PATH, json={"evaluations": questions}).json()["evaluations"]

    for answer in single + batch:
        del answer["context"]["id"]
    assert single == batch


def test_all_evaluations_of_a_batch_see_one_moment():
    ticks = []

    def clock():
        ticks.append(datetime(2026, 12, 1, tzinfo=UTC))
        return ticks[-1]

    directory = directory_of(parse_world(BRAND.read_bytes(), BRAND.name))
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory), clock)
    at_once(answer_batch({**QUESTION, "evaluations": [{}] * 1000}, pdp, 1000))

    assert len(ticks) == 1


def test_a_long_batch_lets_others_in_between(monkeypatch):
    monkeypatch.setattr(batches, "SECONDS_AT_ONCE", 0.0)  # whatever is decided takes longer
    facts = directory_of(parse_world(BRAND.read_bytes(), BRAND.name))
    pdp = PolicyDecisionPoint(engine(), FixedFacts(facts))
    document = {
        "subject": {"type": "user", "id": "miriam"},
        "action": {"name": "view_report", "properties": {"filter": ["linz"] * 2_000}},
        "resource": {"type": "organization", "id": "corvane"},
        "evaluations": [{}] * 50,
    }

    pauses = sum(1 for _ in answer_batch(document, pdp, 50))

    assert pauses == 50
