"""What /metrics says: of all workers together, and of nobody who asked."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving import KEY, QUESTION, serving

DENIED = {**QUESTION, "action": {"name": "dance"}}


def samples(client):
    """Each value by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found.get((f"watershed_{name}", tuple(sorted(labels.items()))), 0.0)


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def alone(request):
    with serving(door=request.param, WATERSHED_WORKERS="1") as running, running.client() as client:
        yield client


def test_decisions_are_counted_by_their_reason(alone):
    before = samples(alone)
    for question in (QUESTION, QUESTION, DENIED):
        alone.post("/authorize", json=question)
    alone.post("/access/v1/evaluations", json={"evaluations": [QUESTION] * 5})
    after = samples(alone)

    for reason, count in (("granted", 7), ("unknown-action", 1), ("prohibited", 0)):
        name = "decisions_total"
        assert value(after, name, reason=reason) - value(before, name, reason=reason) == count


def test_requests_are_timed_by_route_and_status_and_not_by_what_callers_send(alone):
    before = samples(alone)
    alone.post("/authorize", json=QUESTION)
    alone.post("/authorize", json=[])
    alone.get("/organizations/linz")
    alone.get("/organizations/some-id-that-is-nowhere")
    alone.get("/no-such-route-at-all")
    after = samples(alone)

    for route, status in (
        ("/authorize", "200"),
        ("/authorize", "400"),
        ("/organizations/<organization>", "200"),
        ("/organizations/<organization>", "404"),
        ("none", "404"),
    ):
        name, labels = "request_seconds_count", {"route": route, "status": status}
        assert value(after, name, **labels) - value(before, name, **labels) == 1
    assert not any("nowhere" in str(key) or "no-such" in str(key) for key in after)


def test_what_is_refused_before_it_comes_to_a_route_is_counted_too():
    settings = {"WATERSHED_WAIT_SECONDS": "0", "WATERSHED_WORKERS": "1"}
    with serving(**settings) as running, running.client() as client:
        before = samples(client)
        client.post("/authorize", json=QUESTION, headers={"X-Min-Revision": "999"})
        client.get("/organizations/linz", headers={"X-Min-Revision": "999"})
        client.post("/explain", content=b" " * 2**21, headers={"Content-Type": "application/json"})
        after = samples(client)

    for route, status in (("/authorize", "503"), ("none", "503"), ("none", "413")):
        name, labels = "request_seconds_count", {"route": route, "status": status}
        assert value(after, name, **labels) - value(before, name, **labels) == 1


def test_plans_and_facts_are_told(alone):
    alone.post("/authorize", json=QUESTION)
    found = samples(alone)

    assert value(found, "plan_nodes") > 0
    assert value(found, "plan_shapes") > 0
    assert value(found, "oso_questions_total") > 0
    assert value(found, "plan_contradictions_total") == 0
    assert value(found, "facts_revision") == 1


def test_any_worker_tells_the_counts_of_all():
    with serving(WATERSHED_WORKERS="2") as running:

        def ask(_):
            with running.client() as client:  # a connection of its own: either worker takes it
                client.post("/authorize", json=QUESTION)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(60)))
        told = []
        for _ in range(40):
            with running.client() as client:
                told.append(value(samples(client), "decisions_total", reason="granted"))
            if told[-1] == 60:
                break
            time.sleep(0.25)

        assert told[-1] == 60
        assert told == sorted(told)


def test_counts_outlive_the_worker_that_counted():
    with serving(WATERSHED_WORKERS="1") as running, running.client() as client:
        client.post("/authorize", json=QUESTION)
        assert value(samples(client), "decisions_total", reason="granted") == 1
        for worker in running.workers():
            os.kill(worker, signal.SIGKILL)
        found = {}
        for _ in range(100):
            time.sleep(0.1)
            with suppress(httpx.TransportError), running.client() as anew:
                found = samples(anew)
                break

        assert value(found, "decisions_total", reason="granted") == 1


def test_metrics_want_a_key_once_there_are_any():
    with serving(WATERSHED_API_KEYS=KEY, WATERSHED_WORKERS="1") as running:
        with running.client() as stranger:
            assert stranger.get("/metrics").status_code == 401
        with running.client(headers={"Authorization": f"Bearer {KEY}"}) as known:
            assert known.get("/metrics").status_code == 200
