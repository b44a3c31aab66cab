"""Money, reports, usage and coverage over HTTP: who is let in, and what is answered."""

import json
from datetime import UTC, datetime
from http.client import RemoteDisconnected
from pathlib import Path

import pytest
from conftest import BODY_LIMIT_BYTES
from serving import BRAND, KEY, QUESTION, heard, problem_of, serving
from worlds import directory_of, engine

from service.api.app import build_app
from service.config import Settings
from service.domain.world import parse_world
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

FIXTURES = Path(__file__).parent.parent / "fixtures"
YEAR_END = FIXTURES / "year-end.world.toml"
RECORDS = (FIXTURES / "year-end.usage.ndjson").read_bytes()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
NDJSON = "application/x-ndjson"
PRICES = {"user": "40", "add_on": "25"}
INVOICE = {"period": "2026-12", "prices": PRICES}

OTTILIE, INKEN, FRAUKE, TJARK, PARTNER = (
    {"type": "user", "id": "ottilie"},
    {"type": "user", "id": "inken"},
    {"type": "user", "id": "frauke"},
    {"type": "user", "id": "tjark"},
    {"type": "partner", "id": "leuchtfeuer"},
)


def client_of(now=DECEMBER, law=None):
    directory = directory_of(parse_world(YEAR_END.read_bytes(), YEAR_END.name))
    pdp = PolicyDecisionPoint(law or engine(), FixedFacts(directory), lambda: now)
    return build_app(pdp, Settings()).test_client()


@pytest.fixture(scope="module")
def client():
    return client_of()


def refused(answer):
    """Status and code of a problem, and each place that it names."""
    body = answer.json
    assert answer.content_type == "application/problem+json"
    assert (body["status"], bool(body["detail"])) == (answer.status_code, True)
    paths = [problem["path"] for problem in body.get("problems", ())]
    return answer.status_code, body["code"], paths


# Who is let in

ROUTES = {
    "invoice": ("post", "/invoice", INVOICE, INKEN, OTTILIE),
    "report": ("post", "/report", {}, FRAUKE, TJARK),
    "usage": ("post", "/usage", {"records": []}, OTTILIE, TJARK),
    "subscriptions": ("get", "/subscriptions", None, PARTNER, TJARK),
    "coverage": ("get", "/coverage", None, OTTILIE, FRAUKE),
}


def ask(client, name, subject, place="lanthorn", context=None):
    method, path, body, _, _ = ROUTES[name]
    path = f"/organizations/{place}{path}"
    if method == "get":
        query = {} if subject is None else {"subject": "{type}:{id}".format(**subject)}
        if context is not None:
            query["acting_for"] = context["organization"]
        return client.get(path, query_string=query)
    members = {"subject": subject, "context": context}
    return client.post(path, json=body | {n: v for n, v in members.items() if v is not None})


@pytest.mark.parametrize("name", ROUTES)
def test_a_subject_whom_the_policies_allow_is_answered(client, name):
    answer = ask(client, name, ROUTES[name][3])

    assert answer.status_code == 200
    assert answer.json["revision"] == 1


@pytest.mark.parametrize("name", ROUTES)
def test_a_subject_whom_the_policies_deny_is_refused_with_the_decision(client, name):
    answer = ask(client, name, ROUTES[name][4])

    assert refused(answer) == (403, "denied", [])
    decision = answer.json["decision"]
    assert decision["decision"] is False
    assert decision["context"]["reason"] == "no-grant"
    assert decision["context"]["revision"] == 1


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("subject", [{"type": "user", "id": "nobody"}, {"type": "ghost", "id": ""}])
def test_a_subject_whom_nobody_knows_is_refused(client, name, subject):
    if ROUTES[name][0] == "get" and not subject["id"]:
        assert refused(ask(client, name, subject)) == (400, "invalid-request", ["subject"])
    else:
        answer = ask(client, name, subject)
        assert refused(answer) == (403, "denied", [])
        assert answer.json["decision"]["context"]["reason"] == "unknown-subject"


@pytest.mark.parametrize("name", ["invoice", "usage", "subscriptions", "coverage"])
def test_without_a_subject_the_key_of_the_caller_is_enough(client, name):
    assert ask(client, name, None).status_code == 200


