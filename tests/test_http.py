"""One decision over HTTP: what is taken, what is refused, and that no refusal hurts the next."""

import re
from http.client import RemoteDisconnected

import pytest
from conftest import BODY_LIMIT_BYTES
from serving import GOOD, KEY, QUESTION, problem_of

PATHS = ("/authorize", "/access/v1/evaluation")


def changed(**members):
    """The good question with other members; None takes one away."""
    question = {**QUESTION, **members}
    return {name: value for name, value in question.items() if value is not None}


# Decisions


@pytest.mark.parametrize("path", PATHS)
def test_an_allow_says_which_rule_and_which_facts(http, path):
    answer = http.post(path, json=QUESTION)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["decision"] is True
    assert list(body["context"]) == ["id", "reason", "rules", "revision", "policy"]
    assert body["context"]["reason"] == "granted"
    assert body["context"]["revision"] == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_denial_is_an_answer_and_not_an_error(http, path):
    answer = http.post(path, json=changed(subject={"type": "user", "id": "gerda"}))

    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    assert answer.json()["context"]["reason"] == "no-grant"


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("subject", {"type": "user", "id": "nobody"}, "unknown-subject"),
        ("subject", {"type": "", "id": ""}, "unknown-subject"),
        ("action", {"name": "levitate"}, "unknown-action"),
        ("action", {"name": ""}, "unknown-action"),
        ("resource", {"type": "conversation", "id": "none"}, "unknown-resource"),
        ("resource", {"type": "spaceship", "id": "1"}, "unknown-resource"),
    ],
)
def test_what_the_world_does_not_know_is_denied_with_a_reason(http, member, value, reason):
    answer = http.post("/authorize", json=changed(**{member: value}))

    assert (200, False) == (answer.status_code, answer.json()["decision"])
    assert answer.json()["context"]["reason"] == reason
    assert answer.json()["context"]["detail"]


def test_each_decision_has_an_id_of_its_own(http):
    ids = {http.post("/authorize", json=QUESTION).json()["context"]["id"] for _ in range(20)}

    assert len(ids) == 20


def test_no_answer_is_kept_by_anyone(http):
    assert http.post("/authorize", json=QUESTION).headers["Cache-Control"] == "no-store"


# Shapes that are taken


@pytest.mark.parametrize(
    "question",
    [
        {**QUESTION, "evaluations": [{}], "options": 7, "page": "x", "later": {"version": 2}},
        changed(subject={**QUESTION["subject"], "email": "d@example.org", "properties": {}}),
        changed(action={"name": "reply", "style": "polite"}),
        changed(context={}),
        {**QUESTION, "context": None},
        changed(subject={**QUESTION["subject"], "properties": None}),
        changed(
            subject={**QUESTION["subject"], "properties": {"a": [1, None, {"b": 1.5}], "": ""}}
        ),
        dict(reversed(QUESTION.items())),
    ],
)
def test_unknown_members_null_and_any_order_change_nothing(http, question):
    answer = http.post("/authorize", json=question)

    assert (200, True) == (answer.status_code, answer.json()["decision"])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8;v=1",
        "Application/JSON",
    ],
)
def test_json_is_taken_with_parameters_and_in_any_letter_case(http, content_type):
    answer = http.post("/authorize", content=GOOD, headers={"Content-Type": content_type})

    assert answer.status_code == 200


def test_escapes_and_white_space_mean_nothing(server):
    spelled = GOOD.replace(b"dora", rb"\u0064or\u0061").replace(b":", b" \t:\r\n ")

    assert server.post(spelled).status == 200


def test_a_body_in_chunks_is_read_whole(server):
    assert server.post_in_chunks(GOOD[:7], GOOD[7:50], GOOD[50:]).status == 200


def padded(length):
    return GOOD + b" " * (length - len(GOOD))


def test_a_body_exactly_at_the_limit_is_taken(server):
    assert server.post(padded(BODY_LIMIT_BYTES)).status == 200
    assert server.post_in_chunks(padded(BODY_LIMIT_BYTES)).status == 200


# Bodies that are refused

