"""The short way to a decision: ASGI without a framework. All other requests are handed on.

What is read, decided and answered here is what Flask reads, decides and answers; only the carrying
differs. One event loop serves every connection, so nothing here waits for one client alone: a slow
body costs a socket, and a long batch lets others in between. Lines of usage are counted here too,
because they are too many to be handed on whole.
"""

import asyncio
import re
from contextlib import suppress
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from service.api.asgi_messages import (
    AsgiApp,
    Body,
    Headers,
    Receive,
    Scope,
    Send,
    headers_of,
    say,
    text_of,
    with_body,
)
from service.api.batches import answer_batch, answer_one
from service.api.billing import USAGE
from service.api.billing_requests import parameters, read_usage_query
from service.api.bodies import judge_headers, judge_length, media_type, parse_object
from service.api.changes import CHANGES, WORLD
from service.api.decisions import AUTHORIZE, EVALUATION, EVALUATIONS
from service.api.freshness import MIN_REVISION, TasksThatWait, demand, read_revision
from service.api.guard import build_guard
from service.api.messages import NDJSON, Answer, id_of_request, spell
from service.api.metrics import Metrics
from service.api.operations import ALIVE, LIVE
from service.api.patience import BODY_SECONDS, Patience
from service.api.problems import problem_of
from service.api.usage_count import UsageCount
from service.api.writes import read_log_query
from service.config import Settings
from service.errors import InvalidRequest, NotAuthenticated, StoreError
from service.policy.pdp import PolicyDecisionPoint

LONG = 12
"""How many times longer a client may take over a list of changes or a world."""
_USAGE = re.compile("/organizations/([^/]+)/usage")


