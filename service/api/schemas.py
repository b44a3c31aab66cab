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


class ResultsPage(Schema):
    """Which part of the results this is."""

    next_token = text("for the next page; empty on the last")
    count = Integer(**said("how many results this page has"))


class SearchContext(Schema):
    """From which law and facts, and why there can be no results if that is so."""

    revision = Integer(**said("of the facts; the same on all pages"))
    policy = text("revision of the policies; the same on all pages")
    reason = one_of(REASONS, "why every decision would be refused", False)
    detail = text("the same in words", False)


class Paths(Schema):
    """Ids of organizations from level 1 down."""

    subject = List(fields.String(), **said("to the one that the subject acts for", False))
    resource = List(fields.String(), **said("to the one in which the resource lies", False))


class ResultContext(Schema):
    """Why it is a result; with `options.explain` only."""

    reason = one_of(REASONS, "always `granted`")
    rules = List(fields.String(), **said("the names of the rules that allow it"))
    obligations = List(Nested(Obligation), **said("what an allow demands", False))
    paths = Nested(Paths, **said("where both lie"))
    share = fields.Dict(**said("the share by which the resource comes down, if one does", False))
    valid_until = fields.DateTime(**said("when the last such share ends", False))


_WHY = said("why it is a result, if `options.explain` asks for it", False)


class FoundEntity(Schema):
    """A subject or a resource."""

    type = text("the type that was searched for")
    id = text("unique within its type")
    context = Nested(ResultContext, **_WHY)


class FoundAction(Schema):
    """An action."""

    name = text("as evaluations spell it")
    context = Nested(ResultContext, **_WHY)


class _Results(Schema):
    page = Nested(ResultsPage, **said("which part"))
    context = Nested(SearchContext, **said("from what"))


class SubjectResults(_Results):
    """Every subject that a decision would allow, page by page."""

    results = List(Nested(FoundEntity), **said("in order of the tree, then of the id"))


class ResourceResults(_Results):
    """Every resource that a decision would allow, page by page."""

    results = List(Nested(FoundEntity), **said("in order of the tree, then of the id"))


class ActionResults(_Results):
    """Every action that a decision would allow."""

    results = List(Nested(FoundAction), **said("in order of the name"))


class ScopeSubtree(Schema):
    """An organization and everything below it, but for some."""

    within = text("its id; without it, all organizations are meant", False)
    path = List(fields.String(), **said("its ids from level 1 down to itself", False))
    levels = List(Integer(), **said("only at these levels; else at all", False))
    without = List(fields.String(), **said("not in the subtrees of these", False))


class ScopeParts(Schema):
    """The union of these."""

    subtrees = List(Nested(ScopeSubtree), **said("parts of the tree"))
    organizations = List(fields.String(), **said("single ones besides", False))


class Assumptions(Schema):
    """What the answer hung on of what the request says of the resource."""

    properties = fields.Dict(**said("what it says"))
    absent = List(fields.String(), **said("what it does not say"))


class ScopeAnswer(Schema):
    """Where in the tree the action is allowed: there, and nowhere else."""

    scope = Nested(ScopeParts, **said("where"))
    assumes = Nested(Assumptions, **said("for which resources this holds"))
    context = Nested(SearchContext, **said("from what"))


class Metadata(Schema):
    """Where the AuthZEN endpoints are."""

    policy_decision_point = text("the public URL of the service")
    access_evaluation_endpoint = text("one decision")
    access_evaluations_endpoint = text("many")
    search_subject_endpoint = text("who can")
    search_resource_endpoint = text("what can")
    search_action_endpoint = text("which actions")