@pytest.mark.parametrize("name", ["invoice", "report", "usage"])
def test_a_subject_that_is_null_is_nobody_by_mistake(client, name):
    _, path, body, _, _ = ROUTES[name]

    answer = client.post(f"/organizations/lanthorn{path}", json=body | {"subject": None})

    assert refused(answer) == (400, "invalid-request", ["subject"])


def test_a_report_is_always_somebodys(client):
    assert refused(ask(client, "report", None)) == (400, "invalid-request", ["subject"])


@pytest.mark.parametrize("name", ROUTES)
def test_a_subject_acts_for_the_organization_that_the_request_says(client, name):
    answer = ask(client, name, ROUTES[name][3], context={"organization": "ottica"})

    assert answer.status_code == 403
    assert answer.json["decision"]["context"]["reason"] == "not-a-member"


def test_what_the_caller_owes_comes_with_the_answer(client):
    assert ask(client, "invoice", INKEN).json["obligations"] == [{"name": "audit"}]
    assert "obligations" not in ask(client, "invoice", None).json


def test_after_midnight_the_owner_is_refused_and_the_partner_is_not():
    later = client_of(datetime(2026, 12, 31, 23, tzinfo=UTC))

    refusal = ask(later, "coverage", OTTILIE)

    assert refused(refusal) == (403, "denied", [])
    rules = refusal.json["decision"]["context"]["rules"]
    assert rules == ["users-need-an-active-subscription-of-their-account"]
    assert ask(later, "coverage", PARTNER).status_code == 200


# Which organizations

NOT_ACCOUNTS = ["invoice", "usage", "subscriptions", "coverage"]


@pytest.mark.parametrize("name", NOT_ACCOUNTS)
def test_money_and_subscriptions_are_asked_for_at_the_account(client, name):
    answer = ask(client, name, None, place="kiel")

    assert refused(answer) == (404, "not-an-account", [])
    assert "`lanthorn`" in answer.json["detail"]
    assert refused(ask(client, name, None, place="tideway")) == (404, "not-an-account", [])


@pytest.mark.parametrize("name", ROUTES)
def test_an_organization_that_is_not_there_is_not_found(client, name):
    answer = ask(client, name, ROUTES[name][3], place="atlantis")

    assert refused(answer) == (404, "unknown-entity", [])


@pytest.mark.parametrize("name", ["invoice", "subscriptions"])
def test_a_subject_is_denied_below_the_account_by_the_policies(client, name):
    assert refused(ask(client, name, ROUTES[name][3], place="kiel")) == (403, "denied", [])


@pytest.mark.parametrize("name", ["invoice", "usage", "coverage"])
def test_policies_that_say_nothing_of_money_have_none(name):
    law = engine().policies
    silent = client_of(law=Engine(policy_set(law.sources, law.types)))

    assert refused(ask(silent, name, None)) == (404, "no-billing-terms", [])
    assert ask(silent, "subscriptions", None).status_code == 200
    assert "billing.toml" not in silent.get("/policies").json["files"]


# Invoices and reports


def test_an_invoice_has_lines_that_add_up_in_decimal(client):
    body = ask(client, "invoice", INKEN).json

    assert body["total"] == "355.00"
    assert [(line["item"], line["quantity"], line["amount"]) for line in body["lines"]] == [
        ("user", 7, "280.00"),
        ("add_on", 1, "25.00"),
        ("add_on", 2, "50.00"),
    ]
    assert {"id": "wiebke", "organizations": ["bremen", "hamburg"]} in body["paid_users"]
    assert body["free_users"] == ["auditor", "trainee"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"prices": {"user": 40.5, "add_on": "25"}}, "prices.user"),
        ({"prices": {"user": "40"}}, "prices.add_on"),
        ({"prices": {**PRICES, "chair": "1"}}, "prices.chair"),
        ({"prices": "40"}, "prices"),
        ({"prices": None}, "prices"),
        ({"period": "2026-13"}, "period"),
        ({"period": 2026}, "period"),
        ({"subject": "user:inken"}, "subject"),
        ({"subject": {"type": "user"}}, "subject.id"),
        ({"perod": "2026-12"}, "perod"),
    ],
)
def test_an_invoice_request_that_says_too_little_or_too_much_is_refused(client, members, path):
    answer = client.post("/organizations/lanthorn/invoice", json=INVOICE | members)

    assert refused(answer) == (400, "invalid-request", [path])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, ["lanthorn", "bremen", "hamburg", "kiel"]),
        (["kiel", "bremen"], ["kiel", "bremen"]),
    ],
)
def test_a_report_covers_exactly_these_organizations(client, wanted, expected):
    body = {"subject": FRAUKE} | ({} if wanted is None else {"filter": wanted})

    answer = client.post("/organizations/lanthorn/report", json=body)

    assert answer.json == {
        "organization": "lanthorn",
        "account": "lanthorn",
        "organizations": expected,
        "revision": 1,
    }


