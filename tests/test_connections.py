"""What a server makes of bytes: a request or none, and the short way as the long one."""

import json
import random
import re
import signal
import socket
import struct
import time
import urllib.error
import urllib.request
from contextlib import suppress
from itertools import pairwise

import pytest
from serving import GOOD, KEY, QUESTION, Answer, heard, problem_of, serving

HOST = b"Host: test\r\n"
HEAD = b"POST /authorize HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(GOOD)
REQUEST = HEAD + LENGTH + b"\r\n" + GOOD
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BATCH = json.dumps({**QUESTION, "evaluations": [{}] * 1000}).encode()
MANY = HEAD.replace(b"/authorize", b"/access/v1/evaluations")
MANY += b"Content-Length: %d\r\n\r\n" % len(BATCH) + BATCH
LIVE = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"
WORLD = LIVE.replace(b"/health/live", b"/world")
LONG_POLL = LIVE.replace(b"/health/live", b"/changes?after=1&wait=%d")
HEAD_LIMIT_BYTES = 32_768
BODY_LIMIT_BYTES = 60_000
OFFER = b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
OFFERING = HEAD + b"Connection: upgrade\r\n" + OFFER + LENGTH + b"\r\n" + GOOD
LAST = REQUEST.replace(HOST, HOST + b"Connection: close\r\n")