BAD_BODIES = {
    "empty": b"",
    "white space": b" \r\n\t",
    "not JSON": b'{"subject":',
    "cut off": GOOD[:-1],
    "two documents": GOOD + GOOD,
    "a trailing comma": GOOD[:-1] + b",}",
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": GOOD + b"// hello",
    "NaN": b'{"context": {"x": NaN}}',
    "Infinity": b'{"context": {"x": Infinity}}',
    "-Infinity": b'{"context": {"x": -Infinity}}',
    "1e999": b'{"context": {"x": 1e999}}',
    "-1e999": b'{"context": {"x": [-1e999]}}',
    "an integer of 5,000 digits": b'{"context": {"x": ' + b"9" * 5000 + b"}}",
    "a member twice": b'{"subject": {}, "subject": {}}',
    "a member twice, further in": b'{"context": {"a": {"b": 1, "\\u0062": 2}}}',
    "a lone surrogate": b'{"subject": {"type": "user", "id": "\\ud800"}}',
    "a lone surrogate in a name": b'{"\\udfff": 1}',
    "surrogates in the wrong order": b'{"x": "\\udc00\\ud800"}',
    "NUL": b'{"subject": {"type": "user", "id": "do\\u0000ra"}}',
    "a raw control character": b'{"x": "\x01"}',
    "a raw NUL": GOOD.replace(b"dora", b"do\x00ra"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "Latin-1": GOOD.replace(b"dora", "dör".encode("latin-1")),
    "an encoded surrogate": GOOD.replace(b"dora", b"\xed\xa0\x80"),
    "an overlong encoding": GOOD.replace(b"dora", b"\xc0\xaf"),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_what_is_not_strictly_json_is_refused(server, body):
    assert (400, "malformed-document") == problem_of(server.post(body))
    assert server.decides()


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b"[%s]" % GOOD])
def test_a_body_that_is_no_object_is_refused(server, body):
    assert (400, "invalid-request") == problem_of(server.post(body))


DEEP = {
    "33 arrays": b'{"context":' + b"[" * 32 + b"]" * 32 + b"}",
    "5,000 arrays": b'{"context":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "2,000 objects": b'{"a":' * 2000 + b"1" + b"}" * 2000,
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_nesting_beyond_the_limit_is_refused(server, body):
    assert (413, "request-too-large") == problem_of(server.post(body))
    assert server.decides()


def test_nesting_up_to_the_limit_is_taken(server):
    deep = b'{"context": {"x": ' + b"[" * 30 + b"]" * 30 + b"}, " + GOOD[1:]

    assert server.post(deep).status == 200


def test_a_body_over_the_limit_is_refused_by_its_length(server):
    assert (413, "request-too-large") == problem_of(server.post(padded(BODY_LIMIT_BYTES + 1)))
    assert server.decides()


def test_a_body_over_the_limit_is_refused_before_it_is_sent(server):
    answer = server.say(
        b"POST /authorize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n",
        b"Content-Length: 999999999999\r\n\r\n",
    )

    assert (413, "request-too-large") == problem_of(answer)


@pytest.mark.parametrize("beyond", [1, 100, BODY_LIMIT_BYTES])
def test_a_body_over_the_limit_is_refused_in_chunks_and_never_cut(server, beyond):
    # Cut at the limit this would be the good question, and be allowed.
    body = padded(BODY_LIMIT_BYTES + beyond)

    assert (413, "request-too-large") == problem_of(server.post_in_chunks(body))
    assert (413, "request-too-large") == problem_of(server.post_in_chunks(body[:9], body[9:]))
    assert server.decides()


def test_a_refused_body_does_not_disturb_its_connection(http):
    for body in (padded(BODY_LIMIT_BYTES + 1), GOOD, b"{", GOOD):
        answer = http.post("/authorize", content=body, headers={"Content-Type": "application/json"})

        assert answer.status_code == (200 if body is GOOD else 413 if len(body) > 9 else 400)


@pytest.mark.parametrize(
    "framing", [b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}"]
)
def test_malformed_chunks_are_the_senders_fault(server, door, framing):
    answer = server.say(
        b"POST /authorize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + framing,
        hang_up=door == "wsgi",  # which otherwise waits for what else may come
    )

    assert 400 == answer.status  # said by gunicorn itself where it reads bodies unasked
    assert b"decision" not in answer.body
    assert server.decides()


def test_a_body_that_breaks_off_is_never_decided(server, door):
    try:
        answer = server.say(
            b"POST /authorize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n",
            b"Content-Length: %d\r\n\r\n" % (len(GOOD) + 1) + GOOD,
            hang_up=True,
        )
    except RemoteDisconnected:
        assert door == "asgi"  # whoever hangs up is hung up on
    else:
        assert (400, "malformed-document") == problem_of(answer)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/problem+json", "json", ""]
    + ["application/jsonx", "text/json", "application/json, text/plain", "multipart/form-data"],
)
def test_another_content_type_is_refused(http, content_type):
    answer = http.post("/authorize", content=GOOD, headers={"Content-Type": content_type})

    assert (400, "unsupported-content-type") == problem_of(answer)


def test_a_body_without_content_type_is_refused(http):
    answer = http.post("/authorize", content=GOOD)

    assert (400, "unsupported-content-type") == problem_of(answer)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"identity, gzip", b"x"])