def test_one_organization_outside_denies_the_whole_report(client):
    body = {"subject": FRAUKE, "filter": ["bremen", "ottica"]}

    answer = client.post("/organizations/lanthorn/report", json=body)

    assert refused(answer) == (403, "denied", [])
    rules = answer.json["decision"]["context"]["rules"]
    assert rules == ["reports-cover-only-what-lies-below"]


def test_the_report_of_a_platform_that_would_span_accounts_is_refused(client):
    answer = client.post("/organizations/tideway/report", json={"subject": INKEN})

    assert refused(answer) == (400, "invalid-request", ["filter"])


@pytest.mark.parametrize(
    ("wanted", "path"), [([], "filter"), (None, "filter"), ("kiel", "filter"), ([1], "filter.0")]
)
def test_a_filter_is_a_list_with_something_in_it(client, wanted, path):
    body = {"subject": FRAUKE, "filter": wanted}

    answer = client.post("/organizations/lanthorn/report", json=body)

    assert refused(answer) == (400, "invalid-request", [path])


# Usage


def usage(client, records=RECORDS, content_type=NDJSON, **query):
    return client.post(
        "/organizations/lanthorn/usage",
        data=records,
        content_type=content_type,
        query_string=query,
    )


def test_usage_is_split_and_overage_falls_on_the_primary_of_the_time(client):
    body = usage(client, subject="user:ottilie").json

    assert (body["accepted"], body["refused"]) == (11, 5)
    assert [problem["line"] for problem in body["problems"]] == [4, 7, 9, 10, 13]
    old, new = body["stretches"]
    assert (old["until"], old["primary"]) == ("2026-12-31T23:00:00Z", "shops")
    assert (new["from"], new["primary"]) == ("2026-12-31T23:00:00Z", "web")
    agents, connect = old["usage"]
    assert (agents["used"], agents["entitled"], agents["overage"]) == (5, 4, 1)
    assert agents["charged_to"] == "shops"
    assert agents["subscriptions"] == [
        {"id": "shops", "used": 3, "overage": 1},
        {"id": "web", "used": 2, "overage": 0},
    ]
    assert connect["subscriptions"] == [{"id": "shops", "used": 40_000, "overage": 0}]
    assert new["usage"][1]["subscriptions"] == [{"id": "web", "used": 40_000, "overage": 0}]


@pytest.mark.parametrize("period", [None, "2026-12", "2026"])
def test_records_as_json_come_to_what_they_come_to_as_lines(client, period):
    query = {} if period is None else {"period": period}
    records = [json.loads(line) for line in RECORDS.splitlines()]

    as_lines = usage(client, subject="user:ottilie", **query)
    as_json = client.post(
        "/organizations/lanthorn/usage", json={"subject": OTTILIE, "records": records, **query}
    )

    assert as_lines.status_code == as_json.status_code == 200
    assert as_lines.json == as_json.json


def test_the_problems_of_many_bad_records_are_counted_and_the_first_hundred_told(client):
    body = usage(client, b"{}\n" * 250).json

    assert (body["refused"], len(body["problems"])) == (250, 100)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"subject": "ottilie"}, "subject"),
        ({"acting_for": "lanthorn"}, "acting_for"),
        ({"period": "never"}, "period"),
        ({"subjekt": "user:ottilie"}, "subjekt"),
    ],
)
def test_a_query_that_means_nothing_is_refused(client, query, path):
    assert refused(usage(client, **query)) == (400, "invalid-request", [path])