@pytest.fixture(scope="module")
def hasty():
    """A server that waits for a head for a fifth of a second, and for another for one."""
    prelude = "import service.serving.waiting as w\nw.HEAD_SECONDS = w.READING_SECONDS = 0.2\n"
    prelude += "import service.server as s\ns.KEEP_ALIVE_SECONDS = 1"
    with serving(prelude=prelude, WATERSHED_WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def served():
    """`watershed serve`, in one worker: nobody else could answer in its place."""
    with serving(WATERSHED_WORKERS="1") as running:
        yield running


def answers(server, *said: bytes) -> list[Answer]:
    """All answers to these pieces until the server hangs up."""
    found = []
    with server.line() as line, line.makefile("rb") as spoken:
        line.settimeout(10)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in said:
            line.sendall(piece)
        while first := spoken.readline():
            headers = dict(iter(lambda: spoken.readline().rstrip().split(b": ", 1), [b""]))
            headers = {name.decode().lower(): value.decode() for name, value in headers.items()}
            body = spoken.read(int(headers["content-length"]))
            found.append(Answer(int(first.split()[1]), headers, body))
    return found


# What is no request

NO_REQUESTS = {
    "a length and chunks": HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "chunks and a length": HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS,
    "a length twice": HEAD + LENGTH * 2 + b"\r\n" + GOOD,
    "two lengths": HEAD + LENGTH + b"Content-Length: 3\r\n\r\n" + GOOD,
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\n" + GOOD,
    "a length with a sign": HEAD + b"Content-Length: +3\r\n\r\n" + GOOD,
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n" + GOOD,
    "a length as Python spells it": HEAD + b"Content-Length: 1_0\r\n\r\n" + GOOD,
    "a length beyond all": HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + GOOD,
    "chunks, and then something": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "identity": HEAD + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + GOOD,
    "chunks twice": HEAD + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + CHUNKS,
    "a space before a colon": HEAD + LENGTH.replace(b":", b" :") + b"\r\n" + GOOD,
    "a folded line": HEAD + b"X-A: 1\r\n 2\r\n" + LENGTH + b"\r\n" + GOOD,
    "lines that end in LF": REQUEST.replace(b"\r\n", b"\n"),
    "a CR within a line": HEAD + b"X-A: a\rb\r\n" + LENGTH + b"\r\n" + GOOD,
    "a NUL in a value": HEAD + b"X-A: a\0b\r\n" + LENGTH + b"\r\n" + GOOD,
    "a NUL in a name": HEAD + b"X\0A: ab\r\n" + LENGTH + b"\r\n" + GOOD,
    "no host": REQUEST.replace(HOST, b""),
    "two hosts": HEAD + HOST + LENGTH + b"\r\n" + GOOD,
    "no version": b"GET /health/live\r\n\r\n",
    "a later version": REQUEST.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "the beginning of another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in lower case": REQUEST.replace(b"POST", b"post"),
    "a method that nobody knows": REQUEST.replace(b"POST", b"CHECK"),
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n",
    "no path": b"GET http://test HTTP/1.1\r\nHost: test\r\n\r\n",
    "chunks in LF": CHUNKED + CHUNKS.replace(b"\r\n", b"\n"),
    "a chunk of length 0x": CHUNKED + b"0x" + CHUNKS,
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("said", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_told_so_and_ends_its_connection(served, said):
    (answer,) = answers(served, said)

    assert (400, "bad-request") == problem_of(answer)
    assert "close" == answer.headers["connection"]
    assert "no-store" == answer.headers["cache-control"]
    assert served.decides()


NOT_HERE = {
    "a tunnel": b"CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n",
    "compressed chunks": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "chunks of another kind": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
}


@pytest.mark.parametrize("said", NOT_HERE.values(), ids=NOT_HERE)
def test_what_the_server_does_not_do_is_told_so_and_ends_its_connection(served, said):
    (answer,) = answers(served, said)

    assert (501, "not-implemented") == problem_of(answer)


def padded_head(size_bytes: int) -> bytes:
    """A head of which names and values have this size, as does its line without method."""
    bare = HEAD + LENGTH + b"X-Pad: \r\n\r\n"
    counted = sum(len(line.replace(b": ", b"")) for line in bare.split(b"\r\n")[1:])
    pad = size_bytes - counted - len(b"/authorize")
    return bare.replace(b"X-Pad: ", b"X-Pad: " + b"x" * pad)


@pytest.mark.parametrize("padded_body", [b"", b" " * 60_000])
def test_a_head_may_be_as_long_as_the_limit_and_no_longer(served, padded_body):
    body = GOOD + padded_body
    length = b"Content-Length: %d\r\n" % len(body)
    for beyond, status in ((0, 200), (1, 431)):
        head = padded_head(HEAD_LIMIT_BYTES + beyond - len(length) + len(LENGTH))
        with served.line() as line:
            line.sendall(head.replace(LENGTH, length) + body)

            assert status == heard(line).status


@pytest.mark.parametrize("first", [b"", REQUEST, LIVE, OFFERING])
@pytest.mark.parametrize("said", [REQUEST, LIVE, OFFERING])
def test_a_head_is_not_longer_for_what_comes_with_it(served, first, said):
    head, body = said.split(b"\r\n\r\n", 1)
    head += b"\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n"
    found = answers(served, first + head + body)

    # What another answer is due to is told nothing more.
    assert found[-1].headers["connection"] == "close"
    assert [200] * bool(first) == [each.status for each in found if each.status != 431]


ENDLESS = {
    "a header": HEAD + b"X-A: " + b"a" * 500_000,
    "headers": HEAD + b"X-A: a\r\n" * 100_000,
    "a line": b"GET /" + b"a" * 500_000,
    "empty lines": b"\r\n" * 200_000,
    "a line after the last chunk": CHUNKED + CHUNKS[:-2] + b"X-A: " + b"a" * 500_000,
    "an extension of a chunk": CHUNKED + b"5;a=" + b"a" * 500_000,
}


@pytest.mark.parametrize("said", ENDLESS.values(), ids=ENDLESS)
def test_what_never_becomes_a_request_is_not_kept(served, said):
    with served.line() as line:
        line.sendall(said)

        assert (431, "request-header-fields-too-large") == problem_of(heard(line))
    assert served.decides()


BEGUN = {
    "nothing but an empty line": b"\r\n",
    "half a line": b"POST /auth",
    "half a head": HEAD,
    "an offer without end": HEAD + OFFER,
}


@pytest.mark.parametrize("said", BEGUN.values(), ids=BEGUN)
def test_a_head_that_does_not_come_in_time_ends_its_connection(hasty, said):
    (answer,) = answers(hasty, said)

    assert (408, "request-timeout") == problem_of(answer)


def test_a_second_head_that_does_not_come_in_time_ends_its_connection(hasty):
    with hasty.line() as line:
        line.sendall(REQUEST)
        assert 200 == heard(line).status
        line.sendall(b"POST /auth")

        assert (408, "request-timeout") == problem_of(heard(line))


@pytest.mark.parametrize("first", [REQUEST, LIVE], ids=["short way", "long way"])
def test_a_head_that_begins_with_the_request_before_it_has_no_more_time(hasty, first):
    with hasty.line() as line:
        line.sendall(first + b"POST /auth")
        assert 200 == heard(line).status

        assert (408, "request-timeout") == problem_of(heard(line))


def test_who_asks_now_and_then_is_hung_up_on_when_he_has_long_asked_nothing(hasty):
    with hasty.line() as line:
        for _ in range(4):
            line.sendall(REQUEST)
            assert 200 == heard(line).status
            time.sleep(0.6)
        begun = time.monotonic()

        assert b"" == line.recv(1)
        assert time.monotonic() - begun < 10


def test_a_refused_body_that_does_not_end_ends_its_connection(hasty):
    with hasty.line() as line:
        line.sendall(HEAD + b"Content-Length: 99999999\r\n\r\n{")
        assert 413 == heard(line).status
        line.sendall(b"more of it")

        assert b"" == line.recv(4096)


def test_who_says_nothing_yet_may_take_longer(hasty):
    with hasty.line() as line, hasty.line() as other:
        other.sendall(b"\r\n")
        assert 408 == heard(other).status  # so that longer than that has passed
        line.sendall(REQUEST)

        assert 200 == heard(line).status


# What is a request, whatever else it says


def test_who_offers_another_protocol_is_answered_in_this_one(served):
    # Java's client offers HTTP/2 with the first request of each connection.
    with served.line() as line:
        for connection in (b"Upgrade, HTTP2-Settings", b"keep-alive, upgrade"):
            line.sendall(HEAD + b"Connection: " + connection + b"\r\n" + OFFER + LENGTH + b"\r\n")
            line.sendall(GOOD)
            assert 200 == heard(line).status
        line.sendall(REQUEST)

        assert heard(line).body.startswith(b'{"decision":true,')


def test_offers_of_another_protocol_may_come_at_once(served):
    found = answers(served, OFFERING * 3 + LIVE + OFFERING + LAST)

    assert [200] * 6 == [each.status for each in found]
    assert [1, 1, 1, 0, 1, 1] == [each.body.count(b'"decision":true') for each in found]


def test_a_header_with_an_underscore_is_not_taken_for_one_with_a_hyphen(served):
    said = WORLD.replace(HOST, HOST + b"X_Min_Revision: none\r\nConnection: close\r\n")

    assert 200 == served.say(said).status
    assert 400 == served.say(said.replace(b"_", b"-")).status


def test_who_offers_another_protocol_and_wants_no_more_is_hung_up_on(served):
    head = HEAD + b"Connection: close, upgrade\r\n" + OFFER + LENGTH + b"\r\n"
    (answer,) = answers(served, head + GOOD)

    assert answer.body.startswith(b'{"decision":true,')


def test_what_follows_the_last_chunk_is_no_header():
    key = b"Authorization: Bearer %s\r\n" % KEY.encode()
    slow = CHUNKED.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nExpect: 100-continue\r\n")
    with serving(WATERSHED_API_KEYS=KEY) as locked:
        for begin in (CHUNKED, slow):  # both ways
            with locked.line() as line:
                line.sendall(begin + CHUNKS[:-2] + key + b"\r\n")
                assert b"HTTP/1.1 401 " in heard_until(line, b"not-authenticated")
        assert locked.decides(key.strip())


def heard_until(line: socket.socket, word: bytes) -> bytes:
    """All that is said up to this word."""
    text = b""
    while word not in text:
        piece = line.recv(65536)
        assert piece
        text += piece
    return text


@pytest.mark.parametrize("said", [REQUEST, LIVE, WORLD, WORLD + REQUEST[:-5]])
def test_who_has_said_all_may_still_listen(served, said):
    with served.line() as line:
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)

        assert 200 == heard(line).status


@pytest.mark.parametrize("first", [REQUEST, WORLD])
def test_noise_after_a_request_takes_nothing_from_its_answer(served, first):
    answer, *rest = answers(served, first + b"noise\r\n\r\n")

    assert 200 == answer.status
    assert all(each.status == 400 for each in rest)


BROKEN = {"chunks": CHUNKED + b"zz\r\n", "host": HEAD + HOST + b"\r\n", "noise": b"noise\r\n\r\n"}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("first", [WORLD, WORLD + LIVE, LONG_POLL % 1, REQUEST * 2])
def test_what_breaks_off_is_no_answer_to_the_requests_before_it(served, first, broken):
    found = answers(served, first + broken)

    assert [200] * first.count(b"Host:") == [each.status for each in found]
    assert "close" == found[-1].headers["connection"]


def test_an_answer_may_take_longer_than_a_connection_may_idle(hasty):
    with hasty.line() as line:
        line.sendall(REQUEST + LONG_POLL % 2)
        assert heard(line).body.startswith(b'{"decision":true,')

        assert b'"entries":[]' in heard(line).body


def test_who_wants_no_more_is_refused_before_he_has_said_all_and_hears_it():
    # Python's client says `Connection: close`, and speaks to the end before it listens.
    with serving(WATERSHED_WORKERS="1", WATERSHED_API_KEYS=KEY) as locked:
        for key, status in [(KEY, 413), ("another", 401)] * 5:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            said = urllib.request.Request(f"{locked.address}/authorize", b" " * 10_000_000, headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(said, timeout=30)
            with refused.value as answer:
                assert status == answer.status


def test_who_waits_when_the_process_ends_is_told_so():
    prelude = "from service.serving.worker import Worker as w\n"
    prelude += "w.CONFIG_KWARGS['timeout_graceful_shutdown'] = 1"
    with serving(prelude=prelude, WATERSHED_WORKERS="1") as stopped:
        polling, sending, idle = (stopped.line() for _ in range(3))
        with polling, sending, idle:
            polling.sendall(LIVE + LONG_POLL % 30)
            sending.sendall(LIVE + REQUEST[:-5])
            idle.sendall(LIVE + b"POST /auth")
            for line in (polling, sending, idle):
                assert 200 == heard(line).status
            stopped.process.send_signal(signal.SIGTERM)

            assert b"" == idle.recv(4096)
            for line in (polling, sending):
                assert (503, "service-unavailable") == problem_of(heard(line))


def test_clients_cannot_fill_the_log(capfd):
    slow = HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = [OFFERING * 3, slow + b"zz\r\n", *(first + BROKEN["chunks"] for first in (WORLD, LIVE))]
    said += [*NO_REQUESTS.values(), *ENDLESS.values(), (WORLD + LIVE) * 50, REQUEST[:-1]]
    with serving(WATERSHED_WORKERS="1") as alone:
        for each in said:
            with alone.line() as line, suppress(ConnectionError, TimeoutError):
                line.settimeout(0.2)
                # Whatever is still to come is answered by a reset.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.sendall(each)
                line.recv(10)
        assert alone.decides()
    with serving(WATERSHED_WORKERS="1"):
        pass  # told to stop before it has begun

    assert "" == capfd.readouterr().err


def test_of_the_first_version_of_http_no_host_is_asked(served):
    (answer,) = answers(served, REQUEST.replace(HOST, b"").replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert 200 == answer.status


@pytest.mark.parametrize("first", [REQUEST, LIVE])
def test_nothing_is_done_after_the_last_request_of_a_connection(served, first):
    change = json.dumps({"operations": [{"op": "remove_user", "user": "nobody"}]}).encode()
    write = b"POST /changes HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    write += b"Content-Length: %d\r\n\r\n" % len(change) + change
    last = first.replace(HOST, HOST + b"Connection: close\r\n")

    (answer,) = answers(served, last + write)

    assert 200 == answer.status


# The short way


def spoken(line: socket.socket, *parts: bytes) -> Answer:
    """The answer to a request of these parts, each sent when the one before has been read."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for part in parts[:-1]:
        line.sendall(part)
        with pytest.raises(TimeoutError):  # nothing is said before the end
            line.settimeout(0.05)
            line.recv(1, socket.MSG_PEEK)
    line.settimeout(10)
    line.sendall(parts[-1])
    return heard(line)


def without_chance(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer but for its ids and the time."""
    headers = {n: v for n, v in answer.headers.items() if n not in ("date", "x-request-id")}
    return answer.status, headers, re.sub(rb'"id":"[0-9a-f]{32}"', b"", answer.body)


BODIES = {
    "allowed": GOOD,
    "denied": GOOD.replace(b"dora", b"nobody"),
    "malformed": GOOD[:-1],
    "misshapen": GOOD.replace(b'"dora"', b"5"),
    "no object": b"[]",
    "too deep": b"[" * 5000,
    "too long": b" " * 70_000 + GOOD,
}
HEADERS = {
    "plain": b"",
    "with a request id": b"X-Request-ID: mine\r\n",
    "compressed": b"Content-Encoding: gzip\r\n",
    "of a revision that was": b"X-Min-Revision: 1\r\n",
    "of no revision": b"X-Min-Revision: one\r\n",
    "of any origin": b"Origin: http://test\r\nAccept: text/html\r\nAccept: text/plain\r\n",
    "the last": b"Connection: close\r\n",
}


@pytest.mark.parametrize("path", [b"/authorize", b"/access/v1/evaluation"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_the_short_way_says_what_the_long_one_says(path, body, headers, narrow):
    head = HEAD.replace(b"/authorize", path) + headers + b"Content-Length: %d\r\n\r\n" % len(body)
    with narrow.line() as short, narrow.line() as long:
        at_once = spoken(short, head + body)
        refused = len(body) > BODY_LIMIT_BYTES or b"gzip" in headers or b"one" in headers
        # What is refused by its headers is refused before its body has come.
        in_pieces = spoken(long, head + body[:3] if refused else head, *([] if refused else [body]))

        assert without_chance(at_once) == without_chance(in_pieces)


@pytest.fixture(scope="module")
def narrow():
    """A server that takes short bodies, so that one that is too long comes in one piece."""
    with serving(
        WATERSHED_WORKERS="1", WATERSHED_BODY_LIMIT_BYTES=str(BODY_LIMIT_BYTES)
    ) as running:
        yield running


def test_answers_come_in_the_order_of_their_questions_whichever_way_they_go(served):
    batch = json.dumps({**QUESTION, "evaluations": [{}] * 300}).encode()
    many = HEAD.replace(b"/authorize", b"/access/v1/evaluations")
    many += b"Content-Length: %d\r\n\r\n" % len(batch) + batch
    kinds = [REQUEST, many, REQUEST, REQUEST, LIVE, REQUEST, LIVE, many, REQUEST]
    kinds[-1] = LAST
    found = answers(served, b"".join(kinds))

    expected = [300 if kind is many else 0 if kind is LIVE else 1 for kind in kinds]
    assert expected == [each.body.count(b'"decision":') for each in found]


KINDS = [
    REQUEST,
    LIVE,
    WORLD,
    OFFERING,
    CHUNKED + CHUNKS,
    CHUNKED + CHUNKS[:-2] + b"X-A: 1\r\n\r\n",
]
KINDS += [
    b"\r\n" + REQUEST,
    REQUEST.replace(b'"dora"', b"     5"),
    HEAD + b"X-Min-Revision: 1\r\n" + LENGTH,
]
KINDS[-1] += b"\r\n" + GOOD
ENDS = [LAST, LAST.replace(b"HTTP/1.1", b"HTTP/1.0"), *NO_REQUESTS.values()]


def test_however_a_stream_is_cut_its_requests_are_answered_as_if_each_came_alone(served):
    def but_for_its_end(answer: Answer):
        status, headers, body = without_chance(answer)
        return status, {n: v for n, v in headers.items() if n != "connection"}, body

    close = HOST + b"Connection: close\r\n"
    (*alone,) = (answers(served, kind.replace(HOST, close, 1))[0] for kind in KINDS)
    chance = random.Random(20261122)
    for _ in range(200):
        drawn, end = chance.choices(range(len(KINDS)), k=5), chance.choice(ENDS)
        said = b"".join(KINDS[number] for number in drawn) + end
        cuts = sorted(chance.sample(range(1, len(said)), chance.choice([0, 1, 3, 20])))
        pieces = [said[begin:after] for begin, after in pairwise([0, *cuts, len(said)])]
        *found, last = answers(served, *pieces)
        if len(found) < len(drawn):  # what is no request is told so only if nothing else is due
            found.append(last)
        else:
            assert (400 if end in ENDS[2:] else 200) == last.status

        expected = [but_for_its_end(alone[number]) for number in drawn]
        assert expected == [but_for_its_end(each) for each in found], (drawn, pieces)
        assert "close" == last.headers["connection"]


def test_chunks_of_one_byte_are_one_body(served):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in GOOD)
    with served.line() as line:
        line.sendall(CHUNKED + chunks + b"0\r\n\r\n")

        assert heard(line).body.startswith(b'{"decision":true,')


def test_of_very_many_requests_at_once_the_first_are_answered(served):
    found = answers(served, LIVE * 2000)

    assert 256 < len(found) < 2000
    assert all(b'{"status":"live"}' == each.body for each in found)


def unread(server) -> socket.socket:
    """A connection on which little fits before it is read."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(1)
    line.connect((server.host, server.port))
    return line


def test_who_reads_nothing_is_given_up(hasty):
    with unread(hasty) as line:
        line.sendall(MANY * 50)  # 10 MB of answers, in too few requests to be too many
        time.sleep(1)
        text = b""
        with suppress(ConnectionError):
            while piece := line.recv(65536):
                text += piece

    assert text.count(b'"decision":true') < 50_000


def test_who_reads_slowly_is_not_given_up(hasty):
    with unread(hasty) as line:
        line.sendall(MANY * 20)
        line.settimeout(10)
        text = bytearray()
        while text.count(b'"decision":true') < 20_000:
            text += line.recv(65536)


def test_who_does_not_read_keeps_nobody_waiting(served):
    with unread(served) as line:
        with suppress(TimeoutError, ConnectionError):  # waits for us, or hangs up
            while True:
                line.sendall(REQUEST * 20)

        assert served.decides()
