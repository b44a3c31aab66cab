"""What requests look like: AuthZEN's information model and our own queries, checked strictly.

Strings are strings and nothing is coerced. Unknown members are ignored, since a later version may
add some; a member that is null counts as absent. Every problem is listed with its path.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate
from werkzeug.datastructures import MultiDict

from service.domain.inheritance import INHERITED, SOURCES
from service.errors import InvalidRequest, Problem
from service.policy.decision import NOTHING, AccessRequest

_MISSING = {"required": "is missing", "null": "is null"}


def text(**options: Any) -> fields.String:
    """A string and nothing else."""
    messages = {**_MISSING, "invalid": "is not a string"}
    return fields.String(error_messages=messages, **options)


def mapping(**options: Any) -> fields.Dict:
    """An object of any members; null is as if it were not there."""
    messages = {"invalid": "is not an object"}
    return fields.Dict(allow_none=True, error_messages=messages, **options)


def entity(schema: type[Schema], description: str) -> fields.Nested:
    """A member that must be there, of this shape."""
    metadata = {"description": description}
    return fields.Nested(schema, required=True, error_messages=_MISSING, metadata=metadata)


class Object(Schema):
    """An object of which unknown members are ignored."""

    error_messages = {"type": "is not an object"}

    class Meta:
        unknown = EXCLUDE


class Entity(Object):
    """A subject or a resource: whom or what the request is about."""

    type = text(required=True)
    id = text(required=True, metadata={"description": "unique within its type"})
    properties = mapping(metadata={"description": "what is said of it beyond that"})


class Action(Object):
    """What the subject wants to do."""

    name = text(required=True)
    properties = mapping(metadata={"description": "the parameters of the action"})


class Evaluation(Object):
    """May this subject take this action on this resource?"""

    subject = entity(Entity, "who")
    action = entity(Action, "does what")
    resource = entity(Entity, "to what")
    context = mapping(
        metadata={"description": "in what circumstances; `organization` is whom the user acts for"}
    )


_EVALUATION = Evaluation()
_MAPPING = (dict, type(None))
"""What `mapping` takes."""


def read_evaluation(document: dict[str, Any]) -> AccessRequest:
    """The question that an evaluation request asks. Raises InvalidRequest."""
    return read_well_formed(document) or read_validated(document)


def read_well_formed(document: dict[str, Any]) -> AccessRequest | None:
    """The question of a request in which all is as it should be; None for any other.

    The short path of nearly all requests. It refuses nothing: `read_validated` knows why.
    """
    try:
        subject, action, resource = document["subject"], document["action"], document["resource"]
        subject_type, subject_id, name = subject["type"], subject["id"], action["name"]
        resource_type, resource_id = resource["type"], resource["id"]
        of_subject, of_action = subject.get("properties"), action.get("properties")
        of_resource, context = resource.get("properties"), document.get("context")
    except (KeyError, TypeError):  # something is missing, or is no object
        return None
    if not (
        type(subject_type) is type(subject_id) is type(name) is str
        and type(resource_type) is type(resource_id) is str
        and type(of_subject) in _MAPPING
        and type(of_action) in _MAPPING
        and type(of_resource) in _MAPPING
        and type(context) in _MAPPING
    ):
        return None
    return AccessRequest(
        subject_type,
        subject_id,
        name,
        resource_type,
        resource_id,
        of_subject or NOTHING,
        of_action or NOTHING,
        of_resource or NOTHING,
        context or NOTHING,
    )


def read_validated(document: Mapping[str, Any]) -> AccessRequest:
    """The question of any request, checked by marshmallow. Raises InvalidRequest."""
    asked = loaded(_EVALUATION, document)
    subject, action, resource = asked["subject"], asked["action"], asked["resource"]
    return AccessRequest(
        subject["type"],
        subject["id"],
        action["name"],
        resource["type"],
        resource["id"],
        subject.get("properties") or NOTHING,
        action.get("properties") or NOTHING,
        resource.get("properties") or NOTHING,
        asked.get("context") or NOTHING,
    )


class Count(fields.Integer):
    """A whole number as a query spells it; Python would also read `1_000` and other digits."""

    def _deserialize(self, value: Any, *rest: Any, **more: Any) -> int:
        if not re.fullmatch("[0-9]{1,9}", value):
            raise self.make_error("invalid")
        return int(value)


class Listing(Schema):
    """Which resources to list, and which part of the list."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is no parameter of this route"}

    type = text(metadata={"description": "only resources of this type"})
    source = fields.String(
        validate=validate.OneOf(SOURCES, error=f"is not one of {', '.join(SOURCES)}"),
        load_default=INHERITED,
        metadata={"description": "what is shared with the organization, what it owns, or both"},
    )
    limit = Count(
        validate=validate.Range(1, error="is not a whole number from 1"),
        error_messages={"invalid": "is not a whole number from 1"},
        metadata={"description": "most entries on the page; the service may give fewer"},
    )
    page_token = text(metadata={"description": "`next_page_token` of the page before"})


_LISTING = Listing()


def read_listing(query: MultiDict[str, str]) -> dict[str, Any]:
    """The parameters of a listing, without those that were left out.

    Raises:
        InvalidRequest: an unknown parameter, which would otherwise widen the answer unseen; one
            that is given twice; one that is malformed.
    """
    only_once(query)
    return loaded(_LISTING, query.to_dict())


def only_once(query: MultiDict[str, str]) -> None:
    """Pass if no parameter is given twice. Raises InvalidRequest."""
    twice = [name for name, values in query.lists() if len(values) > 1]
    if twice:
        raise InvalidRequest(Problem(name, None, "is given twice") for name in twice)


def loaded(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the document says, by this schema. Raises InvalidRequest."""
    try:
        return schema.load(document)
    except ValidationError as error:
        raise InvalidRequest(_problems(error.messages)) from None


def _problems(messages: Mapping[str, Any], above: str = "") -> Iterator[Problem]:
    for name, inner in messages.items():
        # marshmallow files what is wrong with an object as a whole under this name.
        path = above if name == "_schema" else f"{above}.{name}".removeprefix(".")
        if isinstance(inner, Mapping):
            yield from _problems(inner, path)
        else:
            yield from (Problem(path, None, reason) for reason in inner)