def test_a_subject_in_the_address_of_a_json_body_is_refused_and_not_overlooked(client):
    answer = usage(client, b'{"records": []}', "application/json", subject="user:tjark")

    assert refused(answer) == (400, "invalid-request", ["subject"])


def test_a_parameter_that_comes_twice_is_refused(client):
    path = "/organizations/lanthorn/coverage?subject=user:ottilie&subject=user:tjark"

    assert refused(client.get(path)) == (400, "invalid-request", ["subject"])


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-ndjson-not"])
def test_records_are_json_or_lines_of_it(client, content_type):
    answer = usage(client, content_type=content_type)

    assert refused(answer) == (400, "unsupported-content-type", [])
    assert "application/json or application/x-ndjson" in answer.json["detail"]


def test_lines_are_counted_through_both_doors(http):
    line = {"type": "webex_connect", "at": "2026-11-20T12:00:00Z", "quantity": 3}
    lines = "\n".join([json.dumps(line)] * 20 + ["nonsense"])

    answer = http.post(
        "/organizations/corvane/usage", content=lines, headers={"Content-Type": NDJSON}
    )

    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["refused"], body["problems"][0]["line"]) == (20, 1, 21)
    assert body["stretches"][0]["usage"][0]["used"] == 60


CONNECT = {"type": "webex_connect", "at": "2026-11-20T12:00:00Z", "quantity": 3}
LINE = json.dumps(CONNECT).encode() + b"\n"


def post_lines(http, content, path="/organizations/corvane/usage", **headers):
    return http.post(path, content=content, headers={"Content-Type": NDJSON, **headers})


