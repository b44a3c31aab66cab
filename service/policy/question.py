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


class Question(NamedTuple):
    """A request whose every word has found its meaning at one moment."""

    subject: Entity
    action: str
    resource: Entity
    request: Given
    context: Given


def resolve(request: AccessRequest, moment: Moment) -> Question | Failure:
    """The question that `request` asks at `moment`, or why it cannot be asked."""
    vocabulary = moment.vocabulary
    parameters = vocabulary.parameters.get((request.resource_type, request.action))
    if parameters is None:
        return _unknown_action(request, moment)
    given, context = vocabulary.no_request, vocabulary.no_context
    if parameters:
        problem = _invalid(parameters, request.action_properties, "action.properties")
        problem = problem or _unknown(parameters, request.action_properties, moment)
        if problem is not None:
            return problem
        given = vocabulary.request_class(moment, parameters, request.action_properties)
    if declared := vocabulary.schema.context:
        if problem := _invalid(declared, request.context, "context"):
            return problem
        context = vocabulary.context_class(moment, declared, request.context)
    subject = _subject(request, moment)
    if type(subject) is Failure:
        return subject
    key = (request.resource_type, request.resource_id)
    resource = _described_or_stored(key, request.resource_properties, moment, "resource")
    if type(resource) is Failure:
        return resource
    return Question(subject, request.action, resource, given, context)


def _unknown_action(request: AccessRequest, moment: Moment) -> Failure:
    kind = request.resource_type
    if kind not in moment.vocabulary.schema.types:
        detail = f"the policies know no resource of type `{kind}`"
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    detail = f"`{request.action}` is no action on a resource of type `{kind}`"
    return Failure(decision.UNKNOWN_ACTION, detail)


def _invalid(declared: Attributes, values: Mapping[str, Any], where: str) -> Failure | None:
    for attribute in declared.values():
        value = values.get(attribute.name)
        if value is None:
            if not attribute.optional:
                detail = f"{where}.{attribute.name} is missing"
                return Failure(decision.INVALID_PROPERTIES, detail)
        elif reason := _list_problem(value) or entries.value_problem(attribute, value):
            return Failure(decision.INVALID_PROPERTIES, f"{where}.{attribute.name} {reason}")
    return None


def _list_problem(value: Any) -> str | None:
    if type(value) is list and len(value) > LIST_LIMIT_ENTRIES:
        return f"has more than {LIST_LIMIT_ENTRIES} entries"
    return None


def _unknown(parameters: Attributes, values: Mapping[str, Any], moment: Moment) -> Failure | None:
    """A parameter that names something which is not in the world; lists are left to the rules."""
    for attribute in parameters.values():
        value = values.get(attribute.name)
        if value is None or attribute.kind in (*PLAIN_KINDS, *LIST_KINDS):
            continue
        if (attribute.kind, value) not in moment.directory.records:
            detail = f"action.properties.{attribute.name} names no {attribute.kind} of the world"
            return Failure(decision.INVALID_PROPERTIES, detail)
    return None


# Subjects


def _subject(request: AccessRequest, moment: Moment) -> Entity | Failure:
    key = (request.subject_type, request.subject_id)
    record = moment.directory.records.get(key)
    if type(record) is UserRecord:
        acts_for = _acts_for(record, request.context)
        return acts_for if type(acts_for) is Failure else User(moment, record, acts_for)
    known = moment.vocabulary.schema.types.get(key[0])
    if known is None or not known.subject:
        return Failure(decision.UNKNOWN_SUBJECT, f"`{key[0]}` is no type of subject")
    subject = _described_or_stored(key, request.subject_properties, moment, "subject")
    if isinstance(subject, Failure):
        unknown = subject.reason == decision.UNKNOWN_RESOURCE
        reason = decision.UNKNOWN_SUBJECT if unknown else subject.reason
        return Failure(reason, subject.detail)
    chosen = request.context.get("organization")
    if chosen is not None and subject.organization.id != chosen:
        detail = f"{key[0]} `{key[1]}` belongs to another organization than context.organization"
        return Failure(decision.NOT_A_MEMBER, detail)
    return subject


def _acts_for(user: UserRecord, context: Mapping[str, Any]) -> str | Failure:
    """The organization a user acts for: the one chosen, else selected, else the only one (DC-4)."""
    memberships = user.memberships
    chosen = context.get("organization")
    if chosen is not None:
        for name, _ in memberships:
            if name == chosen:
                return name
        detail = f"user `{user.key[1]}` is no member of context.organization"
        return Failure(decision.NOT_A_MEMBER, detail)
    if user.selected is not None:
        return user.selected
    if len(memberships) == 1:
        return memberships[0][0]
    detail = (
        f"user `{user.key[1]}` has {len(memberships)} memberships and none is selected; "
        "say which in context.organization"
    )
    return Failure(decision.NO_ORGANIZATION_SELECTED, detail)


# Resources


def _described_or_stored(
    key: Key, properties: Mapping[str, Any], moment: Moment, what: str
) -> Entity | Failure:
    record = moment.directory.records.get(key)
    if record is not None:
        if properties:
            conflict = _conflict(record, properties, moment, what)
            if conflict is not None:
                return conflict
        return moment.vocabulary.entity_classes[key[0]](moment, record)
    if key[0] in BUILT_IN_TYPES:
        reason = decision.UNKNOWN_RESOURCE
        return Failure(reason, f"no {key[0]} `{key[1]}` in the world")
    organization = properties.get("organization")
    if organization is None:
        detail = (
            f"no {key[0]} `{key[1]}` in the world, and {what}.properties.organization is missing"
        )
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    known = moment.directory.tree.organizations
    if not isinstance(organization, str) or organization not in known:
        detail = f"{what}.properties.organization names no organization of the world"
        return Failure(decision.UNKNOWN_RESOURCE, detail)
    declared = moment.vocabulary.attributes[key[0]]
    if declared and (problem := _invalid(declared, properties, f"{what}.properties")):
        return problem
    # Undeclared members may stay: a rule can only read what is declared.
    record = described(key, organization, properties)
    return moment.vocabulary.entity_classes[key[0]](moment, record)


def _conflict(
    record: Record, properties: Mapping[str, Any], moment: Moment, what: str
) -> Failure | None:
    if not isinstance(record, ResourceRecord):
        return None
    declared = moment.vocabulary.attributes[record.key[0]]
    stored = {**record.attributes, "organization": record.organization}
    for name in ("organization", *declared):
        said = properties.get(name)
        # Equal in Python is not enough: 1 and True are equal, and are not the same value.
        if said is not None and (said != stored.get(name) or type(said) is not type(stored[name])):
            detail = f"{what}.properties.{name} differs from what is stored"
            return Failure(decision.CONFLICTING_RESOURCE, detail)
    return None
