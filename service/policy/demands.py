"""What the law says to what a change would do: `changes.toml`, asked on behalf of somebody."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.effects import Effect, Place, effects, same
from service.domain.identifiers import Key, reference
from service.domain.records import Record
from service.policy.decision import (
    NO_GRANT,
    NOTHING,
    PROHIBITED,
    UNKNOWN_ACTION,
    AccessRequest,
    Decision,
    Failure,
)
from service.policy.pdp import PolicyDecisionPoint


class Author(NamedTuple):
    """On whose behalf changes are made, and in what circumstances: a subject as AuthZEN has it."""

    type: str
    id: str
    properties: Mapping[str, Any] = NOTHING
    context: Mapping[str, Any] = NOTHING

    @property
    def key(self) -> Key:
        return self.type, self.id


class Demanded(NamedTuple):
    """One thing that the law demands for an effect, and what it says to it."""

    effect: Effect
    decision: Decision
    place: Place | None = None
    """On what it was asked; None where the law demands nothing and so allows it to nobody."""
    request: AccessRequest | None = None


class Case(NamedTuple):
    """Somebody who would change facts, and those facts."""

    pdp: PolicyDecisionPoint
    author: Author
    before: Directory

    def sees(self, key: Key) -> bool:
        """Whether something is there, and the author may know that: what `same` demands."""
        record = self.before.get(key)
        return record is not None and all(
            demand.decision for demand in self.demands(same(key, record))
        )

    def effects(self, key: Key, old: Record | None, new: Record | None) -> list[Effect]:
        """All that happens to `key` if the author puts `new` in the place of `old`; never empty."""
        now = self.pdp.moment_of(self.before).now
        return effects(key, old, new, self.before, self.author.key, now)

    def demands(self, effect: Effect) -> Iterator[Demanded]:
        """All that the law demands for an effect, with its decisions; never nothing."""
        demands = self.pdp.engine.policies.mandates.get((effect.kind, effect.name), ())
        if not demands or any(demand.place not in effect.places for demand in demands):
            reason = f"the policies say of nobody that he may bring about `{effect}`"
            failure = Failure(UNKNOWN_ACTION, reason)
            yield Demanded(effect, self.pdp.refuse(failure, self.pdp.moment_of(self.before)))
            return
        for action, word in demands:
            place = effect.places[word]
            request, facts = self._request(effect, action, place)
            decision = self.pdp.decide(request, self.pdp.moment_of(facts))
            yield Demanded(effect, decision, place, request)

    def deny(self, reason: str) -> Decision:
        """The denial of what no rule allows, with a sentence for a person."""
        return self.pdp.refuse(Failure(NO_GRANT, reason), self.pdp.moment_of(self.before))

    def as_told(self, demand: Demanded) -> Decision:
        """The denial as it is told: with the rules that prohibit it only if another would allow it.

        What prohibits may hang on facts that only those may know to whom the deed is open.
        """
        decision, request = demand.decision, demand.request
        if request is None or decision.reason not in (NO_GRANT, PROHIBITED):
            return decision
        if decision.reason == PROHIBITED and self._open(demand):
            return decision
        where = reference((request.resource_type, request.resource_id))
        who = reference(self.author.key)
        return self.deny(f"no rule allows `{who}` to {request.action} `{where}`")

    def _open(self, demand: Demanded) -> bool:
        """Whether a rule allows what others prohibit."""
        _, facts = self._request(demand.effect, demand.request.action, demand.place)
        moment = self.pdp.moment_of(facts)
        return bool(self.pdp.engine.settle(demand.request, moment).findings.allows)

    def _request(
        self, effect: Effect, action: str, place: Place
    ) -> tuple[AccessRequest, Directory]:
        key, properties = place
        facts, author = self.before, self.author
        if properties is not None and key in facts.records:
            # Judged as it would be, so that what is stored must not contradict.
            facts = facts.remove(key)
        parameters = self.pdp.engine.vocabulary.parameters[key[0], action]
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
        return request, facts