def test_lines_are_counted_as_they_come_however_many_there_are(http):
    many = 40 * BODY_LIMIT_BYTES // len(LINE)

    whole = post_lines(http, LINE * many)
    in_chunks = post_lines(http, (LINE * 100 for _ in range(many // 100)))

    assert whole.json()["accepted"] == many
    assert in_chunks.json()["accepted"] == many // 100 * 100


def test_lines_beyond_their_own_limit_are_refused_and_never_cut(limited):
    content = b"\n" * 5_001

    with limited.client() as http:
        assert problem_of(post_lines(http, content)) == (413, "request-too-large")
        chunks = iter([content[:2_500], content[2_500:]])
        assert problem_of(post_lines(http, chunks)) == (413, "request-too-large")
        assert post_lines(http, content[:5_000]).status_code == 200


@pytest.fixture(scope="module")
def limited(door):
    """A server that takes few bytes of usage."""
    with serving(door=door, WATERSHED_USAGE_LIMIT_BYTES="5000", WATERSHED_WORKERS="1") as running:
        yield running


def test_lines_are_timed_under_their_route(limited):
    with limited.client() as http:
        post_lines(http, LINE)

        assert 'route="/organizations/<organization>/usage"' in http.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/organizations/atlantis/usage", (404, "unknown-entity")),
        ("/organizations/linz/usage", (404, "not-an-account")),
        ("/organizations/corvane/usage?subject=user:dora", (403, "denied")),
        ("/organizations/corvane/usage?subject=dora", (400, "invalid-request")),
        ("/organizations/corvane/usage?subject=user:a&subject=user:b", (400, "invalid-request")),
        ("/organizations/corvane/usage?period=2026-13", (400, "invalid-request")),
        ("/organizations/corvane%2Fx/usage", (404, "unknown-route")),
        ("//organizations/corvane/usage", (404, "unknown-route")),
    ],
)
def test_lines_are_refused_alike_through_both_doors(http, path, expected):
    assert problem_of(post_lines(http, LINE * 100, path)) == expected
    assert problem_of(post_lines(http, LINE, path)) == expected


def test_compressed_lines_are_refused(http):
    answer = post_lines(http, LINE, **{"Content-Encoding": "gzip"})

    assert problem_of(answer) == (415, "unsupported-content-encoding")


def test_lines_of_a_stranger_are_not_counted(locked):
    with locked.client() as stranger:
        assert problem_of(post_lines(stranger, LINE)) == (401, "not-authenticated")


def test_lines_that_break_off_are_no_count(server, door):
    try:
        answer = server.say(
            b"POST /organizations/corvane/usage HTTP/1.1\r\nHost: test\r\n",
            b"Content-Type: application/x-ndjson\r\nContent-Length: 5000\r\n\r\n" + LINE,
            hang_up=True,
        )
    except RemoteDisconnected:
        assert door == "asgi"  # who has gone gets no answer
    else:
        assert problem_of(answer) == (400, "malformed-document")
    assert server.decides()


def test_decisions_are_made_while_lines_come_in(server):
    with server.line() as line, server.client() as http:
        line.sendall(
            b"POST /organizations/corvane/usage HTTP/1.1\r\nHost: test\r\n"
            b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % (3 * len(LINE))
        )
        line.sendall(LINE)
        assert http.post("/authorize", json=QUESTION).json()["decision"] is True
        line.sendall(LINE * 2)

        assert json.loads(heard(line).body)["accepted"] == 3


def test_a_stranger_gets_neither_invoice_nor_coverage(locked):
    with locked.client() as stranger:
        invoice = stranger.post("/organizations/corvane/invoice", json=INVOICE)
        coverage = stranger.get("/organizations/corvane/coverage")
        known = stranger.post(
            "/organizations/corvane/invoice",
            json=INVOICE,
            headers={"Authorization": f"Bearer {KEY}"},
        )

    assert problem_of(invoice) == problem_of(coverage) == (401, "not-authenticated")
    assert known.json()["total"] == "570.00"
    assert BRAND.exists()


# Subscriptions and coverage


def test_the_list_says_which_subscription_is_primary_and_who_answers_for_what(client):
    body = ask(client, "subscriptions", OTTILIE).json

    assert (body["primary"], body["type"], body["entitlements"]) == (
        "shops",
        "concurrent",
        {"agents": 4},
    )
    assert set(body["responsible"].values()) == {"shops"}
    assert [(each["id"], each["primary"], each["mapped"]) for each in body["subscriptions"]] == [
        ("shops", True, 5),
        ("web", False, 5),
    ]


def test_coverage_names_the_night_in_which_everybody_who_could_help_is_locked_out(client):
    body = ask(client, "coverage", OTTILIE).json

    midnight = "2026-12-31T23:00:00Z"
    assert [each["user"] for each in body["changes"] if each["at"] == midnight] == [
        "ansgar",
        "hauke",
        "ottilie",
        "wiebke",
    ]
    state = next(each for each in body["states"] if each["at"] == midnight)
    assert (state["locked_out"], state["can_map"]) == (True, [])
    assert state["rescue"] == ["partner:leuchtfeuer", "user:inken"]


def check(client, subject, **wanted):
    body = {"subject": subject, "subscription": wanted}
    return client.post("/organizations/lanthorn/subscriptions/check", json=body)


def test_a_check_of_a_subscription_answers_why_not_and_what_instead(client):
    body = check(client, OTTILIE, type="named", telephony="VPOP", plan="Flex").json

    assert (body["decision"], len(body["reasons"])) == (False, 2)
    assert body["instead"] == {"type": "concurrent", "telephony": "bundled PSTN", "plan": "Flex"}
    assert body["bound"][0] == {
        "name": "type",
        "value": "concurrent",
        "by": ["shops", "web"],
        "until": "2028-06-30T22:00:00Z",
    }


def test_a_check_that_is_allowed_offers_nothing_else(client):
    body = check(client, OTTILIE, type="concurrent", hybrid=True).json

    assert body["decision"] is True
    assert "instead" not in body


@pytest.mark.parametrize("wanted", [{}, {"type": 7}, {"type": "concurrent", "hybrid": "yes"}])
def test_a_check_of_what_is_no_subscription_is_a_denial_with_a_reason(client, wanted):
    body = check(client, OTTILIE, **wanted).json

    assert body["decision"] is False
    assert body["context"]["reason"] == "invalid-properties"


def test_billing_terms_are_shown_with_the_policies(client):
    assert "billing.toml" in client.get("/policies").json["files"]
    source = client.get("/policies/billing.toml").json["source"]
    assert source.encode() == engine().policies.tables["billing.toml"]
