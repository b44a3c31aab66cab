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
        time.sleep(1)
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
        for _ in range(2):
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
                if running := server.workers():
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
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while server.workers() in ([], [worker]) and time.monotonic() < deadline:
            time.sleep(0.05)
        # No revision is asked for: the new worker does not decide from its master's old facts.
        with server.client() as again:
            assert (True, revision) == decided(again, "vera")


def test_what_was_written_is_there_after_all_processes_were_killed():
    database = {"WATERSHED_DATABASE": new_database()}
    with serving(**database) as server, server.client() as client:
        revision = written(client, put("vera", linz="agent"))
        world = digest(client, revision)
        victims = [server.process.pid, *server.workers()]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    with serving(**database) as server, server.client() as client:
        assert (True, revision) == decided(client, "vera")
        assert world == digest(client, revision)


def test_no_connection_to_the_database_crosses_a_fork():
    url = new_database()
    file = url.removeprefix("sqlite:///")
    with serving(WATERSHED_DATABASE=url) as server, server.client() as client:
        written(client, put("vera", linz="agent"))
        opened = {
            pid: [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
            for pid in (server.process.pid, *server.workers())
        }

    assert not any(name.startswith(file) for name in opened[server.process.pid])
    assert any(name.startswith(file) for names in opened.values() for name in names)


def test_a_database_that_holds_facts_keeps_them_whatever_the_world_document_says(tmp_path):
    settings = {"WATERSHED_DATABASE": new_database(), "WATERSHED_WORKERS": "1"}
    with serving(**settings) as server, server.client() as client:
        revision = written(client, put("vera", linz="agent"))
    other = tmp_path / "other.world.json"
    other.write_text('{"organizations": {"only": {}}}')

    with serving(world=other, **settings) as server, server.client() as client:
        assert (True, revision) == decided(client, "vera")
        note = server.process.stdout.readline()
        assert f"facts at revision {revision} in sqlite:///" in note
        assert note.endswith("; other.world.json was not read again\n")


# Three nodes


class Node:
    """One of several nodes: where it is while it runs."""

    def __init__(self, **settings):
        self._settings = settings
        self._running = None
        self.address = None

    def start(self):
        self._running = serving(**self._settings)
        self._server = self._running.__enter__()
        self.address = self._server.address

    def kill(self):
        """Kill every process of it at once."""
        self.address = None
        for pid in (self._server.process.pid, *self._server.workers()):
            os.kill(pid, signal.SIGKILL)
        self.stop()

    def stop(self):
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


class Load:
    """Writers and readers of some nodes, who note whatever was not right."""

    PAIR = ("swap-a", "swap-b")

    def __init__(self, nodes):
        self.nodes = nodes
        self.stop = threading.Event()
        self.wrong = []
        self.acknowledged = {}
        self.answers = {200: 0, 503: 0, None: 0}

    def changes(self, number):
        """One write: who of the pair has a role alternates, and one user is new."""
        holder = self.PAIR[number % 2]
        users = [put(name, **({"linz": "agent"} if name == holder else {})) for name in self.PAIR]
        return [*users, put(f"user-{number}", linz="agent")]

    def ask(self, client, generator, path, **request):
        """The answer of some node, None if it could not be reached; an explicit refusal is none."""
        address = generator.choice([node.address for node in self.nodes])
        time.sleep(0.01)  # the nodes that start need the processor too
        try:
            answer = client.post(f"{address}{path}", **request)
        except (httpx.HTTPError, httpx.InvalidURL):
            self.answers[None] += 1
            return None
        if answer.status_code == 503:
            problem_of(answer)
            self.answers[503] += 1
            return None
        if answer.status_code != 200:
            self.wrong.append((path, answer.status_code, answer.text))
            return None
        self.answers[200] += 1
        return answer

    def write(self):
        with httpx.Client(trust_env=False, timeout=10) as client:
            self._write(client, random.Random(1))

    def _write(self, client, generator):
        number = 0
        while not self.stop.is_set():
            number += 1
            body, answer = {"changes": self.changes(number)}, None
            while answer is None and not self.stop.is_set():
                headers = {"Idempotency-Key": f"write-{number}"}
                answer = self.ask(client, generator, "/changes", json=body, headers=headers)
            if answer is None:
                return
            revision = self.acknowledged[number] = answer.json()["revision"]
            for name in self.PAIR:
                asked = {**question(name), "context": {"organization": "linz"}}
                fresh = {"X-Min-Revision": str(revision)}
                told = self.ask(client, generator, "/authorize", json=asked, headers=fresh)
                expected = name == self.PAIR[number % 2]
                if told is not None and told.json()["decision"] is not expected:
                    self.wrong.append((name, number, told.text))

    def read(self):
        with httpx.Client(trust_env=False, timeout=10) as client:
            self._read(client, random.Random(2))

    def _read(self, client, generator):
        items = [{"subject": {"type": "user", "id": name}} for name in self.PAIR * 10]
        asked = {**question(""), "context": {"organization": "linz"}, "evaluations": items}
        while not self.stop.is_set():
            told = self.ask(client, generator, "/access/v1/evaluations", json=asked)
            if told is None:
                continue
            rows = told.json()["evaluations"]
            held = [row["decision"] for row in rows]
            revisions = {row["context"]["revision"] for row in rows}
            one = held in ([True, False] * 10, [False, True] * 10)
            if len(revisions) != 1 or not (one or revisions == {1}):
                self.wrong.append((revisions, held))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
def test_three_nodes_of_one_database_killed_in_turn_under_load_never_lie(postgresql_server):
    settings = {"WATERSHED_DATABASE": postgresql_server.new_database(), "WATERSHED_WORKERS": "1"}
    nodes = [Node(**settings) for _ in range(3)]
    load = Load(nodes)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Node.start, nodes))
            busy = [pool.submit(load.write), pool.submit(load.read)]
            try:
                for node in nodes:
                    time.sleep(1.5)
                    node.kill()
                    time.sleep(0.5)
                    node.start()
                time.sleep(1)
            finally:
                load.stop.set()
            for each in busy:
                each.result()
        worlds = set()
        with httpx.Client(base_url=nodes[0].address, trust_env=False, timeout=30) as client:
            log = client.get("/changes?after=1").json()
        for node in nodes:
            with httpx.Client(base_url=node.address, trust_env=False, timeout=30) as client:
                worlds.add(digest(client, log["revision"]))
    finally:
        for node in nodes:
            node.stop()

    assert [] == load.wrong
    assert len(worlds) == 1
    made = {entry["changes"][-1]["user"]: entry["revision"] for entry in log["entries"]}
    assert len(made) == len(log["entries"])  # whatever was sent again was made once
    assert {f"user-{n}": revision for n, revision in load.acknowledged.items()}.items() <= (
        made.items()
    )
    assert load.answers[200] > 50 and load.answers[None] > 0
