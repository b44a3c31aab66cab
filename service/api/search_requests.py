"""What searches look like: AuthZEN's three, each with one entity of which only the type is given.

As everywhere, unknown members are ignored: the id of what is searched for, too, whatever it is.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields

from service.api.requests import Action, Entity, Object, entity, loaded, mapping, text
from service.policy.decision import NOTHING, AccessRequest


class Limit(fields.Field):
    """A whole number from 0, as JSON spells it; True and 1.0 are none."""

    def _deserialize(self, value: Any, *rest: Any, **more: Any) -> int:
        if type(value) is not int or value < 0:
            raise ValidationError("is not a whole number from 0")
        return value


class Page(Object):
    """Which part of the results."""

    token = text(allow_none=True, metadata={"description": "`next_token` of the page before"})
    # Drafts of AuthZEN sent it back under the name under which it came.
    next_token = text(allow_none=True, metadata={"description": "the same, as drafts spelled it"})
    limit = Limit(
        allow_none=True,
        metadata={
            "description": "most results on the page; the service may give fewer",
            "type": "integer",
            "minimum": 0,
        },
    )
    properties = mapping(metadata={"description": "of which none is known"})


class Options(Object):
    """How the results are told."""

    explain = fields.Boolean(
        truthy={True},
        falsy={False},
        allow_none=True,
        error_messages={"invalid": "is not true or false"},
        metadata={"description": "whether each result says why it is one"},
    )


class Wanted(Object):
    """What is searched for. An id counts for nothing."""

    type = text(required=True)
    properties = mapping(metadata={"description": "what each result must agree with"})


class _Search(Object):
    context = mapping(metadata={"description": "in what circumstances"})
    page = fields.Nested(Page, allow_none=True, metadata={"description": "which part"})
    options = fields.Nested(Options, allow_none=True, metadata={"description": "how told"})


class SubjectSearch(_Search):
    """Which subjects may take this action on this resource?"""

    subject = entity(Wanted, "of which type")
    action = entity(Action, "does what")
    resource = entity(Entity, "to what")


class ResourceSearch(_Search):
    """On which resources may this subject take this action?"""

    subject = entity(Entity, "who")
    action = entity(Action, "does what")
    resource = entity(Wanted, "of which type")


class ActionSearch(_Search):
    """Which actions may this subject take on this resource?

    `action.properties`, if it is there, holds parameters for all of them.
    """

    subject = entity(Entity, "who")
    resource = entity(Entity, "on what")


class Described(Wanted):
    """A resource that is not stored, as far as it is known."""

    id = text(metadata={"description": "for policies that read ids; most do not"})


class ScopeRequest(Object):
    """Where may this subject take this action on resources such as this one?

    The organization of the resource, if it is named, counts for nothing.
    """

    subject = entity(Entity, "who")
    action = entity(Action, "does what")
    resource = entity(Described, "a type, and all that is known but where it lies")
    context = mapping(metadata={"description": "in what circumstances"})


class Search(NamedTuple):
    """A search, and which part of its results is asked for."""

    request: AccessRequest
    """With nothing for the id, or the action, that is searched for."""
    limit: int | None
    token: str | None
    explain: bool

    def query(self, wanted: str) -> dict[str, Any]:
        """All that makes it another search."""
        return {"wanted": wanted, **self.request.members()}


SUBJECTS, RESOURCES, ACTIONS, SCOPE = (
    SubjectSearch(),
    ResourceSearch(),
    ActionSearch(),
    ScopeRequest(),
)


def read_search(
    schema: SubjectSearch | ResourceSearch | ActionSearch | ScopeRequest,
    document: Mapping[str, Any],
) -> Search:
    """The search that a document asks for. Raises InvalidRequest."""
    asked = loaded(schema, document)
    subject, resource = asked["subject"], asked["resource"]
    action = asked.get("action") or _parameters(document.get("action"))
    page, options = asked.get("page") or {}, asked.get("options") or {}
    request = AccessRequest(
        subject["type"],
        subject.get("id", ""),
        action.get("name", ""),
        resource["type"],
        resource.get("id", ""),
        subject.get("properties") or NOTHING,
        action.get("properties") or NOTHING,
        resource.get("properties") or NOTHING,
        asked.get("context") or NOTHING,
    )
    token = page.get("token") or page.get("next_token")
    return Search(request, page.get("limit"), token, bool(options.get("explain")))


def _parameters(action: Any) -> dict[str, Any]:
    """What a search for actions asks each of them with, if it says so.

    AuthZEN knows no such member there, so nothing in it is refused.
    """
    properties = action.get("properties") if isinstance(action, dict) else None
    return {"properties": properties} if isinstance(properties, dict) else {}
