"""The ASGI door: decisions without a framework. All other requests are handed on.

What is read, decided and answered here is what Flask reads, decides and answers; only the carrying
differs. One event loop serves every connection, so nothing here waits for one client alone: a slow
body costs a socket, and a long batch lets others in between. Lines of usage are counted here too,
because they are too many to be handed on whole.
"""

import asyncio
import re
from contextlib import suppress
from time import perf_counter
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from service.api.asgi_messages import (
    AsgiApp,
    Body,
    Headers,
    Receive,
    Scope,
    Send,
    announced_bytes,
    headers_of,
    say,
    text_of,
    with_body,
)
from service.api.billing import USAGE
from service.api.billing_requests import parameters, read_usage_query
from service.api.bodies import judge_headers, judge_length, media_type
from service.api.changes import CHANGES, WORLD
from service.api.deciding import DECIDING, FRESHNESS, Deciding, request_id_of
from service.api.freshness import TasksThatWait, demand, read_revision
from service.api.messages import NDJSON, Answer, spell
from service.api.metrics import UNKNOWN_ROUTE, Metrics
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


class Door:
    """An application that decides, and hands on to `others` what it does not answer itself.

    It does all waiting: what is handed on never waits again for a client or for a revision.
    """

    def __init__(
        self,
        pdp: PolicyDecisionPoint,
        settings: Settings,
        others: AsgiApp,
        metrics: Metrics,
        body_seconds: float = BODY_SECONDS,
    ):
        self.deciding = Deciding(pdp, settings, metrics)
        self.at_once = self.deciding.at_once
        self._guard = self.deciding.guard
        self._pdp = pdp
        self._settings = settings
        self._others = others
        self._metrics = metrics
        self._patience, self._long_patience = Patience(body_seconds), Patience(body_seconds * LONG)
        self._waiting = TasksThatWait(pdp.facts)
        self._large = {
            ("POST", CHANGES): settings.changes_limit_bytes,
            ("PUT", WORLD): settings.world_limit_bytes,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        begun, headers = perf_counter(), headers_of(scope["headers"])
        if FRESHNESS in headers:
            try:
                await self._await_revision(headers)
            except StoreError as error:
                await self._refuse(error, scope, headers, begun, send)
                await Body(receive, self._patience).let_end(self._settings.body_limit_bytes)
                return
        if scope["path"] in DECIDING and scope["method"] == "POST":
            status = await self._decide(scope["path"], headers, Body(receive, self._patience), send)
            self._metrics.answered(scope["path"], status, perf_counter() - begun)
        elif scope["path"] == LIVE and scope["method"] == "GET":
            # Here, so that a process whose threads are all busy is not taken for a dead one.
            await say(Answer(spell(ALIVE)), request_id_of(headers), send)
        elif (counted := _counted(scope, headers)) is not None:
            query = scope["query_string"]
            body = Body(receive, self._patience)
            status = await self._count(counted, query, headers, body, send)
            self._metrics.answered(USAGE, status, perf_counter() - begun)
        elif b"content-length" in headers or b"transfer-encoding" in headers:
            await self._hand_on_whole(scope, headers, begun, receive, send)
        else:
            if scope["path"] == CHANGES and b"wait=" in scope["query_string"]:
                await self._await_changes(scope, headers)
            await self._others(scope, receive, send)

    async def _await_revision(self, headers: Headers) -> None:
        """Return when the facts have come to the revision that is asked for.

        A stranger does not wait, and whoever answers him says why. Raises StoreError.
        """
        with suppress(NotAuthenticated, InvalidRequest):
            self._guard(text_of(headers, b"authorization"))
            wanted = read_revision(text_of(headers, FRESHNESS))
            if wanted is not None:
                await self._waiting.wait(wanted, self._settings.wait_seconds)
                demand(self._pdp.facts, wanted)

    async def _refuse(
        self, error: Exception, scope: Scope, headers: Headers, begun: float, send: Send
    ) -> None:
        """Say what is wrong with a request that is handed on to nobody, and count it."""
        request_id = request_id_of(headers)
        answer = problem_of(error, request_id)
        await say(answer, request_id, send)
        route = scope["path"] if scope["path"] in DECIDING else UNKNOWN_ROUTE
        self._metrics.answered(route, answer.status, perf_counter() - begun)

    async def _await_changes(self, scope: Scope, headers: Headers) -> None:
        """Wait as long as a reader of the change log wants to, if he may read it at all."""
        with suppress(NotAuthenticated, InvalidRequest, StoreError):
            self._guard(text_of(headers, b"authorization"))
            asked = read_log_query(MultiDict(parse_qsl(scope["query_string"].decode("latin-1"))))
            most = self._settings.poll_seconds
            await self._waiting.wait(asked["after"] + 1, min(asked["wait"], most))

    async def _decide(self, path: str, headers: Headers, body: Body, send: Send) -> int:
        request_id = request_id_of(headers)
        limit = self._settings.body_limit_bytes
        try:
            self.deciding.admit(headers, announced_bytes(headers) or 0)
            answer = await self.deciding.answer(path, await body.read(limit))
        except Exception as error:
            answer = problem_of(error, request_id)
        await say(answer, request_id, send)
        if not body.ended:
            await body.let_end(limit)
        return answer.status

    async def _count(
        self, organization: str, query: bytes, headers: Headers, body: Body, send: Send
    ) -> int:
        """Count lines of usage as they come: a year of them fits into no memory."""
        request_id, limit = request_id_of(headers), self._settings.usage_limit_bytes
        try:
            self._guard(text_of(headers, b"authorization"))
            judge_headers(
                announced_bytes(headers),
                text_of(headers, b"content-encoding"),
                text_of(headers, b"content-type"),
                limit,
                (NDJSON,),
            )
            # In a thread: what it takes to begin and to end grows with what a tenant bought.
            asked = read_usage_query(parameters(query))
            counted = await asyncio.to_thread(UsageCount, self._pdp, organization, *asked)
            async for piece in body.pieces(limit):
                await asyncio.to_thread(counted.take, piece)
            answer = Answer(spell(await asyncio.to_thread(counted.end)))
        except Exception as error:
            answer = problem_of(error, request_id)
        await say(answer, request_id, send)
        if not body.ended:
            await body.let_end(self._settings.body_limit_bytes)
        return answer.status

    async def _hand_on_whole(
        self, scope: Scope, headers: Headers, begun: float, receive: Receive, send: Send
    ) -> None:
        """Hand on a request when all of its body is here: threads must not wait for clients."""
        body_limit = self._settings.body_limit_bytes
        limit = self._large.get((scope["method"], scope["path"]), body_limit)
        patience = self._patience if limit == body_limit else self._long_patience
        body, content = Body(receive, patience), b""
        try:
            self._guard(text_of(headers, b"authorization"))
            judge_length(announced_bytes(headers) or 0, limit)
            content = await body.read(limit)
        except NotAuthenticated:
            pass  # a stranger's body is not read; who answers says so, or asks for no key
        except Exception as error:
            await self._refuse(error, scope, headers, begun, send)
            await body.let_end(body_limit)
            return
        await self._others(*with_body(content, scope, headers, receive), send)
        if not body.ended:
            await body.let_end(body_limit)


def _counted(scope: Scope, headers: Headers) -> str | None:
    """The organization whose usage this request brings line by line; None for any other request."""
    if scope["method"] != "POST" or b"content-type" not in headers:
        return None
    path = _USAGE.fullmatch(scope["path"])
    if path is None or media_type(text_of(headers, b"content-type")) != NDJSON:
        return None
    return path[1]