def build_door(
    pdp: PolicyDecisionPoint,
    settings: Settings,
    others: AsgiApp,
    metrics: Metrics,
    body_seconds: float = BODY_SECONDS,
) -> AsgiApp:
    """An application that decides, and hands on to `others` what it does not answer itself.

    It does all waiting: what is handed on never waits again for a client or for a revision.
    """
    guard = build_guard(settings.api_keys)
    patience, long_patience = Patience(body_seconds), Patience(body_seconds * LONG)
    waiting = TasksThatWait(pdp.facts)
    body_limit, batch_limit = settings.body_limit_bytes, settings.batch_limit_items
    large = {
        ("POST", CHANGES): settings.changes_limit_bytes,
        ("PUT", WORLD): settings.world_limit_bytes,
    }

    async def evaluate_many(document: dict[str, Any]) -> str:
        steps = answer_batch(document, pdp, batch_limit)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            await asyncio.sleep(0)

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await others(scope, receive, send)
            return
        headers = headers_of(scope)
        if _MIN_REVISION in headers and not await arrived(headers, Body(receive, patience), send):
            return
        if scope["path"] in _DECIDING and scope["method"] == "POST":
            begun = perf_counter()
            many = scope["path"] == EVALUATIONS
            status = await decide(many, headers, Body(receive, patience), send)
            metrics.answered(scope["path"], status, perf_counter() - begun)
        elif scope["path"] == LIVE and scope["method"] == "GET":
            # Here, so that a process whose threads are all busy is not taken for a dead one.
            await say(Answer(spell(ALIVE)), _request_id(headers), send)
        elif (counted := _counted(scope, headers)) is not None:
            begun, query = perf_counter(), scope["query_string"]
            status = await count(counted, query, headers, Body(receive, patience), send)
            metrics.answered(USAGE, status, perf_counter() - begun)
        elif b"content-length" in headers or b"transfer-encoding" in headers:
            await hand_on_whole(scope, headers, receive, send)
        else:
            if scope["path"] == CHANGES and b"wait=" in scope["query_string"]:
                await await_changes(scope, headers)
            await others(scope, receive, send)

    async def arrived(headers: Headers, body: Body, send: Send) -> bool:
        """Whether the facts have come to the revision that is asked for; else, an answer is sent.

        A stranger does not wait, and whoever answers him says why.
        """
        try:
            guard(text_of(headers, b"authorization"))
            wanted = read_revision(text_of(headers, _MIN_REVISION))
            if wanted is not None:
                await waiting.wait(wanted, settings.wait_seconds)
                demand(pdp.facts, wanted)
        except (NotAuthenticated, InvalidRequest):
            return True
        except StoreError as error:
            request_id = _request_id(headers)
            await say(problem_of(error, request_id), request_id, send)
            await body.let_end(body_limit)
            return False
        return True

    async def await_changes(scope: Scope, headers: Headers) -> None:
        """Wait as long as a reader of the change log wants to, if he may read it at all."""
        with suppress(NotAuthenticated, InvalidRequest, StoreError):
            guard(text_of(headers, b"authorization"))
            asked = read_log_query(MultiDict(parse_qsl(scope["query_string"].decode("latin-1"))))
            await waiting.wait(asked["after"] + 1, min(asked["wait"], settings.poll_seconds))

    async def decide(many: bool, headers: Headers, body: Body, send: Send) -> int:
        request_id = _request_id(headers)
        try:
            guard(text_of(headers, b"authorization"))
            read_revision(text_of(headers, _MIN_REVISION))
            judge_headers(
                _announced_bytes(headers),
                text_of(headers, b"content-encoding"),
                text_of(headers, b"content-type"),
                body_limit,
            )
            document = parse_object(await body.read(body_limit))
            answer = Answer(await evaluate_many(document) if many else answer_one(document, pdp))
        except Exception as error:
            answer = problem_of(error, request_id)
        await say(answer, request_id, send)
        if not body.ended:
            await body.let_end(body_limit)
        return answer.status

    async def count(
        organization: str, query: bytes, headers: Headers, body: Body, send: Send
    ) -> int:
        """Count lines of usage as they come: a year of them fits into no memory."""
        request_id = _request_id(headers)
        try:
            guard(text_of(headers, b"authorization"))
            judge_headers(
                _announced_bytes(headers),
                text_of(headers, b"content-encoding"),
                text_of(headers, b"content-type"),
                settings.usage_limit_bytes,
                (NDJSON,),
            )
            # In a thread: what it takes to begin and to end grows with what a tenant bought.
            asked = read_usage_query(parameters(query))
            counted = await asyncio.to_thread(UsageCount, pdp, organization, *asked)
            async for piece in body.pieces(settings.usage_limit_bytes):
                await asyncio.to_thread(counted.take, piece)
            answer = Answer(spell(await asyncio.to_thread(counted.end)))
        except Exception as error:
            answer = problem_of(error, request_id)
        await say(answer, request_id, send)
        if not body.ended:
            await body.let_end(body_limit)
        return answer.status

    async def hand_on_whole(scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Hand on a request when all of its body is here: threads must not wait for clients."""
        limit = large.get((scope["method"], scope["path"]), body_limit)
        body, content = Body(receive, patience if limit == body_limit else long_patience), b""
        try:
            guard(text_of(headers, b"authorization"))
            judge_length(_announced_bytes(headers) or 0, limit)
            content = await body.read(limit)
        except NotAuthenticated:
            pass  # a stranger's body is not read; who answers says so, or asks for no key
        except Exception as error:
            request_id = _request_id(headers)
            await say(problem_of(error, request_id), request_id, send)
            await body.let_end(body_limit)
            return
        await others(*with_body(content, scope, headers, receive), send)
        if not body.ended:
            await body.let_end(body_limit)

    return door


_MIN_REVISION = MIN_REVISION.lower().encode()
_DECIDING = frozenset((AUTHORIZE, EVALUATION, EVALUATIONS))


def _counted(scope: Scope, headers: Headers) -> str | None:
    """The organization whose usage this request brings line by line; None for any other request."""
    if scope["method"] != "POST" or b"content-type" not in headers:
        return None
    path = _USAGE.fullmatch(scope["path"])
    if path is None or media_type(text_of(headers, b"content-type")) != NDJSON:
        return None
    return path[1]


def _request_id(headers: Headers) -> str:
    return id_of_request(text_of(headers, b"x-request-id"))


def _announced_bytes(headers: Headers) -> int | None:
    length = headers.get(b"content-length")
    return None if length is None else int(length)  # digits, as the server has checked
