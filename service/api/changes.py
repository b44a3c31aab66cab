"""The facts, read whole, changed and followed. The policies decide whether; the store decides when.

A write takes the same five hops as a decision: JSON becomes a `Write`, the store opens one
transaction, the policies judge each change in it, the domain applies it, the answer is a revision.
"""

from functools import partial
from http import HTTPStatus

from flask import Response, request
from flask_smorest import Blueprint
from werkzeug.http import quote_etag

from service.api import change_schemas, examples, fact_schemas
from service.api.answers import json_answer
from service.api.bodies import read_bytes, read_object
from service.api.documentation import documented
from service.api.freshness import ThreadsThatWait
from service.api.guard import caller_of
from service.api.messages import JSON
from service.api.rendering import log_body, spell_world
from service.api.writes import (
    IDEMPOTENCY_KEY,
    ChangeList,
    LogQuery,
    Replacement,
    Write,
    read_change_list,
    read_idempotency_key,
    read_log_query,
    read_replacement,
)
from service.config import Settings
from service.domain.identifiers import reference
from service.domain.world import parse_world, read_world
from service.errors import NotAuthenticated, UnknownRevision
from service.policy.authority import judge_changes
from service.policy.pdp import PolicyDecisionPoint
from service.store.protocol import Judge, LogEntry, Store, Written

CHANGES, WORLD = "/changes", "/world"
REVISION = "X-Revision"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MARK_DIGITS = 16
"""Of a mark, in an ETag: enough to tell histories apart."""
LOG_STEP_ENTRIES = 100
LOG_LIMIT_CHANGES = 20_000
WAITED = "watershed.waited"
"""In the environment of a request for which the door has done the waiting."""

_OF_THE_FACTS = {REVISION: {"description": "of the facts", "schema": {"type": "integer"}}}
_KEY_HEADER = {
    "in": "header",
    "name": IDEMPOTENCY_KEY,
    "description": "the same key and the same content make one write, however often they come",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256},
}
_REFUSALS = (400, 409, 413, 415, 422)


def changes(
    pdp: PolicyDecisionPoint, settings: Settings, store: Store, waiting: ThreadsThatWait
) -> Blueprint:
    """The routes that read and write the facts as a whole."""
    blueprint = Blueprint("facts", __name__, description="The facts: export, replace, change.")

    def caller() -> str:
        """Who writes, for the log. Raises NotAuthenticated where anybody could be writing."""
        if not settings.api_keys and settings.host not in LOOPBACK:
            raise NotAuthenticated(
                "others can reach this service, so writing needs a key; set WATERSHED_API_KEYS"
            )
        return caller_of(request.headers.get("Authorization", ""))

    def written(made: Written) -> Response:
        pdp.facts.hurry()
        return json_answer({"revision": made.revision}, headers={REVISION: str(made.revision)})

    @blueprint.route(CHANGES, methods=["POST"])
    @documented(
        blueprint,
        change_schemas.Revision,
        examples.REVISION,
        refusals=(*_REFUSALS, 403),
        body={"schema": ChangeList, "example": examples.CHANGES},
        headers=_OF_THE_FACTS,
        parameters=[_KEY_HEADER],
    )
    def post_changes() -> Response:
        """Change the facts

        Whole or not at all, as one revision. With `on_behalf_of`, the policies must allow each
        change to that subject on the facts as the changes before it have left them; what a change
        means stands in `policies/changes.toml`. Of what the subject may not see, a refusal says
        nothing, not even whether it is there.
        """
        who = caller()
        document = read_object(request, settings.changes_limit_bytes)
        write = read_change_list(document, settings.changes_limit_items)
        made = store.write(
            write.changes,
            caller=who,
            subject=write.author and reference((write.author.type, write.author.id)),
            expect_revision=write.expect_revision,
            idempotency_key=read_idempotency_key(request.headers),
            circumstances=write.author and [write.author.properties, write.author.context],
            judge=_judge(pdp, write),
        )
        return written(made)

    @blueprint.route(WORLD, methods=["PUT"])
    @documented(
        blueprint,
        change_schemas.Revision,
        examples.REVISION,
        refusals=_REFUSALS,
        body={"schema": fact_schemas.World, "example": examples.WORLD},
        query=Replacement,
        headers=_OF_THE_FACTS,
        parameters=[_KEY_HEADER],
    )
    def replace_world() -> Response:
        """Replace all facts by a world document

        Whole or not at all, as one revision. With `expect_revision`, only if nobody has changed
        anything since.
        """
        who = caller()
        expected = read_replacement(request.args, request.headers)
        body = read_bytes(request, settings.world_limit_bytes)
        policies = pdp.engine.policies
        directory = read_world(parse_world(body), policies.schema, settings.levels)
        made = store.replace(
            directory,
            caller=who,
            expect_revision=expected,
            idempotency_key=read_idempotency_key(request.headers),
        )
        return written(made)

    @blueprint.route(WORLD)
    @documented(blueprint, fact_schemas.World, headers=_OF_THE_FACTS, conditional=True)
    def export_world() -> Response:
        """All facts, as a world document

        Of the revision in the header X-Revision, in one piece; `PUT /world` takes the same.
        The `ETag` names the facts, not the bytes: who sends it as `If-None-Match` is answered 304
        for as long as nothing has been written.
        """
        directory, known = pdp.facts.snapshot(), pdp.facts.known()
        headers = {REVISION: str(directory.revision)}
        # A revision alone could come again, with other facts: from a backup that was restored.
        if known.mark and known.revision == directory.revision:
            tag = f"{known.revision}.{known.mark[:MARK_DIGITS]}"
            headers["ETag"] = quote_etag(tag, weak=True)
            if request.if_none_match.contains_weak(tag):
                unchanged = Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
                del unchanged.headers["Content-Type"]
                return unchanged
        return Response(spell_world(directory), headers=headers, content_type=JSON)

    @blueprint.route(CHANGES)
    @documented(
        blueprint,
        change_schemas.ChangeLog,
        examples.CHANGE_LOG,
        refusals=(400, 404),
        query=LogQuery,
        headers=_OF_THE_FACTS,
    )
    def list_changes() -> Response:
        """The change log

        For services that follow the facts: read on from the revision of the last entry. After an
        entry `replace_world`, read the world anew. With `wait`, an empty answer comes only when
        that many seconds have brought nothing; where too many wait already, it comes at once.
        """
        asked = read_log_query(request.args)
        after, limit = asked["after"], asked.get("limit", settings.page_limit_items)
        if asked["wait"] and WAITED not in request.environ:
            waiting.wait(after + 1, min(asked["wait"], settings.poll_seconds))
        newest = store.revision()
        if after > newest:
            raise UnknownRevision(after, newest)
        entries = _page(store, after, min(limit, settings.page_limit_items))
        return json_answer(log_body(newest, entries), headers={REVISION: str(newest)})

    return blueprint


def _page(store: Store, after: int, limit: int) -> list[LogEntry]:
    """The entries after this revision: so many at most, and fewer where they are large."""
    entries: list[LogEntry] = []
    changes = 0
    while len(entries) < limit and changes < LOG_LIMIT_CHANGES:
        more = store.log(after, min(LOG_STEP_ENTRIES, limit - len(entries)))
        if not more:
            break
        entries += more
        changes += sum(len(entry.changes) for entry in more)
        after = more[-1].revision
    return entries


def _judge(pdp: PolicyDecisionPoint, write: Write) -> Judge | None:
    """What decides the changes within the transaction; None where the caller acts for himself."""
    return None if write.author is None else partial(judge_changes, pdp, write.author)
