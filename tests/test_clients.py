"""Clients that are slow, hasty, silent or gone: each pays for itself alone."""

import asyncio
import json
import socket
import time
from contextlib import ExitStack, suppress
from http.client import RemoteDisconnected

import pytest
from serving import GOOD, QUESTION, heard, problem_of, serving
from worlds import engine

from service.api.door import Door
from service.api.metrics import Metrics
from service.api.patience import Patience
from service.config import Settings
from service.domain.directory import Directory
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

HEAD = b"POST /authorize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
CROWD = 50


@pytest.fixture(scope="module")
def alone():
    """A server of one worker: nobody else could answer in its place."""
    with serving(WATERSHED_WORKERS="1", WATERSHED_THREADS="1") as running:
        yield running


# Slow clients


def test_slow_clients_keep_nobody_waiting(alone):
    with ExitStack() as lines, alone.client() as http:
        half_open = [lines.enter_context(alone.line()) for _ in range(CROWD)]
        trickling = [lines.enter_context(alone.line()) for _ in range(CROWD)]
        for number, line in enumerate(half_open):
            line.sendall((b"", b"POST /aut", HEAD, REQUEST[:-1], b"GET /world HT")[number % 5])
        for position in range(200):
            for line in trickling:
                line.sendall(REQUEST[position : position + 1])

            assert http.post("/authorize", json=QUESTION).json()["decision"] is True
        assert http.get("/health/ready").status_code == 200


def test_trickling_bodies_hold_no_thread_of_other_routes(alone):
    slow = b"GET /health/ready HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n123"
    with ExitStack() as lines, alone.client() as http:
        for _ in range(5):
            lines.enter_context(alone.line()).sendall(slow)

        assert http.get("/health/ready").status_code == 200


def test_a_body_that_does_not_come_in_time_is_refused():
    pdp = PolicyDecisionPoint(engine(), FixedFacts(Directory()))
    door, sent = Door(pdp, Settings(), None, Metrics(pdp), body_seconds=0.1), []

    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/authorize", "headers": headers}
    begin = time.monotonic()
    asyncio.run(door(scope, receive, send))

    assert time.monotonic() - begin < 5
    assert 408 == sent[0]["status"]
    assert "request-timeout" == json.loads(sent[1]["body"])["code"]


def test_patience_tells_lateness_from_being_cancelled():
    async def wait(patience):
        with patience:
            await asyncio.sleep(60)

    async def cancelled_from_outside():
        task = asyncio.ensure_future(wait(Patience()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def late():
        with pytest.raises(TimeoutError):
            await wait(Patience(seconds=0.0))
        await asyncio.sleep(0)  # would raise, were the task still to be cancelled

    async def cancelled_when_it_was_late():
        patience = Patience(seconds=-1.0)
        task = asyncio.ensure_future(wait(patience))
        await asyncio.sleep(0)
        task.cancel()
        patience._look()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def failing_when_it_was_late():
        with suppress(ValueError), Patience(seconds=0.0):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError from None
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(cancelled_from_outside())
    asyncio.run(late())
    asyncio.run(cancelled_when_it_was_late())
    asyncio.run(failing_when_it_was_late())


# Hasty clients


def test_one_connection_serves_one_request_after_another(server):
    with server.line() as line:
        for _ in range(20):
            line.sendall(REQUEST)

            assert heard(line).status == 200


def test_pipelined_requests_are_answered_in_order(server):
    other = GOOD.replace(b"dora", b"nobody")
    requests = [REQUEST, HEAD + b"Content-Length: %d\r\n\r\n" % len(other) + other] * 10
    with server.line() as line:
        line.sendall(b"".join(requests))
        line.settimeout(10)
        text = b""
        while text.count(b'"decision":') < len(requests):
            text += line.recv(65536)

    verdicts = [part[:4] for part in text.split(b'"decision":')[1:]]
    assert [b"true", b"fals"] * 10 == verdicts


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_a_request_in_pieces_is_one_request(server, piece):
    with server.line() as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(REQUEST), piece):
            line.sendall(REQUEST[begin : begin + piece])

        assert heard(line).body.startswith(b'{"decision":true')


def test_nothing_is_read_twice_after_a_refused_body(server):
    # Were the unread body taken for the next request, a stranger's bytes would be a request.
    body = REQUEST * 200
    refused = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with server.line() as line:
        line.sendall(refused)

        assert (413, "request-too-large") == problem_of(heard(line))
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        with suppress(RemoteDisconnected, ConnectionError):  # hung up, which is as good
            assert heard(line).body == b'{"status":"live"}'


# Clients that wait, ask otherwise, or go away


def test_who_waits_to_be_told_to_continue_is_told(server):
    with server.line() as line:
        line.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(GOOD))
        assert line.recv(4096).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.sendall(GOOD)

        assert heard(line).status == 200


def test_who_waits_with_too_much_is_told_at_once(server):
    with server.line() as line:
        line.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")

        assert (413, "request-too-large") == problem_of(heard(line))


def test_who_goes_away_in_the_middle_of_a_body_harms_nobody(server):
    for _ in range(20):
        with server.line() as line:
            line.sendall(REQUEST[:-9])

    assert server.decides()


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"GET"])
def test_other_methods_with_a_body_do_not_disturb_the_connection(server, method):
    with server.line() as line:
        line.sendall(REQUEST.replace(b"POST", method, 1))
        assert 405 == heard(line, method.decode()).status
        with suppress(RemoteDisconnected, ConnectionError):  # hung up, which is as good
            line.sendall(REQUEST)
            assert 200 == heard(line).status


def test_long_batches_let_others_in_between(alone):
    batch = json.dumps({**QUESTION, "evaluations": [{}] * 1000}).encode()
    request = HEAD.replace(b"/authorize", b"/access/v1/evaluations")
    request += b"Content-Length: %d\r\n\r\n" % len(batch) + batch
    with alone.line() as first, alone.line() as second:
        first.sendall(request)
        second.sendall(REQUEST)

        assert heard(second).status == 200
        assert 1000 == heard(first).body.count(b'"decision":true')
