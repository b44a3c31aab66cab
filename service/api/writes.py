"""What requests that write look like, checked strictly.

Unlike questions, they may hold no unknown member: an `on_behalf_of` that is misspelt and ignored
would be a write in the caller's own right.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import RAISE, Schema, fields, validate
from werkzeug.datastructures import Headers, MultiDict

from service.api.freshness import read_revision
from service.api.requests import Count, Entity, loaded, mapping, only_once
from service.errors import InvalidRequest, Problem, RequestTooLarge
from service.policy.decision import NOTHING
from service.policy.demands import Author

IDEMPOTENCY_KEY = "Idempotency-Key"
_KEY = re.compile("[!-~]{1,256}").fullmatch
_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")


class _Strict(Schema):
    error_messages = {"type": "is not an object", "unknown": "is not known here"}

    class Meta:
        unknown = RAISE


_REVISION = {
    "strict": True,
    "allow_none": True,
    "validate": validate.Range(0, 2**53, error="is not a whole number from 0"),
    "error_messages": {"invalid": "is not a whole number from 0"},
}


class ChangeList(_Strict):
    """Changes that are made whole or not at all, as one revision."""

    changes = fields.List(
        fields.Dict(error_messages={"invalid": "is not an object", "null": "is null"}),
        required=True,
        error_messages={"required": "is missing", "null": "is null", "invalid": "is not an array"},
        validate=validate.Length(min=1, error="has no entry"),
        metadata={"description": "in order; each `{op, …}` as the world document spells entries"},
    )
    expect_revision = fields.Integer(
        **_REVISION,
        metadata={"description": "refuse with 409 if the facts are at any other revision"},
    )
    on_behalf_of = fields.Nested(
        Entity,
        allow_none=True,
        metadata={"description": "whom the policies must allow each change; by default nobody"},
    )
    context = mapping(
        metadata={"description": "of `on_behalf_of`: `organization` is whom the user acts for"}
    )


class Write(NamedTuple):
    """A list of changes, and under which conditions they are made."""

    changes: list[dict[str, Any]]
    expect_revision: int | None
    author: Author | None


_CHANGE_LIST = ChangeList()


def read_change_list(document: Mapping[str, Any], limit_items: int) -> Write:
    """What a request asks to be changed. Raises InvalidRequest, RequestTooLarge."""
    changes = document.get("changes")
    if isinstance(changes, list) and len(changes) > limit_items:
        raise RequestTooLarge("the list", limit_items, "changes")
    asked = loaded(_CHANGE_LIST, document)
    subject, author = asked.get("on_behalf_of"), None
    if subject is not None:
        said, context = subject.get("properties"), asked.get("context")
        author = Author(subject["type"], subject["id"], said or NOTHING, context or NOTHING)
    elif asked.get("context") is not None:
        raise InvalidRequest([Problem("context", None, "means nothing without on_behalf_of")])
    return Write(asked["changes"], asked.get("expect_revision"), author)


def read_idempotency_key(headers: Headers) -> str | None:
    """The key under which a write may be repeated. Raises InvalidRequest."""
    key = headers.get(IDEMPOTENCY_KEY)
    if key is not None and not _KEY(key):
        reason = "is not 1 to 256 visible ASCII characters"
        raise InvalidRequest([Problem(IDEMPOTENCY_KEY, None, reason)])
    return key


def read_replacement(query: MultiDict[str, str], headers: Headers) -> int | None:
    """The revision that a new world expects to replace; None for whichever there is.

    Raises:
        InvalidRequest: a malformed or unknown parameter, or a condition that would be ignored.
    """
    for name in _CONDITIONS:
        if name in headers:
            reason = "is not understood here; say `?expect_revision=` instead"
            raise InvalidRequest([Problem(name, None, reason)])
    only_once(query)
    unknown = [name for name in query if name != "expect_revision"]
    if unknown:
        raise InvalidRequest(
            Problem(name, None, "is no parameter of this route") for name in unknown
        )
    return read_revision(query.get("expect_revision", ""), "expect_revision")


class Replacement(Schema):
    """Which world is replaced."""

    expect_revision = Count(
        metadata={"description": "refuse with 409 if the facts are at any other revision"}
    )


class LogQuery(Schema):
    """Which part of the change log to read, and how long to wait for it."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is no parameter of this route"}

    after = Count(
        load_default=0,
        error_messages={"invalid": "is not a revision, a whole number from 0"},
        metadata={"description": "only what came after this revision; 0 for all"},
    )
    limit = Count(
        validate=validate.Range(1, error="is not a whole number from 1"),
        error_messages={"invalid": "is not a whole number from 1"},
        metadata={"description": "most entries; the service may give fewer"},
    )
    wait = Count(
        load_default=0,
        error_messages={"invalid": "is not a whole number from 0"},
        metadata={
            "description": "seconds to wait for an entry if there is none yet; the service may "
            "wait for fewer"
        },
    )


_LOG_QUERY = LogQuery()


def read_log_query(query: MultiDict[str, str]) -> dict[str, Any]:
    """The parameters `after`, `wait`, and `limit` unless left out. Raises InvalidRequest."""
    only_once(query)
    return loaded(_LOG_QUERY, query.to_dict())
