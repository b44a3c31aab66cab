"""Writing over HTTP: whole or not at all, once, in one order, and for whom the law lets."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import BRAND, KEY, problem_of, serving

from service.api import examples
from service.domain.world import parse_world

LIMITS = {
    "WATERSHED_CHANGES_LIMIT_BYTES": "40000",
    "WATERSHED_CHANGES_LIMIT_ITEMS": "50",
    "WATERSHED_BODY_LIMIT_BYTES": "16384",
    "WATERSHED_WAIT_SECONDS": "20",
}
ANTON = {"type": "user", "id": "anton"}


@pytest.fixture(scope="module")
def writable(door):
    """A server of its own behind two workers, of which each test changes something else."""
    with serving(door=door, **LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def impatient(door):
    """A server that waits for no revision."""
    with serving(door=door, WATERSHED_WAIT_SECONDS="0", WATERSHED_WORKERS="1") as running:
        yield running


@pytest.fixture
def client(writable):
    with writable.client() as speaking:
        yield speaking


def sub_account(place, **fields):
    return {"op": "put_organization", "organization": place, "parent": "corvane", **fields}


def post(client, *changes, headers=(), **more):
    return client.post("/changes", json={"changes": changes, **more}, headers=dict(headers))


def written(client, *changes, **more):
    """The revision of a write that is made."""
    answer = post(client, *changes, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Revision"] == str(answer.json()["revision"])
    return answer.json()["revision"]


def newest(client):
    return client.get("/changes").json()["revision"]


def has(client, name, revision):
    """Whether the organization is there, in facts no older than the revision."""
    answer = client.get(f"/organizations/{name}", headers={"X-Min-Revision": str(revision)})
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


# One write


def test_a_write_is_one_revision_and_is_seen_from_it_on(client):
    before = newest(client)

    revision = written(client, sub_account("one"), sub_account("two"))

    assert revision == before + 1
    assert has(client, "one", revision) and has(client, "two", revision)


def test_a_list_of_which_one_change_cannot_be_made_is_not_made(client):
    before = newest(client)

    refused = post(client, sub_account("half"), {"op": "remove_user", "user": "nobody"})

    assert (422, "invalid-changes") == problem_of(refused)
    (problem,) = refused.json()["problems"]
    assert problem == {
        "path": "changes[1].user",
        "reason": "names no user of this world",
        "value": "nobody",
    }
    assert newest(client) == before
    assert not has(client, "half", before)


def test_what_is_expected_and_no_longer_so_is_a_conflict_that_tells_the_revision(client):
    revision = written(client, sub_account("expected"))

    refused = post(client, sub_account("late"), expect_revision=revision - 1)

    assert (409, "revision-conflict") == problem_of(refused)
    assert refused.json()["revision"] == revision
    assert written(client, sub_account("late"), expect_revision=revision) == revision + 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "changes"),
        ({"changes": []}, "changes"),
        ({"changes": {}}, "changes"),
        ({"changes": [1]}, "changes.0"),
        ({"changes": [{"op": "x"}], "expect_revison": 1}, "expect_revison"),
        ({"changes": [{"op": "x"}], "on_behalf": ANTON}, "on_behalf"),
        ({"changes": [{"op": "x"}], "on_behalf_of": "user:anton"}, "on_behalf_of"),
        ({"changes": [{"op": "x"}], "on_behalf_of": {"type": "user"}}, "on_behalf_of.id"),
        ({"changes": [{"op": "x"}], "context": {"organization": "x"}}, "context"),
        ({"changes": [{"op": "x"}], "expect_revision": True}, "expect_revision"),
        ({"changes": [{"op": "x"}], "expect_revision": "1"}, "expect_revision"),
        ({"changes": [{"op": "x"}], "expect_revision": -1}, "expect_revision"),
    ],
)
def test_a_body_that_could_be_misread_is_refused_with_its_place(client, body, path):
    refused = client.post("/changes", json=body)

    assert (400, "invalid-request") == problem_of(refused)
    assert path in [problem["path"] for problem in refused.json()["problems"]]


@pytest.mark.parametrize(
    "change",
    [
        {"op": "put_user", "user": "huge", "name": 10**30},
        {
            **{"op": "put_subscription", "subscription": "huge", "organization": "corvane"},
            **{"type": "named", "starts": "2026-01-01", "ends": "2027-01-01"},
            "entitlements": {"agents": 10**30},
        },
        {"op": {"a": [None]}},
        {"op": "put_user", "user": {"a": 1.5}},
    ],
)
def test_a_value_that_no_fact_can_have_is_refused_with_its_place(client, change):
    assert (422, "invalid-changes") == problem_of(post(client, change))


def test_writes_have_limits_of_their_own(client):
    padded = sub_account("long", name="x" * 20_000)
    assert written(client, padded)
    assert (413, "request-too-large") == problem_of(
        post(client, sub_account("longer", name="x" * 40_000))
    )
    many = [{"op": "unshare", "resource": "channel:hotline"}] * 51
    assert (413, "request-too-large") == problem_of(post(client, *many))
    assert (413, "request-too-large") == problem_of(
        client.post("/authorize", json={"padding": "x" * 20_000})
    )


@pytest.mark.parametrize("key", ["", "two words", "x" * 257, "ä".encode()])
def test_a_malformed_idempotency_key_is_refused(client, key):
    refused = post(client, sub_account("key"), headers={"Idempotency-Key": key})

    assert (400, "invalid-request") == problem_of(refused)


# On somebody's behalf


def test_an_administrator_of_an_account_creates_a_sub_account(client):
    made = [
        sub_account("wels", name="Wels", kind="dealer"),
        {"op": "put_user", "user": "vera", "memberships": {"wels": "admin"}},
    ]

    revision = written(client, *made, on_behalf_of=ANTON)

    question = {"subject": {"type": "user", "id": "vera"}, "action": {"name": "configure"}}
    question["resource"] = {"type": "organization", "id": "wels"}
    fresh = {"X-Min-Revision": str(revision)}
    assert client.post("/authorize", json=question, headers=fresh).json()["decision"] is True
    (entry,) = client.get(f"/changes?after={revision - 1}&limit=1").json()["entries"]
    assert (entry["subject"], entry["changes"]) == ("user:anton", made)


def test_what_the_policies_do_not_allow_is_not_written_and_says_why(client):
    before = newest(client)
    made = [
        {"op": "put_user", "user": "friend", "memberships": {"linz": "agent"}},
        sub_account("steyr"),
    ]

    refused = post(client, *made, on_behalf_of={"type": "user", "id": "miriam"})

    assert (403, "change-denied") == problem_of(refused)
    body = refused.json()
    assert (1, "organization.created") == (body["index"], body["effect"])
    assert body["decision"]["decision"] is False
    assert body["decision"]["context"]["reason"] == "no-grant"
    assert body["decision"]["context"]["revision"] == before
    assert newest(client) == before


@pytest.mark.parametrize("place", ["corvane", "no-such-place"])
def test_what_the_subject_may_not_see_is_not_told_from_what_is_not_there(client, place):
    made = {"op": "put_organization", "organization": "steyr", "parent": place}

    refused = post(client, made, on_behalf_of={"type": "user", "id": "clara"})

    body = refused.json()
    assert (403, "change-denied", 0) == (*problem_of(refused), body["index"])
    assert "effect" not in body
    context = body["decision"]["context"]
    assert ("no-grant", []) == (context["reason"], context["rules"])
    assert "`parent` names nothing that `user:clara` may see" == context["detail"]


def test_a_denial_cites_the_rule_that_denies(client):
    resume = {"op": "put_user", "user": "otto-2", "memberships": {"corvane-ch": "agent"}}

    refused = post(client, resume, on_behalf_of={"type": "user", "id": "urs"})

    assert (
        "invited-organizations-wait-for-their-owner"
        in (refused.json()["decision"]["context"]["rules"])
    )


def test_a_user_of_several_organizations_acts_for_the_one_in_the_context(client):
    agent = {"op": "put_resource", "resource": "conversation:x", "organization": "graz"}
    jakob = {"type": "user", "id": "jakob"}

    assert (403, "change-denied") == problem_of(post(client, agent, on_behalf_of=jakob))
    assert written(client, agent, on_behalf_of=jakob, context={"organization": "graz"})


# Once


def test_a_key_stands_for_the_circumstances_too(client):
    """What was not judged is not answered as if it had been."""
    key = {"Idempotency-Key": "context-1"}
    asked = {
        "changes": [sub_account("circumstances")],
        "on_behalf_of": {"type": "user", "id": "anton"},
    }

    first = client.post(
        "/changes", json={**asked, "context": {"organization": "corvane"}}, headers=key
    )
    other = client.post(
        "/changes", json={**asked, "context": {"organization": "linz"}}, headers=key
    )

    assert first.status_code == 200
    assert (409, "idempotency-key-reused") == problem_of(other)


def test_a_write_that_is_sent_again_under_its_key_is_made_once(client):
    body = {"changes": [{"op": "put_organization", "organization": "once", "name": "Once"}]}
    key = {"Idempotency-Key": "first-1"}

    first = client.post("/changes", json=body, headers=key)
    again = client.post("/changes", json=body, headers=key)

    assert (200, first.json()) == (again.status_code, again.json())
    assert newest(client) == first.json()["revision"]
    other = client.post("/changes", json={"changes": [sub_account("other")]}, headers=key)
    assert (409, "idempotency-key-reused") == problem_of(other)


def test_a_write_whose_answer_was_lost_is_made_once_however_often_it_is_sent(writable, client):
    before = newest(client)
    body = json.dumps({"changes": [sub_account("lost")]}).encode()
    lost = b"POST /changes HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    lost += b"Idempotency-Key: lost-answer\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for _ in range(5):
        with writable.line() as line:
            line.sendall(lost)  # and gone, before the answer

    answer = client.post(
        "/changes",
        content=body,
        headers={"Idempotency-Key": "lost-answer", "Content-Type": "application/json"},
    )

    assert answer.json() == {"revision": before + 1}
    assert newest(client) == before + 1


def test_without_a_key_the_same_write_is_made_again(client):
    body = [{"op": "put_organization", "organization": "again"}]

    assert written(client, *body) < written(client, *body)


# In one order


def test_of_two_writers_at_once_neither_loses_a_change(writable):
    def write(number):
        with writable.client() as client:
            return written(
                client,
                sub_account(f"left-{number}", name="left"),
                sub_account("both", name=f"by {number}"),
            )

    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(write, range(24)))

    with writable.client() as client:
        log = client.get(f"/changes?after={min(revisions) - 1}").json()["entries"]
        assert sorted(revisions) == [entry["revision"] for entry in log]
        assert sorted(revisions) == list(range(min(revisions), max(revisions) + 1))
        last = client.get("/organizations/both", headers={"X-Min-Revision": str(max(revisions))})
        winner = revisions.index(max(revisions))
        assert last.json()["name"] == f"by {winner}"
        assert all(has(client, f"left-{number}", max(revisions)) for number in range(24))


def test_a_counter_that_expects_its_revision_counts_right(writable):
    """Compare and swap: read, add one, write what was read, or try again."""

    def count(_):
        with writable.client() as client:
            while True:
                revision = newest(client)
                fresh = {"X-Min-Revision": str(revision)}
                found = client.get("/organizations/counter", headers=fresh)
                seen = 0 if found.status_code == 404 else int(found.json()["name"])
                made = post(
                    client,
                    sub_account("counter", name=str(seen + 1)),
                    expect_revision=revision,
                )
                if made.status_code == 200:
                    return
                assert problem_of(made) == (409, "revision-conflict")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count, range(9)))

    with writable.client() as client:
        fresh = {"X-Min-Revision": str(newest(client))}
        assert client.get("/organizations/counter", headers=fresh).json()["name"] == "9"


def test_no_batch_sees_two_revisions_while_writes_go_on(writable):
    """One of two users has a role, never both and never none: each write swaps them."""
    pair = ("swap-a", "swap-b")
    stop = threading.Event()

    def swap(holder):
        return [
            {"op": "put_user", "user": name, "memberships": {"linz": "agent"} if held else {}}
            for name, held in ((pair[0], holder == 0), (pair[1], holder == 1))
        ]

    def keep_swapping():
        with writable.client() as client:
            turn = 0
            while not stop.is_set():
                turn = 1 - turn
                written(client, *swap(turn))

    question = {
        "action": {"name": "view"},
        "resource": {"type": "organization", "id": "linz"},
        "context": {"organization": "linz"},
        "evaluations": [{"subject": {"type": "user", "id": name}} for name in pair * 50],
    }
    seen = set()
    with writable.client() as client, ThreadPoolExecutor(1) as pool:
        start = written(client, *swap(0))
        swapping = pool.submit(keep_swapping)
        try:
            deadline = time.monotonic() + 60
            while len(seen) < 5 and time.monotonic() < deadline:
                answer = client.post(
                    "/access/v1/evaluations",
                    json=question,
                    headers={"X-Min-Revision": str(start)},
                )
                rows = answer.json()["evaluations"]
                revisions = {row["context"]["revision"] for row in rows}
                assert len(revisions) == 1
                held = [row["decision"] for row in rows]
                assert held in ([True, False] * 50, [False, True] * 50)
                seen |= revisions
        finally:
            stop.set()
        swapping.result()
    assert len(seen) > 1  # the facts did change under the reader


# The log


def test_a_reader_of_the_log_reads_on_from_where_he_was(client):
    start = written(client, sub_account("log-1"))
    written(client, sub_account("log-2"), on_behalf_of=ANTON)

    first = client.get(f"/changes?after={start - 1}&limit=1").json()
    second = client.get(f"/changes?after={first['entries'][-1]['revision']}").json()

    assert [start] == [entry["revision"] for entry in first["entries"]]
    assert first["revision"] == second["revision"] == start + 1
    (entry,) = second["entries"]
    assert list(entry) == ["revision", "at", "caller", "subject", "changes"]
    assert client.get(f"/changes?after={start + 1}").json()["entries"] == []
    assert (404, "unknown-revision") == problem_of(client.get(f"/changes?after={start + 99}"))


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "limit=0", "wait=-1", "wait=1.5", "wiat=5", "after=1&after=2"]
)
def test_a_malformed_question_to_the_log_is_refused(client, query):
    assert (400, "invalid-request") == problem_of(client.get(f"/changes?{query}"))


def test_a_long_poll_returns_when_something_is_written(writable, client):
    start = newest(client)

    def poll():
        with writable.client() as other:
            # Longer than the client has patience: a poll that only ran out of time would fail.
            return other.get(f"/changes?after={start}&wait=60").json()

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(poll)
        time.sleep(0.5)
        assert not polling.done()
        revision = written(client, sub_account("polled"))

        assert [revision] == [entry["revision"] for entry in polling.result()["entries"]]


def test_many_long_polls_keep_nobody_from_being_answered(writable, client):
    start = newest(client)
    body = {"changes": [sub_account("unblocked")]}

    def poll(_):
        with writable.client() as other:
            return other.get(f"/changes?after={start}&wait=60").status_code

    with ThreadPoolExecutor(30) as pool:
        polls = [pool.submit(poll, number) for number in range(30)]
        time.sleep(0.5)
        # Each poll waits longer than any client here has patience.
        assert client.get("/organizations/linz").status_code == 200
        assert client.post("/changes", json=body).status_code == 200
        assert {200} == {each.result() for each in polls}


# From a revision on


@pytest.mark.parametrize("wanted", ["x", "-1", "1.0", "0x1", "1" * 19, "1, 2"])
@pytest.mark.parametrize("path", ["/organizations/linz", "/authorize", "/world"])
def test_a_malformed_revision_is_refused(client, wanted, path):
    headers = {"X-Min-Revision": wanted}
    answer = (
        client.post(path, json=examples.EVALUATION, headers=headers)
        if path == "/authorize"
        else client.get(path, headers=headers)
    )

    assert (400, "invalid-request") == problem_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/authorize", examples.EVALUATION),
        ("POST", "/access/v1/evaluations", examples.BATCH),
        ("GET", "/world", None),
    ],
)
def test_a_revision_that_does_not_come_is_not_answered_from_an_older_one(
    impatient, method, path, body
):
    with impatient.client() as client:
        answer = client.request(method, path, json=body, headers={"X-Min-Revision": "2"})

    assert (503, "revision-not-reached") == problem_of(answer)
    assert answer.headers["Retry-After"] == "1"


def test_whoever_waits_for_a_revision_is_answered_when_it_comes(writable, client):
    wanted = newest(client) + 1

    def ask():
        with writable.client() as other:
            return has(other, "awaited", wanted)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        time.sleep(0.3)
        written(client, sub_account("awaited"))

        assert asking.result(20)


# The whole world


def test_a_world_comes_back_as_it_was_put_and_replaces_all_there_was(door):
    world = parse_world(BRAND.read_bytes(), BRAND.name)
    with serving(door=door, WATERSHED_WORKERS="1") as own, own.client() as client:
        exported = client.get("/world")
        revision = int(exported.headers["X-Revision"])
        assert set(exported.json()["organizations"]) == set(world["organizations"])

        put = client.put(f"/world?expect_revision={revision}", json=examples.WORLD)
        fresh = {"X-Min-Revision": str(put.json()["revision"])}
        assert client.get("/world", headers=fresh).json()["users"] == examples.WORLD["users"]
        late = client.put(f"/world?expect_revision={revision}", json={})
        assert (409, "revision-conflict") == problem_of(late)

        back = client.put("/world", json=exported.json(), headers={"Idempotency-Key": "back"})
        fresh = {"X-Min-Revision": str(back.json()["revision"])}
        assert client.get("/world", headers=fresh).content == exported.content
        assert (
            client.put("/world", json=exported.json(), headers={"Idempotency-Key": "back"}).json()
            == back.json()
        )


def test_whoever_has_the_world_is_not_sent_it_again_until_something_is_written(writable, client):
    revision = written(client, sub_account("tagged"))
    fresh = {"X-Min-Revision": str(revision)}
    first = client.get("/world", headers=fresh)
    tag = first.headers["ETag"]

    for condition in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get("/world", headers={**fresh, "If-None-Match": condition})
        assert (304, b"", tag) == (again.status_code, again.content, again.headers["ETag"])
        assert str(revision) == again.headers["X-Revision"]
    assert client.get("/world", headers={**fresh, "If-None-Match": '"1"'}).content == first.content

    fresh = {"X-Min-Revision": str(written(client, sub_account("tagged", name="Other")))}
    changed = client.get("/world", headers={**fresh, "If-None-Match": tag})
    assert 200 == changed.status_code
    assert tag != changed.headers["ETag"]
    assert "Other" == changed.json()["organizations"]["tagged"]["name"]


def test_a_world_that_is_none_is_refused_whole_and_changes_nothing(client):
    before = client.get("/world")

    broken = {"organizations": {"a": {"parent": "b"}}, "users": {"u": {"memberships": {"z": "x"}}}}
    refused = client.put("/world", json=broken)

    assert (422, "invalid-world") == problem_of(refused)
    assert len(refused.json()["problems"]) == 2
    assert client.get("/world").json().keys() == before.json().keys()
    assert "a" not in client.get("/world").json()["organizations"]


def test_a_condition_that_would_be_ignored_is_refused(client):
    refused = client.put("/world", json={}, headers={"If-Match": '"1"'})

    assert (400, "invalid-request") == problem_of(refused)
    assert "expect_revision" in refused.json()["problems"][0]["reason"]


# Who may


def test_strangers_neither_write_nor_wait(door):
    patience = {"WATERSHED_WAIT_SECONDS": "60", "WATERSHED_WORKERS": "1"}
    with (
        serving(door=door, WATERSHED_API_KEYS=KEY, **patience) as locked,
        locked.client() as client,
    ):
        waits = {"X-Min-Revision": "999999"}  # longer than the client has patience
        for method, path in (("POST", "/changes"), ("PUT", "/world"), ("GET", "/changes?wait=60")):
            answer = client.request(method, path, json={}, headers=waits)
            assert (401, "not-authenticated") == problem_of(answer)

        key = {"Authorization": f"Bearer {KEY}"}
        client.post("/changes", json={"changes": [sub_account("keyed")]}, headers=key)
        entries = client.get("/changes", headers=key).json()["entries"]
        assert entries[-1]["caller"].startswith("api ")
        assert KEY not in json.dumps(entries)


def test_ready_tells_how_new_the_facts_are(client):
    revision = written(client, sub_account("ready"))
    fresh = {"X-Min-Revision": str(revision)}
    assert client.get("/world", headers=fresh).status_code == 200

    deadline = time.monotonic() + 20
    while (body := client.get("/health/ready").json())["revision"] < revision:
        assert time.monotonic() < deadline
    assert body["status"] == "ready"
    assert body["newest"] >= body["revision"] and body["behind"] >= 0
    assert 0 <= body["age_seconds"] < 10


def test_without_keys_nobody_writes_where_others_could(door):
    settings = {"WATERSHED_HOST": "0.0.0.0", "WATERSHED_WORKERS": "1"}
    with serving(door=door, **settings) as server, server.client() as client:
        for refused in (post(client, sub_account("open")), client.put("/world", json={})):
            assert (401, "not-authenticated") == problem_of(refused)
            assert "WATERSHED_API_KEYS" in refused.json()["detail"]
        assert client.get("/organizations/linz").status_code == 200


def test_the_examples_in_the_documentation_are_true_answers():
    with serving(WATERSHED_WORKERS="1") as server, server.client() as client:
        ready = client.get("/health/ready").json()
        assert ready.keys() == examples.READY.keys()
        assert ready["counts"].items() >= examples.READY["counts"].items()
        assert examples.REVISION == client.post("/changes", json=examples.CHANGES).json()
        log = client.get("/changes?after=1").json()
        log["entries"][0]["at"] = examples.CHANGE_LOG["entries"][0]["at"]
        assert examples.CHANGE_LOG == log
        assert client.put("/world", json=examples.WORLD).json() == {"revision": 3}
