"""What explanations and simulations look like, for the OpenAPI document."""

from marshmallow import Schema, fields, validate

from service.api.fact_schemas import RuleText
from service.api.requests import Evaluation
from service.api.schemas import Boolean, DecisionContext, Integer, List, Nested, said, text
from service.api.suppositions import CHANGES_LIMIT


class JudgedCondition(Schema):
    """One condition of a rule."""

    source = text("as it is written")
    holds = Boolean(**said("whether it holds; absent where it could not be asked", False))
    words = text("what was read for it, or why it does not hold", False)


class JudgedRule(RuleText):
    """A rule, and how each of its conditions fared."""

    failed = Integer(**said("how many conditions do not hold or could not be asked"))
    conditions = List(Nested(JudgedCondition), **said("in the order of the rule"))


class ConsultedFact(Schema):
    """One thing that was read to decide."""

    words = text("what was found")
    of = fields.Raw(**said("of what it was read"))
    read = text("the word of the policies")
    with_ = fields.Raw(data_key="with", **said("what it was asked with", False))
    answer = fields.Raw(
        **said("the answer; absent for a text that only customers know, and for none", False)
    )


class PathPlace(Schema):
    """An organization on a path."""

    id = text("of the organization")
    level = Integer(**said("1 for a platform"))
    standing = text("whether it, or one above it, is closed")
    acted_for = Boolean(**said("whether the subject acts for it"))
    holds_resource = Boolean(**said("whether the resource lies in it"))


class Step(Schema):
    """One thing that would be otherwise: a change of the facts, of the request, or of the clock."""

    words = text("what it is")
    change = fields.Dict(**said("to be made as it stands, with what `keeps` names", False))
    keeps = List(fields.String(), **said("fields to be left as they are stored", False))
    context = fields.Dict(**said("what the request would carry", False))
    resource_properties = fields.Dict(**said("what the request would say of the resource", False))
    now = fields.DateTime(**said("when the request would be made", False))


class OpeningSet(Schema):
    """Steps which, together, would have the request allowed; each set was tried."""

    gain = Integer(**said("pairs of a subject and an organization or resource that could gain"))
    steps = List(Nested(Step), **said("all of them are needed"))


class NearestAllow(Schema):
    """The smallest sets of steps after which a denied request is allowed."""

    sets = List(Nested(OpeningSet), **said("all of one size; what gives away least comes first"))
    searched = Integer(
        **said("every set of at most so many steps of the space was tried: no smaller one opens it")
    )


class VerdictContext(DecisionContext):
    """Why, of a decision that was never made."""

    id = text("never there", False)
    revision = Integer(**said("never there", False))
    policy = text("never there", False)


class Verdict(Schema):
    """A decision that was never made."""

    decision = Boolean(**said("whether it would be allowed"))
    context = Nested(VerdictContext, **said("why"))


class Hinge(Step):
    """One step that would take the permission away."""

    then = Nested(Verdict, **said("the denial"))


class Account(Schema):
    """The whole account of a decision."""

    decision = Boolean(**said("whether the request is allowed"))
    context = Nested(DecisionContext, **said("why"))
    now = fields.DateTime(**said("the clock of the decision"))
    acts_for = text("the organization that the subject acts for", False)
    rules = List(Nested(JudgedRule), **said("every rule that matched"))
    closest = List(Nested(JudgedRule), **said("if no allow rule matched: those that nearly did"))
    facts = List(Nested(ConsultedFact), **said("what was read, in order, each once"))
    paths = List(List(Nested(PathPlace)), **said("from level 1 to the subject and the resource"))
    nearest_allow = Nested(NearestAllow, **said("of a denial", False))
    hangs_on = List(Nested(Hinge), **said("of an allow", False))
    complete = Boolean(**said("whether all that could turn it was tried; if not, more may turn it"))


class Supposition(Schema):
    """Changes that are not made, and requests to decide as if they were."""

    changes = List(fields.Dict(), allow_none=True, validate=validate.Length(max=CHANGES_LIMIT))
    requests = List(Nested(Evaluation), required=True, validate=validate.Length(1))
    now = fields.DateTime(
        allow_none=True,
        metadata={"description": "the clock of all decisions; the server's by default"},
    )


class SimulatedDecision(Verdict):
    """A decision as it would be, beside the one without the changes."""

    differs = Boolean(**said("whether the two verdicts differ"))
    now = Nested(Verdict, **said("the decision on the facts as they are"))


class Simulation(Schema):
    """Decisions after changes that were not made."""

    revision = Integer(**said("of the facts from which it began"))
    policy = text("revision of the policies")
    now = fields.DateTime(**said("the clock of all decisions"))
    differ = Integer(**said("how many verdicts differ"))
    results = List(Nested(SimulatedDecision), **said("in the order of the requests"))
