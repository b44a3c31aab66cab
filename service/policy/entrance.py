"""The way into a compiled plan: from a request to the parts of its question.

What `question.resolve` does, as straight lines for one type of subject, one action and one type of
resource: what the policies declare of these is known by then, so nothing is looked up or gone
through that could be written down. Whatever is not as it should be goes back: by `return None`, or
by the KeyError of what is not there, which costs less to wait for than to look out for. `resolve`
says what is wrong with it. The tests hold the two together.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from service.domain.items import described
from service.domain.moment import Vocabulary
from service.domain.schema import BUILT_IN_TYPES, LIST_KINDS, PLAIN_KINDS, Attribute
from service.policy import question
from service.policy.decision import Failure
from service.policy.function_source import MOMENT
from service.policy.inlining import inlined_function

USER = "user"


class Words(NamedTuple):
    """What tells the shapes of questions apart, as requests spell it."""

    subject_type: str
    action: str
    resource_type: str


class Entrance(NamedTuple):
    """Statements that leave the parts of a question, and the values that they name."""

    lines: list[str]
    names: dict[str, Any]


RESOURCE = {
    "r1_home": f"{MOMENT}.directory.kinds['organization'].get(r1_record.organization)",
    "r1_organization": "r1_record.organization",
    "r1_attributes": "r1_record.attributes",
}
"""The variables in which the way in leaves what most rules read of a resource that need not be
stored, so that no record has to be made of one that is only described, and the organization in
which it is said to lie is looked up once."""


def is_stored(words: Words) -> bool:
    """Whether the resource must stand in the world."""
    return words.resource_type in BUILT_IN_TYPES


def entrance(words: Words, vocabulary: Vocabulary, record_wanted: bool) -> Entrance:
    """The way from `request` to r0 (the subject), r1 (the resource), r2 (the values that came with
    the action) and r3 (the context), each as its parts.

    Of a resource that need not be stored, also what RESOURCE names; its record only if wanted.
    """
    declared = vocabulary.parameters[words.resource_type, words.action]
    in_context = vocabulary.schema.context
    names: dict[str, Any] = {
        "Failure": Failure,
        "described": described,
        "other_subject": question.other_subject,
        "unfit": question.unfit,
        "unless_conflicting": question.unless_conflicting,
        "subject_type": words.subject_type,
        "resource_type": words.resource_type,
        # What is declared is the same for all questions of the shape: no line has to bind it.
        "r2_declared": declared,
        "r3_declared": in_context,
    }
    # Field by field: most plans want four of nine, and taking all apart costs twice as much.
    lines = ["r2_values = request.action_properties", "r3_values = request.context"]
    for attribute in declared.values():
        lines += _said(attribute, "r2_values", names)
        if attribute.kind not in (*PLAIN_KINDS, *LIST_KINDS):
            key = f"({_held(attribute.kind, names)}, said)"
            lines.append(f"if said is not None and {MOMENT}.directory.get({key}) is None:")
            lines.append("    return None")
    for attribute in in_context.values():
        lines += _said(attribute, "r3_values", names)
    lines += _user(names) if words.subject_type == USER else _OTHER_SUBJECT
    if is_stored(words):
        lines += _STORED
    else:
        attributes = vocabulary.attributes[words.resource_type].values()
        lines += _stored_or_described(attributes, names, record_wanted)
    return Entrance(lines, names)


def _user(names: dict[str, Any]) -> Iterator[str]:
    yield f"r0_record = {MOMENT}.directory.kinds[subject_type][request.subject_id]"
    acts_for = inlined_function(question.acts_for_of, ("r0_record", "r3_values"), "r0_acts_for")
    if acts_for is not None:
        names.update(acts_for.names)
        yield from acts_for.lines
    else:  # a service that is shipped without its source
        names["acts_for_of"] = question.acts_for_of
        yield "r0_acts_for = acts_for_of(r0_record, r3_values)"
        yield "if type(r0_acts_for) is Failure: return None"


_OTHER_SUBJECT = (
    "subject_key = (subject_type, request.subject_id)",
    f"r0_record = other_subject(subject_key, request.subject_properties, r3_values, {MOMENT})",
    "if type(r0_record) is Failure: return None",
)
_STORED = (
    f"r1_record = {MOMENT}.directory.kinds[resource_type][request.resource_id]",
    "r1_acts_for = None",  # of a user, of whom something is asked: nobody acts
)


def _stored_or_described(
    declared: Iterable[Attribute], names: dict[str, Any], record_wanted: bool
) -> Iterator[str]:
    home, organization, attributes = RESOURCE
    yield "resource_said = request.resource_properties"
    yield f"stored = {MOMENT}.directory.kinds.get(resource_type)"
    yield "r1_record = None if stored is None else stored.get(request.resource_id)"
    yield "if r1_record is None:"
    yield f"    {organization} = resource_said.get('organization')"
    yield f"    if type({organization}) is not str: return None"
    yield f"    {home} = {MOMENT}.directory.kinds['organization'][{organization}]"
    for attribute in declared:
        for line in _said(attribute, "resource_said", names):
            yield f"    {line}"
    yield f"    {attributes} = resource_said"
    if record_wanted:
        key = "(resource_type, request.resource_id)"
        yield f"    r1_record = described({key}, {organization}, {attributes})"
    yield "else:"
    yield "    if resource_said:"
    yield f"        r1_record = unless_conflicting(r1_record, resource_said, {MOMENT}, 'resource')"
    yield "        if type(r1_record) is Failure: return None"
    for name, part in RESOURCE.items():
        yield f"    {name} = {part}"


def _said(attribute: Attribute, values: str, names: dict[str, Any]) -> Iterator[str]:
    """Go back unless these values say of the attribute, in `said`, what is declared of it."""
    yield f"said = {values}.get({_held(attribute.name, names)})"
    wrong = "type(said) is not str"
    if attribute.kind in question.NOT_STRINGS:
        wrong = f"unfit({_held(attribute.kind, names)}, said)"
    absent = "said is not None and " if attribute.optional else ""
    yield f"if {absent}{wrong}: return None"


def _held(word: str, names: dict[str, Any]) -> str:
    """The name under which the statements find a word of the policies: none is spelled in them."""
    name = f"word_{len(names)}"
    names[name] = word
    return name
