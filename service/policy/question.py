"""From a request to a question: who exactly asks, acting for whom, about what.

Everything that a request can get wrong about the facts is found here, with its own reason, before
a rule is asked. What stands in the world wins over what the request says of it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from service.domain import entries
from service.domain.entities import Entity, User
from service.domain.identifiers import Key
from service.domain.items import Given, described
from service.domain.moment import Moment
from service.domain.records import Record, ResourceRecord, UserRecord
from service.domain.schema import BUILT_IN_TYPES, LIST_KINDS, PLAIN_KINDS, Attributes
from service.policy import decision
from service.policy.decision import AccessRequest, Failure

LIST_LIMIT_ENTRIES = 5000
"""In a request: an account has at most some 1,500 sub-accounts (requirements 4.2), and a batch may
repeat its longest list for every item."""

NOT_STRINGS = frozenset((*PLAIN_KINDS, *LIST_KINDS)) - {"string"}
"""Kinds of which a value is something else than a string; all others are strings, or named by one.
"""


class Question(NamedTuple):
    """A request whose every word has found its meaning at one moment."""

    subject: Entity
    action: str
    resource: Entity
    request: Given
    context: Given


def resolve(request: AccessRequest, moment: Moment) -> Question | Failure:
    """The question that `request` asks at `moment`, or why it cannot be asked."""
    given = circumstances_of(request, moment)
    if type(given) is Failure:
        return given
    subject = subject_of(request, moment)
    if type(subject) is Failure:
        return subject
    resource = resource_of(request, moment)
    if type(resource) is Failure:
        return resource
    return Question(subject, request.action, resource, *given)


def circumstances_of(request: AccessRequest, moment: Moment) -> tuple[Given, Given] | Failure:
    """What came with the action, and the context; or why neither can be read."""
    vocabulary = moment.vocabulary
    declared = vocabulary.parameters.get((request.resource_type, request.action))
    if declared is None:
        return _unknown_action(request, moment)
    in_context = vocabulary.schema.context
    if problem := misstated(request, declared, in_context, moment):
        return problem
    return (
        vocabulary.request_class(moment, declared, request.action_properties),
        vocabulary.context_class(moment, in_context, request.context),
    )


def misstated(
    request: AccessRequest, declared: Attributes, in_context: Attributes, moment: Moment
) -> Failure | None:
    """What is wrong with the values that came with the action, or with the context."""
    values = request.action_properties
    problem = invalid(declared, values, "action.properties")
    problem = problem or _unknown(declared, values, moment)
    return problem or invalid(in_context, request.context, "context")


def _unknown_action(request: AccessRequest, moment: Moment) -> Failure:
    kind = request.resource_type
    if kind not in moment.vocabulary.schema.types:
        detail = f"the policies know no resource of type `{kind}`"
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    detail = f"`{request.action}` is no action on a resource of type `{kind}`"
    return Failure(decision.UNKNOWN_ACTION, detail)


def invalid(declared: Attributes, values: Mapping[str, Any], where: str) -> Failure | None:
    """What is wrong with values of which this is declared; None if nothing is."""
    for name, kind, optional in declared.values():
        value = values.get(name)
        if value is None:
            if not optional:
                return Failure(decision.INVALID_PROPERTIES, f"{where}.{name} is missing")
        elif type(value) is str and kind not in NOT_STRINGS:
            pass  # what is named need only be a string here
        elif reason := unfit(kind, value):
            return Failure(decision.INVALID_PROPERTIES, f"{where}.{name} {reason}")
    return None


def unfit(kind: str, value: Any) -> str | None:
    """Why a request cannot say this of an attribute of this kind, or None when it can."""
    if type(value) is list and len(value) > LIST_LIMIT_ENTRIES:
        return f"has more than {LIST_LIMIT_ENTRIES} entries"
    return entries.value_problem(kind, value)


def _unknown(parameters: Attributes, values: Mapping[str, Any], moment: Moment) -> Failure | None:
    """A parameter that names something which is not in the world; lists are left to the rules."""
    for attribute in parameters.values():
        value = values.get(attribute.name)
        if value is None or attribute.kind in (*PLAIN_KINDS, *LIST_KINDS):
            continue
        if moment.directory.get((attribute.kind, value)) is None:
            detail = f"action.properties.{attribute.name} names no {attribute.kind} of the world"
            return Failure(decision.INVALID_PROPERTIES, detail)
    return None


# Subjects


def subject_of(request: AccessRequest, moment: Moment) -> Entity | Failure:
    """The subject, acting for whom the request says; or why there is none."""
    key = (request.subject_type, request.subject_id)
    record = moment.directory.get(key)
    if type(record) is UserRecord:
        acts_for = acts_for_of(record, request.context)
        return acts_for if type(acts_for) is Failure else User(moment, record, acts_for)
    other = other_subject(key, request.subject_properties, request.context, moment)
    return (
        other if type(other) is Failure else moment.vocabulary.entity_classes[key[0]](moment, other)
    )


def other_subject(
    key: Key, said: Mapping[str, Any], context: Mapping[str, Any], moment: Moment
) -> Record | Failure:
    """A subject that is no user of the world: a partner, or of a type of the policies' own."""
    known = moment.vocabulary.schema.types.get(key[0])
    if known is None or not known.subject:
        return Failure(decision.UNKNOWN_SUBJECT, f"`{key[0]}` is no type of subject")
    record = _stored_or_described(key, said, moment, "subject")
    if type(record) is Failure:
        unknown = record.reason == decision.UNKNOWN_RESOURCE
        reason = decision.UNKNOWN_SUBJECT if unknown else record.reason
        return Failure(reason, record.detail)
    chosen = context.get("organization")
    if chosen is not None and record.organization != chosen:
        detail = f"{key[0]} `{key[1]}` belongs to another organization than context.organization"
        return Failure(decision.NOT_A_MEMBER, detail)
    return record


