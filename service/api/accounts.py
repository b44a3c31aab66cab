"""How JSON spells explanations, and decisions on facts that are not so."""

from collections.abc import Sequence
from typing import Any

from service.api.rendering import decision_body
from service.domain.identifiers import reference, spell_moment
from service.domain.items import Organizations
from service.domain.reading import Readable
from service.explain.account import Account, Place, RuleAccount
from service.explain.evaluation import Fact
from service.explain.nearest import Nearest
from service.explain.simulation import Simulation
from service.explain.trials import Option
from service.explain.words import Speaker
from service.policy.decision import Decision
from service.policy.source import Rule


def account_body(account: Account, speaker: Speaker) -> dict[str, Any]:
    """The whole account of a decision. Of people it holds ids and nothing else."""
    body = {
        **decision_body(account.decision),
        "now": spell_moment(account.now),
        "rules": [_rule_body(each, speaker) for each in account.matched],
        "closest": [_rule_body(each, speaker) for each in account.closest],
        "facts": [_fact_body(each, speaker) for each in account.facts],
        "paths": [[_place_body(place) for place in path] for path in account.paths],
    }
    if account.acts_for is not None:
        body["acts_for"] = account.acts_for
    if account.nearest is not None:
        body["nearest_allow"] = _nearest_body(account.nearest)
    if account.hangs_on is not None:
        body["hangs_on"] = [
            {**option_body(option), "then": _verdict_body(denial)}
            for option, denial in account.hangs_on
        ]
    body["complete"] = account.complete
    return body


def rule_text(rule: Rule) -> dict[str, Any]:
    """A rule as it is written, and where."""
    return {
        "predicate": rule.predicate,
        "name": rule.name,
        "file": rule.file,
        "line": rule.line,
        "comment": rule.comment,
        "source": rule.source,
    }


def _rule_body(account: RuleAccount, speaker: Speaker) -> dict[str, Any]:
    conditions = []
    for judged in account.judged:
        condition: dict[str, Any] = {"source": judged.source}
        if judged.holds is not None:
            condition["holds"] = judged.holds
        said = speaker.sentences(judged.facts) if judged.holds else speaker.why_not(judged)
        if said:
            condition["words"] = said
        conditions.append(condition)
    return {**rule_text(account.rule), "failed": account.missing, "conditions": conditions}


def _fact_body(fact: Fact, speaker: Speaker) -> dict[str, Any]:
    body = {"words": speaker.sentence(fact), "of": _spelled(fact.owner), "read": fact.name}
    if fact.arguments:
        body["with"] = [_spelled(each) for each in fact.arguments]
    answer = speaker.spelled(fact)
    return body if answer is None else {**body, "answer": answer}


def _spelled(value: Any) -> Any:
    if isinstance(value, Organizations) or not isinstance(value, Readable | tuple):
        return repr(value) if isinstance(value, Organizations) else value
    return repr(value) if not isinstance(value, tuple) else [_spelled(each) for each in value]


def _place_body(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "level": place.level,
        "standing": place.standing,
        "acted_for": place.acted_for,
        "holds_resource": place.holds_resource,
    }


def _nearest_body(nearest: Nearest) -> dict[str, Any]:
    return {
        "sets": [
            {"gain": sum(each.gain for each in chosen), "steps": [option_body(o) for o in chosen]}
            for chosen in nearest.sets
        ],
        "searched": nearest.searched,
    }


def option_body(option: Option) -> dict[str, Any]:
    """One thing that could be otherwise: in words, and as a caller would write it."""
    body: dict[str, Any] = {"words": option.words}
    if option.change is not None:
        shown = {n: v for n, v in option.change.items() if n not in option.omitted}
        body["change"] = shown
        if option.omitted:
            body["keeps"] = list(option.omitted)
    if option.acts_for is not None:
        body["context"] = {"organization": option.acts_for}
    if option.describes is not None:
        name, value = option.describes
        body["resource_properties"] = {} if value is None else {name: value}
    if option.at is not None:
        body["now"] = spell_moment(option.at)
    return body


def _verdict_body(decision: Decision) -> dict[str, Any]:
    """A decision that was never made: no id, and no revision that it could be asked of again."""
    body = decision_body(decision)
    for member in ("id", "revision", "policy"):
        del body["context"][member]
    return body


def simulation_body(simulation: Simulation) -> dict[str, Any]:
    """Decisions after changes that nobody made, each beside the one without them."""
    return {
        "revision": simulation.revision,
        "policy": simulation.policy,
        "now": spell_moment(simulation.now),
        "differ": sum(each.differs for each in simulation.outcomes),
        "results": [_outcomes_body(each) for each in simulation.outcomes],
    }


def _outcomes_body(outcome: Any) -> dict[str, Any]:
    return {
        **_verdict_body(outcome.then),
        "differs": outcome.differs,
        "now": _verdict_body(outcome.now),
    }


def references(keys: Sequence[tuple[str, str]]) -> list[str]:
    """Keys as documents spell them."""
    return [reference(key) for key in keys]
