"""Several processes on one database: none lies, none forgets, and all come to the same world."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from serving import START_SECONDS, new_database, problem_of, serving

# What a node reads of the database it learns late, and hints never reach it.
LATE = """
import time
import service.bootstrap as bootstrap
open_store = bootstrap.open_store
class Late:
    def __init__(self, store):
        self._store = store
    def __getattr__(self, name):
        return getattr(self._store, name)
    def newest(self):
        held = self._store.newest()
        time.sleep(1.5)
        return held
    def await_hint(self, seconds):
        time.sleep(seconds)
bootstrap.open_store = lambda *a, **k: Late(open_store(*a, **k))
"""

# A node that loses its database whenever a certain file is there.
CUT_OFF = """
import os, time
import service.bootstrap as bootstrap
from service.errors import StoreUnavailable
open_store = bootstrap.open_store
class CutOff:
    def __init__(self, store):
        self._store = store
    def __getattr__(self, name):
        if os.path.exists(os.environ["CUT"]):
            raise StoreUnavailable("the test has cut it off")
        return getattr(self._store, name)
    def await_hint(self, seconds):
        time.sleep(0.05)
    def close(self):
        self._store.close()
bootstrap.open_store = lambda *a, **k: CutOff(open_store(*a, **k))
"""


def question(user, place="linz", action="view"):
    return {
        "subject": {"type": "user", "id": user},
        "action": {"name": action},
        "resource": {"type": "organization", "id": place},
    }


def put(user, **memberships):
    return {"op": "put_user", "user": user, "memberships": memberships}


def written(client, *changes, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post("/changes", json={"changes": changes}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["revision"]


def decided(client, user, revision=None):
    """The decision and the revision it was made from."""
    headers = {} if revision is None else {"X-Min-Revision": str(revision)}
    answer = client.post("/authorize", json=question(user), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["decision"], answer.json()["context"]["revision"]


def digest(client, revision):
    """Of all facts, which must have come to that revision."""
    answer = client.get("/world", headers={"X-Min-Revision": str(revision)})
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-Revision"]) == revision
    return sha256(answer.content).hexdigest()


# Another node


def test_a_revoked_right_is_gone_everywhere_for_whoever_brings_the_revision():
    database = {"WATERSHED_DATABASE": new_database(), "WATERSHED_WORKERS": "1"}
    with (
        serving(**database) as near,
        serving(prelude=LATE, **database) as far,
        near.client() as here,
        far.client() as there,
    ):
        for _ in range(3):
            granted = written(here, put("vera", linz="agent"))
            assert (True, granted) == decided(there, "vera", granted)
            revoked = written(here, put("vera"))

            # Without the revision the far node answers from what it knows: the new enemy gets in.
            assert (True, granted) == decided(there, "vera")
            assert (False, revoked) == decided(there, "vera", revoked)


def test_a_node_that_never_hears_of_a_revision_refuses_and_does_not_guess(tmp_path):
    cut = tmp_path / "cut"
    database = {"WATERSHED_DATABASE": new_database(), "WATERSHED_WORKERS": "1"}
    far_settings = {"CUT": str(cut), "WATERSHED_WAIT_SECONDS": "1", **database}
    with (
        serving(**database) as near,
        serving(prelude=CUT_OFF, **far_settings) as far,
        near.client() as here,
        far.client() as there,
    ):
        granted = written(here, put("vera", linz="agent"))
        assert (True, granted) == decided(there, "vera", granted)
        cut.touch()
        time.sleep(0.3)
        revoked = written(here, put("vera"))

        answer = there.post(
            "/authorize", json=question("vera"), headers={"X-Min-Revision": str(revoked)}
        )
        assert (503, "revision-not-reached") == problem_of(answer)
        cut.unlink()
        assert (False, revoked) == decided(there, "vera", revoked)


def test_facts_that_nobody_confirms_are_soon_too_old_to_decide_from(tmp_path):
    cut = tmp_path / "cut"
    settings = {"CUT": str(cut), "WATERSHED_FACTS_AGE_SECONDS": "2", "WATERSHED_WORKERS": "1"}
    with serving(prelude=CUT_OFF, **settings) as server, server.client() as client:
        assert client.get("/health/ready").status_code == 200
        cut.touch()
        assert decided(client, "dora")[0]  # for a while, memory will do

        deadline = time.monotonic() + 20
        while client.get("/health/ready").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert (503, "facts-too-old") == problem_of(client.get("/health/ready"))
        assert client.get("/health/live").status_code == 200
        for path, body in (
            ("/authorize", question("dora")),
            ("/access/v1/evaluation", question("dora")),
            ("/access/v1/evaluations", {**question("dora"), "evaluations": [{}, {}]}),
        ):
            assert (503, "facts-too-old") == problem_of(client.post(path, json=body))
        for path in ("/world", "/organizations/linz", "/organizations/linz/resources"):
            assert (503, "facts-too-old") == problem_of(client.get(path))
        refused = client.post("/changes", json={"changes": [put("vera")]})
        assert (503, "store-unavailable") == problem_of(refused)

        cut.unlink()
        deadline = time.monotonic() + 20
        while client.get("/health/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert decided(client, "dora")[0]


# Processes that die


def workers(server):
    tasks = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in tasks.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
def test_workers_killed_under_load_lose_nothing_that_was_acknowledged():
    stop = threading.Event()
    made, maybe = [], []

    def keep_writing(writer):
        with httpx.Client(base_url=server.address, trust_env=False, timeout=10) as client:
            number = 0
            while not stop.is_set():
                number += 1
                names = (f"a-{writer}-{number}", f"b-{writer}-{number}")
                changes = [put(name, linz="agent") for name in names]
                try:
                    answer = client.post("/changes", json={"changes": changes})
                except httpx.HTTPError:
                    maybe.append(names)
                    continue
                assert answer.status_code == 200, answer.text
                made.append(names)

    with serving() as server:
        with ThreadPoolExecutor(2) as pool:
            writing = [pool.submit(keep_writing, number) for number in range(2)]
            generator = random.Random(7)
            for _ in range(6):
                time.sleep(0.5)
                if running := workers(server):
                    os.kill(generator.choice(running), signal.SIGKILL)
            time.sleep(0.5)
            stop.set()
            for each in writing:
                each.result()
        with server.client() as client:
            newest = client.get("/changes?limit=1").json()["revision"]
            fresh = {"X-Min-Revision": str(newest)}
            users = client.get("/world", headers=fresh).json()["users"]

    assert len(made) > 10
    assert maybe  # somebody was killed over a write
    assert [] == [name for names in made for name in names if name not in users]
    assert [] == [names for names in maybe if (names[0] in users) != (names[1] in users)]


def test_a_replacement_starts_from_what_was_written_meanwhile():
    with serving(WATERSHED_WORKERS="1") as server, server.client() as client:
        revision = written(client, put("vera", linz="agent"))
        (worker,) = workers(server)
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while workers(server) in ([], [worker]) and time.monotonic() < deadline:
            time.sleep(0.05)
        # No revision is asked for: the new worker does not decide from its master's old facts.
        with server.client() as again:
            assert (True, revision) == decided(again, "vera")


def test_what_was_written_is_there_after_all_processes_were_killed():
    database = {"WATERSHED_DATABASE": new_database()}
    with serving(**database) as server, server.client() as client:
        revision = written(client, put("vera", linz="agent"))
        world = digest(client, revision)
        victims = [server.process.pid, *workers(server)]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    with serving(**database) as server, server.client() as client:
        assert (True, revision) == decided(client, "vera")
        assert world == digest(client, revision)