def acts_for_of(user: UserRecord, context: Mapping[str, Any]) -> str | Failure:
    """The organization a user acts for: the one chosen, else selected, else the only one (DC-4)."""
    chosen = context.get("organization")
    if chosen is None or chosen == user.home:
        if user.home is None:
            return _nothing_selected(user)
        return user.home
    for name, _ in user.memberships:
        if name == chosen:
            return name
    return _no_member(user)


def _no_member(user: UserRecord) -> Failure:
    detail = f"user `{user.key[1]}` is no member of context.organization"
    return Failure(decision.NOT_A_MEMBER, detail)


def _nothing_selected(user: UserRecord) -> Failure:
    detail = (
        f"user `{user.key[1]}` has {len(user.memberships)} memberships and none is selected; "
        "say which in context.organization"
    )
    return Failure(decision.NO_ORGANIZATION_SELECTED, detail)


# What the world knows, and what only the request says


def resource_of(request: AccessRequest, moment: Moment) -> Entity | Failure:
    """The resource, stored or as the request describes it; or why there is none."""
    key = (request.resource_type, request.resource_id)
    record = _stored_or_described(key, request.resource_properties, moment, "resource")
    if type(record) is Failure:
        return record
    return moment.vocabulary.entity_classes[key[0]](moment, record)


def _stored_or_described(
    key: Key, said: Mapping[str, Any], moment: Moment, what: str
) -> Record | Failure:
    record = moment.directory.get(key)
    if record is None:
        return _described(key, said, moment, what)
    return unless_conflicting(record, said, moment, what)


def _described(
    key: Key, said: Mapping[str, Any], moment: Moment, what: str
) -> ResourceRecord | Failure:
    """The record of something that is not in the world, made of what the request says of it."""
    kind, name = key
    if kind in BUILT_IN_TYPES:
        return Failure(decision.UNKNOWN_RESOURCE, f"no {kind} `{name}` in the world")
    organization = said.get("organization")
    if organization is None:
        detail = f"no {kind} `{name}` in the world, and {what}.properties.organization is missing"
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    known = moment.directory.kinds["organization"]
    if type(organization) is not str or organization not in known:
        detail = f"{what}.properties.organization names no organization of the world"
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    declared = moment.vocabulary.attributes[kind]
    if declared and (problem := invalid(declared, said, f"{what}.properties")):
        return problem
    # Undeclared members may stay: a rule can only read what is declared.
    return described(key, organization, said)


def unless_conflicting(
    record: Record, said: Mapping[str, Any], moment: Moment, what: str
) -> Record | Failure:
    """What is stored, unless the request says something else of it."""
    if not said or not isinstance(record, ResourceRecord):
        return record
    declared = moment.vocabulary.attributes[record.key[0]]
    stored = {**record.attributes, "organization": record.organization}
    for name in ("organization", *declared):
        value = said.get(name)
        # Equal in Python is not enough: 1 and True are equal, and are not the same value.
        if value is not None and (
            value != stored.get(name) or type(value) is not type(stored[name])
        ):
            detail = f"{what}.properties.{name} differs from what is stored"
            return Failure(decision.CONFLICTING_RESOURCE, detail)
    return record
