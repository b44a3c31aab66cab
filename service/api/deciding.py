"""Decisions over HTTP, from the headers and the body of a request to its answer.

Whoever carries bytes between a client and the service asks here: in one go where all of a request
has come (`at_once`), step by step where it comes in pieces or holds a batch.
"""

import asyncio
from time import perf_counter
from typing import Any

from service.api.asgi_messages import Headers, text_of
from service.api.batches import answer_batch, answer_one
from service.api.bodies import judge_headers, parse_object
from service.api.decisions import AUTHORIZE, EVALUATION, EVALUATIONS
from service.api.freshness import MIN_REVISION, read_revision
from service.api.guard import build_guard
from service.api.messages import JSON, Answer, id_of_request
from service.api.metrics import Metrics
from service.api.problems import problem_of
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint

FRESHNESS = MIN_REVISION.lower().encode()
SINGLE = frozenset((AUTHORIZE, EVALUATION))
"""Where one decision is asked for, by POST."""
DECIDING = SINGLE | {EVALUATIONS}
"""Where any are."""
_JSON = JSON.encode()


class Deciding:
    """Answers whoever asks for decisions; raises what `problems.py` says, where it says so."""

    def __init__(self, pdp: PolicyDecisionPoint, settings: Settings, metrics: Metrics):
        self.guard = build_guard(settings.api_keys)
        self._pdp = pdp
        self._metrics = metrics
        self._body_limit = settings.body_limit_bytes
        self._batch_limit = settings.batch_limit_items

    def at_once(self, path: str, headers: Headers, body: bytes) -> tuple[Answer, str]:
        """The answer to a request of SINGLE that has come whole and waits for nothing, and the id
        of the request. Never raises: what is wrong is answered."""
        begun = perf_counter()
        request_id = request_id_of(headers)
        try:
            self.admit(headers, len(body))
            answer = Answer(answer_one(parse_object(body), self._pdp))
        except Exception as error:
            answer = problem_of(error, request_id)
        self._metrics.answered(path, answer.status, perf_counter() - begun)
        return answer, request_id

    def admit(self, headers: Headers, length_bytes: int) -> None:
        """Pass if a body of this length, or announced length, under these headers is worth
        reading."""
        self.guard(text_of(headers, b"authorization"))
        if FRESHNESS in headers:
            read_revision(text_of(headers, FRESHNESS))
        is_plain = headers.get(b"content-type") == _JSON and b"content-encoding" not in headers
        if not is_plain or length_bytes > self._body_limit:
            encoding = text_of(headers, b"content-encoding")
            kind = text_of(headers, b"content-type")
            judge_headers(length_bytes, encoding, kind, self._body_limit)

    async def answer(self, path: str, body: bytes) -> Answer:
        """The answer to an admitted request of DECIDING; a long batch lets others in between."""
        document = parse_object(body)
        return Answer(
            await self._many(document) if path == EVALUATIONS else answer_one(document, self._pdp)
        )

    async def _many(self, document: dict[str, Any]) -> str:
        steps = answer_batch(document, self._pdp, self._batch_limit)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            await asyncio.sleep(0)


def request_id_of(headers: Headers) -> str:
    """The id by which the answer to this request is named, in logs too."""
    return id_of_request(text_of(headers, b"x-request-id"))
