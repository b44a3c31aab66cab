"""What answers about money, reports and subscriptions look like, for the OpenAPI document."""

from marshmallow import Schema, fields

from service.api.schemas import (
    Boolean,
    DecisionAnswer,
    Integer,
    List,
    Nested,
    Obligation,
    one_of,
    said,
    text,
)
from service.domain.records import SUBSCRIPTION_TYPES

_AMOUNT = {"required": True, "metadata": {"description": "decimal digits", "example": "40.00"}}
_INSTANT = "an instant, in UTC"


def _duties() -> List:
    return List(Nested(Obligation), **said("what the caller owes for the named subject", False))


class PeriodAnswer(Schema):
    """Time, its end not included."""

    from_ = fields.DateTime(data_key="from", **said(_INSTANT, False))
    until = fields.DateTime(**said(_INSTANT, False))


class InvoiceLine(Schema):
    """One line of an invoice."""

    item = text("`user`, or a type of resource that is paid for")
    organization = text("where the items lie; none for people, who are counted once in all", False)
    quantity = Integer(**said("how many"))
    price = fields.String(**_AMOUNT)
    amount = fields.String(**_AMOUNT)


class PaidUser(Schema):
    """Somebody who is paid for."""

    id = text("of the user")
    organizations = List(fields.String(), **said("where, with a role that is not free"))


class Invoice(Schema):
    """The invoice of one account and one period."""

    account = text("whose, and to whom it is addressed")
    name = text("of the account")
    period = Nested(PeriodAnswer, **said("as it was asked for"))
    lines = List(Nested(InvoiceLine), **said("people first, then items by organization"))
    total = fields.String(**_AMOUNT)
    paid_users = List(Nested(PaidUser), **said("everybody counted, in order of their id"))
    free_users = List(fields.String(), **said("members who cost nothing"))
    revision = Integer(**said("of the facts"))
    obligations = _duties()


class Report(Schema):
    """Which organizations' rows a report holds."""

    organization = text("whose report")
    account = text("in which all of them lie; none for a platform's own level", False)
    organizations = List(fields.String(), **said("exactly these, each for itself"))
    revision = Integer(**said("of the facts"))
    obligations = _duties()


class SubscriptionEntry(Schema):
    """A subscription."""

    id = text("of the subscription")
    status = one_of(("active", "ended", "not-begun"), "now")
    primary = Boolean(**said("whether it is the oldest active one"))
    type = one_of(SUBSCRIPTION_TYPES, "how seats are counted")
    starts = fields.DateTime(**said(_INSTANT))
    ends = fields.DateTime(**said("an instant, in UTC; not included"))
    plan = text("such as Flex", False)
    telephony = text("its telephony option", False)
    product = text("what it is for", False)
    department = text("who pays inside", False)
    hybrid = Boolean(**said("whether it belongs to a hybrid environment", False))
    entitlements = fields.Dict(values=Integer(), **said("by type of usage"))
    mapped = Integer(**said("how many users are mapped to it"))


class SubscriptionList(Schema):
    """What an account has bought, the oldest first."""

    organization = text("the account")
    revision = Integer(**said("of the facts"))
    at = fields.DateTime(**said("the clock of the answer"))
    primary = text("the oldest active subscription; none if none is active", False)
    type = one_of(SUBSCRIPTION_TYPES, "of the active ones", False)
    entitlements = fields.Dict(values=Integer(), **said("of all active ones together"))
    responsible = fields.Dict(
        values=fields.String(), **said("by type of usage, which one answers for it", False)
    )
    subscriptions = List(Nested(SubscriptionEntry), **said("ended ones too"))
    obligations = _duties()


class UsagePart(Schema):
    """What falls to one subscription."""

    id = text("of the subscription; none for usage that none covers", False)
    used = Integer(**said("its own peak, people or quantity"))
    overage = Integer(**said("charged to it"))


class UsageOfType(Schema):
    """The usage of one type in one stretch."""

    type = text("of usage")
    used = Integer(**said("of the whole tenant: peak, different people, or quantity"))
    entitled = Integer(**said("of all active subscriptions together"))
    overage = Integer(**said("what exceeds that"))
    charged_to = text("the subscription that is charged for overage", False)
    peak_at = fields.DateTime(**said("when first most were logged in at once", False))
    subscriptions = List(Nested(UsagePart), **said("how it is split"))


class UsageStretch(Schema):
    """Time in which the same subscriptions were active."""

    from_ = fields.DateTime(data_key="from", **said(_INSTANT, False))
    until = fields.DateTime(**said("an instant, in UTC; not included", False))
    primary = text("the primary subscription then", False)
    type = one_of(SUBSCRIPTION_TYPES, "how seats were counted", False)
    usage = List(Nested(UsageOfType), **said("by type"))


class RefusedRecord(Schema):
    """A record that was not counted."""

    line = Integer(**said("its line, or its place in `records`, from 1"))
    path = text("the member that is wrong; empty for the whole record")
    reason = text("what is wrong with it")


class UsageAnswer(Schema):
    """What usage records come to."""

    organization = text("the account")
    revision = Integer(**said("of the facts"))
    accepted = Integer(**said("records that were counted"))
    refused = Integer(**said("records that were not, because they are wrong"))
    outside = Integer(**said("records that lie outside the period"))
    problems = List(Nested(RefusedRecord), **said("the first hundred of those refused"))
    stretches = List(Nested(UsageStretch), **said("in which something was used, in order"))
    obligations = _duties()


class AccessChange(Schema):
    """One person's access begins or ends."""

    at = fields.DateTime(**said(_INSTANT))
    user = text("of whom")
    access = one_of(("begins", "ends"), "what happens")
    because = List(fields.String(), **said("the subscriptions that begin or have ended"))


class AccessState(Schema):
    """How things stand after the changes of one instant."""

    at = fields.DateTime(**said(_INSTANT))
    without_access = List(fields.String(), **said("everybody who then has none"))
    can_map = List(fields.String(), **said("who inside can then map users to subscriptions"))
    locked_out = Boolean(**said("people are without access, and nobody inside can map them"))
    rescue = List(fields.String(), **said("who outside can, as `type:id`", False))


class CoverageAnswer(Schema):
    """What time alone does to the access of an account's people."""

    organization = text("the account")
    revision = Integer(**said("of the facts"))
    at = fields.DateTime(**said("the clock of the answer"))
    subscription_required = Boolean(**said("whether access needs a subscription here at all"))
    people = Integer(**said("how many were asked about"))
    changes = List(Nested(AccessChange), **said("in order of time"))
    states = List(Nested(AccessState), **said("now, and after each change"))
    obligations = _duties()


class RuleSaid(Schema):
    """A rule that settled the decision."""

    rule = text("its name")
    says = text("its sentence in the policies")


class BoundValue(Schema):
    """What further subscriptions must have."""

    name = text("type or telephony")
    value = text("the only one that fits")
    by = List(fields.String(), **said("the subscriptions that demand it"))
    until = fields.DateTime(**said("when the last of them ends; none: ended ones bind too", False))


class AdditionAnswer(DecisionAnswer):
    """The decision on adding a subscription."""

    reasons = List(Nested(RuleSaid), **said("the rules of the decision, in words"))
    bound = List(Nested(BoundValue), **said("what earlier subscriptions demand"))
    instead = fields.Dict(**said("the nearest subscription that could be added", False))
