"""What somebody is told of a change that is not made on his behalf: nothing of what he cannot see.

He sees what is there and what he could bring about the effect `same` on (`changes.toml`). The
answer to a change that is refused is the first of these that there is:

1. the denial of his looking at his own organization, which hangs on nobody but him;
2. "names nothing that he may see", for the first thing that the change names and that he does not
   see, whether it is there or not. A `put_…` may repeat what stands in the thing that he sees, and
   what it puts need not be there: if it is there unseen, it is judged as if it were not;
3. the denial of something it would do to what he sees. Rules that prohibit it are named only if
   another rule would allow it to him;
4. "touches what he may not see", if all that is denied lies there;
5. why the facts do not allow it (422), since the policies would. Only what he sees is named.

So two worlds that differ in nothing he may see or change give him the same answer; and a change
that would change nothing is refused to him if it names what he does not see. What can still be
learnt: that an id is taken, by whoever may create something; and, by whoever may change a thing,
whether what he repeats of it stood there.
"""

from collections.abc import Mapping
from typing import Any

from service.domain.changes import Attempt, attempt
from service.domain.effects import same
from service.domain.identifiers import Key, reference
from service.domain.records import Record, UserRecord
from service.domain.touched import SUBJECTS, key_of, named
from service.errors import ChangeDenied, InvalidChanges
from service.policy.decision import AccessRequest, Decision, Failure
from service.policy.demands import Case, Demanded
from service.policy.question import subject_of

_FOUNDATIONS = ("organization", "subscription")
"""What others stand on, so that nothing could be judged if it were thought away."""


def refusal(
    case: Case, change: Mapping[str, Any], index: int, made: Attempt
) -> ChangeDenied | InvalidChanges:
    """Why a well-spelt change is not made that cannot be made, or is not allowed."""
    if (own := _at_home(case)) is not None:
        return ChangeDenied(index, None, own)
    subject, field = key_of(change), SUBJECTS[change["op"]]
    puts, who = change["op"].startswith("put_"), reference(case.author.key)
    if (unseen := unseen_name(case, change)) is not None:
        return _unseen(case, index, f"`{unseen}` names nothing that `{who}` may see")
    old = case.before.get(subject)
    taken = puts and old is not None and not case.sees(subject)
    if taken:
        old = None
        if subject[0] not in _FOUNDATIONS:
            case = case._replace(before=case.before.remove(subject))
            made = attempt(case.before, change, index, case.pdp.engine.policies.schema)
    happens = case.effects(subject, old, made.meant)
    denied = [each for effect in happens for each in case.demands(effect) if not each.decision]
    for each in denied:
        if _may_be_told(case, each, change):
            return ChangeDenied(index, str(each.effect), case.as_told(each))
    if denied:
        return _unseen(case, index, f"it touches what `{who}` may not see")
    if taken:
        return _unseen(case, index, f"`{field}` is taken by what `{who}` may not see")
    return InvalidChanges(made.clashes)


def unseen_name(case: Case, change: Mapping[str, Any]) -> str | None:
    """The first field of a change that names something that the author does not see; None if none.

    A `put_…` may name what is not there yet, and what stands in the thing that he sees.
    """
    subject, op = key_of(change), change["op"]
    stands = _stands_in(case.before.get(subject)) if case.sees(subject) else set()
    if op.startswith("put_"):
        stands.add((SUBJECTS[op], subject))
    for place, key in named(change, case.pdp.engine.policies.schema):
        if (place, key) not in stands and not case.sees(key):
            return place
    return None


def _stands_in(record: Record) -> set[tuple[str, Key]]:
    """What whoever sees a record knows it to name: where it lies, and its attributes.

    Not where else a user works, nor with whom else a resource is shared, which no `put_…` names.
    """
    if isinstance(record, UserRecord):
        return set()
    return {(link.field, link.target) for link in record.links()}


def _at_home(case: Case) -> Decision | None:
    """The denial of looking at the author's own organization; None if he may."""
    author, moment = case.author, case.pdp.moment_of(case.before)
    asks = AccessRequest(
        author.type,
        author.id,
        action="",
        resource_type="",
        resource_id="",
        subject_properties=author.properties,
        context=author.context,
    )
    subject = subject_of(asks, moment)
    if isinstance(subject, Failure):
        return case.pdp.refuse(subject, moment)
    home = subject.organization._record
    looks = same(home.key, home)
    if (looks.kind, looks.name) not in case.pdp.engine.policies.mandates:
        return None  # a law under which nobody is told more than that he may not
    return next((each.decision for each in case.demands(looks) if not each.decision), None)


def _may_be_told(case: Case, denied: Demanded, change: Mapping[str, Any]) -> bool:
    """Whether all that a denial speaks of is described or named by the change, or seen."""
    places = denied.effect.places.values() if denied.place is None else (denied.place,)
    return all(
        place.properties is not None or place.key == key_of(change) or case.sees(place.key)
        for place in places
    )


def _unseen(case: Case, index: int, reason: str) -> ChangeDenied:
    return ChangeDenied(index, None, case.deny(reason))
