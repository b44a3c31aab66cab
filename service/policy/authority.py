"""Whether somebody may make a list of changes: each decided by the law, on the facts it meets."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from service.domain.changes import each_applied
from service.domain.directory import Directory
from service.domain.effects import Effect, effects
from service.errors import ChangeDenied
from service.policy.decision import NOTHING, UNKNOWN_ACTION, AccessRequest, Decision, Failure
from service.policy.pdp import PolicyDecisionPoint


class Author(NamedTuple):
    """On whose behalf changes are made, and in what circumstances: a subject as AuthZEN has it."""

    type: str
    id: str
    properties: Mapping[str, Any] = NOTHING
    context: Mapping[str, Any] = NOTHING


def judge_changes(
    pdp: PolicyDecisionPoint,
    author: Author,
    directory: Directory,
    changes: Sequence[Mapping[str, Any]],
) -> None:
    """Pass if each change is allowed to the author on the facts that the ones before it leave.

    INVARIANT (rights before deeds): a change is judged on the facts before it, so that nobody gives
    himself the right to what he is doing by doing it.

    Raises:
        ChangeDenied: the first that is not allowed.
        InvalidChanges: one before that cannot be made.
    """
    before = directory
    for index, after in enumerate(each_applied(directory, changes, pdp.engine.policies.schema)):
        for effect in effects(before, after, changes[index], (author.type, author.id)):
            for decision in _decisions(pdp, author, effect, before):
                if not decision:
                    raise ChangeDenied(index, str(effect), decision)
        before = after


def _decisions(
    pdp: PolicyDecisionPoint, author: Author, effect: Effect, before: Directory
) -> list[Decision]:
    """What the law says to everything that this effect demands; never empty."""
    demands = pdp.engine.policies.mandates.get((effect.kind, effect.name), ())
    if not demands or any(demand.place not in effect.places for demand in demands):
        reason = f"the policies say of nobody that he may bring about `{effect}`"
        return [pdp.refuse(Failure(UNKNOWN_ACTION, reason), pdp.moment_of(before))]
    return [_decide(pdp, author, effect, action, place, before) for action, place in demands]


def _decide(
    pdp: PolicyDecisionPoint,
    author: Author,
    effect: Effect,
    action: str,
    word: str,
    before: Directory,
) -> Decision:
    key, properties = effect.places[word]
    facts = before
    if properties is not None and key in before.records:
        facts = before.remove(key)  # judged as it would be, so what is stored must not contradict
    parameters = pdp.engine.vocabulary.parameters[key[0], action]
    said = {name: effect.values.get(name) for name in parameters}
    request = AccessRequest(
        author.type,
        author.id,
        action,
        *key,
        subject_properties=author.properties,
        action_properties={name: value for name, value in said.items() if value is not None},
        resource_properties=properties or NOTHING,
        context=author.context,
    )
    return pdp.decide(request, pdp.moment_of(facts))
