"""The three searches: which subjects, which resources, which actions.

INVARIANT (a list is its decisions): an item is in a list if and only if a decision about it would
allow. Where a region is certain, one attempt has stood for all in it; everywhere else each
candidate is decided as any request is.

Lists are in order of the tree: by the path of the organization in which an item lies, then by id.
They are generators: whoever takes the first page pays for the first page.
"""

from collections.abc import Iterator

from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.policy.decision import (
    UNKNOWN_RESOURCE,
    UNKNOWN_SUBJECT,
    AccessRequest,
    Failure,
)
from service.policy.engine import Engine
from service.policy.question import (
    Question,
    circumstances_of,
    resource_of,
    subject_of,
)
from service.search.candidates import Candidates, resources_of, subjects_of
from service.search.enumerating import Enumeration
from service.search.notes import Notes
from service.search.watched import WatchedMoment


def allowed(engine: Engine, moment: Moment, request: AccessRequest) -> bool:
    """What a single decision says."""
    return engine.settle(request, moment).verdict.allowed


def refusal(wanted: str, moment: Moment, request: AccessRequest) -> Failure | None:
    """Why every decision of a search would be refused, whatever is searched for; None if not.

    `wanted` is "subject", "resource" or "action".
    """
    schema = moment.vocabulary.schema
    if wanted != "action" and type(found := circumstances_of(request, moment)) is Failure:
        return found
    if wanted == "subject" and not _known_subject(request.subject_type, moment):
        return Failure(UNKNOWN_SUBJECT, f"`{request.subject_type}` is no type of subject")
    if wanted != "resource" and request.resource_type not in schema.types:
        detail = f"the policies know no resource of type `{request.resource_type}`"
        return Failure(UNKNOWN_RESOURCE, detail)
    entities = {"subject": resource_of, "resource": subject_of}
    for read in (entities[wanted],) if wanted in entities else (subject_of, resource_of):
        if type(found := read(request, moment)) is Failure:
            return found
    return None


def _known_subject(kind: str, moment: Moment) -> bool:
    known = moment.vocabulary.schema.types.get(kind)
    return known is not None and known.subject


def find_resources(
    engine: Engine, moment: Moment, request: AccessRequest, after: Key | None = None
) -> Iterator[Key]:
    """The stored resources of the request's type on which its subject may take its action.

    The id of the request's resource counts for nothing; its properties, if there are any, must not
    contradict what is stored. Begins behind the item `after`, which the directory must know.
    """
    kind, directory = request.resource_type, moment.directory
    schema = moment.vocabulary.schema
    if refusal("resource", moment, request):
        return iter(())

    def ask(candidates: Candidates, notes: Notes) -> Question:
        watched = WatchedMoment(notes, moment)
        given, context = circumstances_of(request, watched)
        subject = subject_of(request, watched)
        return Question(subject, request.action, candidates.stand(notes, watched), given, context)

    def decides(name: str) -> bool:
        return allowed(engine, moment, request.but(resource_id=name))

    said = {"organization", *schema.attributes_of(kind)} & request.resource_properties.keys()
    search = Enumeration(engine, directory, ask, decides, kind, None, trusting=not said)
    every = resources_of(kind, directory, moment.vocabulary.entity_classes)
    unplaced = directory.scattered_users() if kind == "user" else ()
    return search.found(every, unplaced, after)


def find_subjects(
    engine: Engine, moment: Moment, request: AccessRequest, after: Key | None = None
) -> Iterator[Key]:
    """The subjects of the request's type that may take its action on its resource.

    The id of the request's subject counts for nothing. With `context.organization`, those who act
    for that organization; without, each for the one that counts for them (DC-4).
    """
    kind, directory = request.subject_type, moment.directory
    schema = moment.vocabulary.schema
    if refusal("subject", moment, request):
        return iter(())

    def ask(candidates: Candidates, notes: Notes) -> Question:
        watched = WatchedMoment(notes, moment)
        given, context = circumstances_of(request, watched)
        resource = resource_of(request, watched)
        return Question(candidates.stand(notes, watched), request.action, resource, given, context)

    def decides(name: str) -> bool:
        return allowed(engine, moment, request.but(subject_id=name))

    said = {"organization", *schema.attributes_of(kind)} & request.subject_properties.keys()
    search = Enumeration(engine, directory, ask, decides, kind, request, trusting=not said)
    every = subjects_of(kind, request, directory, moment.vocabulary.entity_classes)
    return search.found(every, (), after)


def find_actions(engine: Engine, moment: Moment, request: AccessRequest) -> list[str]:
    """The actions, in order, that the request's subject may take on its resource.

    Each is given the request's action properties; one that lacks a parameter it needs is not
    among them, as it would be denied.
    """
    known = moment.vocabulary.schema.types.get(request.resource_type)
    actions = sorted(known.actions) if known else ()
    return [name for name in actions if allowed(engine, moment, request.but(action=name))]
