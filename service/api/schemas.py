"""What problems and decisions look like, for the OpenAPI document, and words to describe the rest.

Nothing is validated or rendered by these: `rendering.py` writes what is described here, and a test
compares every answer with its description.
"""

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

from service.api.requests import Evaluation
from service.policy.decision import REASONS

Integer, Boolean, Nested, List = fields.Integer, fields.Boolean, fields.Nested, fields.List


def said(description: str, required: bool = True, **more: Any) -> dict[str, Any]:
    """Options of a field that say what it holds."""
    return {"required": required, "metadata": {"description": description}, **more}


def one_of(choices: Any, description: str, required: bool = True) -> fields.String:
    """A string that is one of these."""
    return fields.String(**said(description, required, validate=validate.OneOf(tuple(choices))))


def text(description: str, required: bool = True) -> fields.String:
    """A string."""
    return fields.String(**said(description, required))


class ProblemPlace(Schema):
    """One thing wrong, and where."""

    path = text("where in the request, such as `subject.id`")
    reason = text("what is wrong there")


class ProblemDocument(Schema):
    """Why a request was not answered (RFC 9457)."""

    type = text("`urn:watershed:problem:` and the code")
    title = text("the kind of problem, in words")
    status = Integer(**said("the HTTP status"))
    code = text("the kind of problem; permanent, for programs")
    detail = text("this problem, in words")
    problems = List(Nested(ProblemPlace), **said("each thing wrong, if there are several", False))


class Obligation(Schema):
    """What whoever lets the request through must do."""

    name = text("the rule that demands it")


class DecisionContext(Schema):
    """Why, and from which law and facts."""

    id = text("of this decision, new each time")
    reason = one_of(REASONS, "why; permanent, for programs")
    rules = List(fields.String(), **said("the names of the rules that settled it"))
    revision = Integer(**said("of the facts"))
    policy = text("revision of the policies")
    valid_until = fields.DateTime(
        **said("when the clock alone can next change this answer, if ever", False)
    )
    detail = text("why, in words, if the reason and the rules do not say all", False)
    obligations = List(Nested(Obligation), **said("only with an allow", False))


class DecisionAnswer(Schema):
    """The decision. A denial is an answer like any other."""

    decision = Boolean(**said("whether the request is allowed"))
    context = Nested(DecisionContext, **said("why"))


class ItemError(Schema):
    """Why one evaluation of several was no request."""

    status = Integer(**said("the HTTP status it would have had alone"))
    code = text("the kind of problem; permanent, for programs")
    message = text("what is wrong, in words")


class ItemContext(DecisionContext):
    """Why, and from which law and facts; or else `error` alone."""

    id = text("of this decision, new each time", False)
    reason = one_of(REASONS, "why; permanent, for programs", False)
    rules = List(fields.String(), **said("the rules that settled it", False))
    revision = Integer(**said("of the facts", False))
    policy = text("revision of the policies", False)
    error = Nested(ItemError, **said("why the item could not be evaluated", False))


class ItemAnswer(Schema):
    """One of several decisions."""

    decision = Boolean(**said("whether it is allowed; false where the item was malformed"))
    context = Nested(ItemContext, **said("why"))


class BatchAnswer(Schema):
    """One decision for each evaluation, in their order; fewer where the semantic stopped early."""

    evaluations = List(Nested(ItemAnswer), **said("in the order of the request"))


class BatchOptions(Schema):
    """How the evaluations are carried out."""

    evaluations_semantic = fields.String(
        allow_none=True,
        validate=validate.OneOf(
            ("execute_all", "deny_on_first_deny", "permit_on_first_permit", None)
        ),
        metadata={"description": "whether to stop, and at what; `execute_all` by default"},
    )


_DEFAULT = {"description": "for each evaluation that has none of its own; taken whole, not merged"}


class Batch(Schema):
    """Several evaluations, with defaults for what they have in common."""

    subject = fields.Raw(metadata=_DEFAULT)
    action = fields.Raw(metadata=_DEFAULT)
    resource = fields.Raw(metadata=_DEFAULT)
    context = fields.Raw(metadata=_DEFAULT)
    evaluations = List(
        fields.Raw(
            metadata={"description": "an evaluation request, without what the defaults supply"}
        ),
        required=True,
        validate=validate.Length(1),
    )
    options = Nested(BatchOptions, allow_none=True)

    class Meta:
        unknown = INCLUDE


class SingleInBatch(Evaluation):
    """Without `evaluations`, the same as a single evaluation, and answered like one."""

    evaluations = List(fields.Raw(), allow_none=True, validate=validate.Length(max=0))

    class Meta:
        unknown = INCLUDE