def test_a_compressed_body_is_refused(server, encoding):
    answer = server.post(GOOD, b"Content-Encoding: " + encoding)

    assert (415, "unsupported-content-encoding") == problem_of(answer)


def test_the_identity_encoding_is_none(server):
    assert server.post(GOOD, b"Content-Encoding: Identity").status == 200


# Questions that are refused

BAD_QUESTIONS = {
    "nothing": ({}, ["subject", "action", "resource"]),
    "no subject": (changed(subject=None), ["subject"]),
    "null for a subject": ({**QUESTION, "subject": None}, ["subject"]),
    "a subject that is a string": (changed(subject="dora"), ["subject"]),
    "a subject that is a list": (changed(subject=[QUESTION["subject"]]), ["subject"]),
    "an empty subject": (changed(subject={}), ["subject.type", "subject.id"]),
    "a number for an id": (changed(subject={"type": "user", "id": 1}), ["subject.id"]),
    "true for an id": (changed(subject={"type": "user", "id": True}), ["subject.id"]),
    "null for an id": (changed(subject={"type": "user", "id": None}), ["subject.id"]),
    "a list for a type": (changed(subject={"type": ["user"], "id": "x"}), ["subject.type"]),
    "no action": (changed(action=None), ["action"]),
    "an action that is a string": (changed(action="reply"), ["action"]),
    "a number for a name": (changed(action={"name": 123}), ["action.name"]),
    "no name": (changed(action={"properties": {}}), ["action.name"]),
    "no resource": (changed(resource=None), ["resource"]),
    "a resource without type": (changed(resource={"id": "x"}), ["resource.type"]),
    "a resource without id": (changed(resource={"type": "conversation"}), ["resource.id"]),
    "properties that are a list": (
        changed(resource={**QUESTION["resource"], "properties": []}),
        ["resource.properties"],
    ),
    "properties that are a string": (
        changed(action={"name": "reply", "properties": "x"}),
        ["action.properties"],
    ),
    "context that is a string": (changed(context="x"), ["context"]),
    "context that is a list": (changed(context=[]), ["context"]),
    "context that is false": (changed(context=False), ["context"]),
    "much at once": (
        {"subject": {"type": 1}, "action": [], "context": 0},
        ["subject.type", "subject.id", "action", "resource", "context"],
    ),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("question", "places"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_every_problem_of_a_question_is_listed_by_its_place(http, path, question, places):
    answer = http.post(path, json=question)

    assert (400, "invalid-request") == problem_of(answer)
    assert sorted(places) == sorted(each["path"] for each in answer.json()["problems"])
    assert all(each["reason"] for each in answer.json()["problems"])


# Methods and paths


@pytest.mark.parametrize("path", [*PATHS, "/access/v1/evaluations"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LOCK"])
def test_a_decision_is_only_posted(http, method, path):
    answer = http.request(method, path)

    assert (405, "method-not-allowed") == problem_of(answer)
    assert answer.headers["Allow"] == "POST"


def test_a_decision_has_no_head(http):
    answer = http.head("/authorize")

    assert (405, b"") == (answer.status_code, answer.content)


@pytest.mark.parametrize(
    "path",
    ["/", "/authorize/", "//authorize", "/authorize//", "/Authorize", "/access/v1/", "/nowhere"]
    + ["/static/x", "/organizations", "/organizations//tree", "/organizations/linz/", "/world/x"],
)
def test_what_is_not_there_is_a_problem_and_never_a_redirect(server, path):
    for method in (b"POST", b"GET"):
        answer = server.say(b"%s %s HTTP/1.1\r\nHost: test\r\n\r\n" % (method, path.encode()))

        assert (404, "unknown-route") == problem_of(answer)


NAMES = ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "%ff%fe", "%e2%80%ae", "%5c", "%27;--"]


@pytest.mark.parametrize("name", [*NAMES, "%0d%0aX-Evil:%201", "a" * 3000, "%F0%9F%8C%8A"])
@pytest.mark.parametrize(
    "path",
    ["/organizations/{}", "/organizations/{}/resources", "/users/{}/organizations"]
    + ["/policies/{}", "/docs/{}"],
)
def test_names_in_paths_name_something_or_nothing(server, path, name):
    target = path.format(name).encode()
    answer = server.say(b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % target)

    status, code = problem_of(answer)
    assert status == 404
    assert code in ("unknown-entity", "unknown-route")
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("host", [b"", b"evil.example", b"a b", b"[::", b"test:99999", b"\xff"])
def test_the_host_that_a_request_names_means_nothing(server, host):
    answer = server.say(b"GET /health/live HTTP/1.1\r\nHost: %s\r\n\r\n" % host)

    assert answer.status in (200, 400)
    assert b"evil" not in answer.body


def test_nobody_can_name_another_path_in_a_header(server):
    headers = (b"PATH_INFO: /world", b"SCRIPT_NAME: /authorize", b"X-Forwarded-Prefix: /world")

    for header in headers:
        answer = server.post(GOOD, header)
        assert (answer.status, b'"organizations"' in answer.body) in ((200, False), (400, False))


# Request ids


@pytest.mark.parametrize(
    "given",
    ["7", "a b:c/d;e", "x" * 256, "x" * 2000, "0f9f-ümlaut", "\x7e!\"'<script>", "a, b"],
)
def test_the_request_id_comes_back_as_it_was(http, given):
    given = given.encode("latin-1")
    for path, body in (("/authorize", GOOD), ("/authorize", b"{"), ("/nowhere", b"")):
        answer = http.post(path, content=body, headers=[(b"X-Request-ID", given)])

        assert given.decode("latin-1") == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/authorize", "/health/live", "/nowhere", "/world", "/docs"])
def test_a_request_without_id_is_given_one(http, path):
    ids = {http.get(path).headers["X-Request-ID"] for _ in range(3)}

    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize("given", [b"a\x01b", b"\x7f", b"a\tb", b"\r", b"\x00"])
def test_a_request_id_cannot_carry_a_header(server, given):
    answer = server.post(GOOD, b"X-Request-ID: " + given)

    assert answer.status in (200, 400)
    assert given.decode("latin-1") not in answer.headers.get("x-request-id", "")


# Keys


@pytest.mark.parametrize(
    "header",
    [
        b"X-Nothing: x",
        b"Authorization: ",
        b"Authorization: Bearer",
        b"Authorization: Bearer ",
        b"Authorization: Bearer wrong",
        b"Authorization: Bearer " + KEY[:-1].encode(),
        b"Authorization: Bearer " + KEY.encode() + b"x",
        b"Authorization: Bearer " + KEY.upper().encode(),
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: Basic " + KEY.encode(),
        b"Authorization: " + KEY.encode(),
        b"Cookie: Authorization=" + KEY.encode(),
    ],
)
def test_without_a_known_key_nothing_is_answered(locked, header):
    answer = locked.post(GOOD, header)

    assert (401, "not-authenticated") == problem_of(answer)
    assert answer.headers["www-authenticate"] == 'Bearer realm="watershed"'


@pytest.mark.parametrize("key", [KEY, "another-key-of-sixteen-characters"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_whoever_holds_one_of_the_keys_is_answered(locked, scheme, key):
    assert locked.post(GOOD, f"Authorization: {scheme} {key}".encode()).status == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_told_without_a_key(locked, path):
    with locked.client() as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/world", "/docs", "/openapi.json", "/policies"])
def test_a_stranger_does_not_learn_what_there_is(locked, path):
    with locked.client() as client:
        assert (401, "not-authenticated") == problem_of(client.get(path))


def test_the_request_id_comes_back_to_a_stranger_too(locked):
    answer = locked.post(GOOD, b"X-Request-ID: who-am-i")

    assert (401, "who-am-i") == (answer.status, answer.headers["x-request-id"])


# What every answer has


@pytest.mark.parametrize("path", ["/authorize", "/world", "/docs", "/docs/start.js", "/nowhere"])
def test_every_answer_forbids_foreign_content_and_guessing(http, path):
    headers = http.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert "Set-Cookie" not in headers
