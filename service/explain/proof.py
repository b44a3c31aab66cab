"""The proof of a decision: what an independent checker needs to come to it by itself."""

import hashlib
from typing import Any

from service.domain.entities import Entity, User
from service.domain.identifiers import reference, spell_moment
from service.domain.items import Given, Organizations
from service.domain.moment import Moment
from service.domain.records import ALL
from service.errors import NoProof
from service.explain.consulted import consult
from service.explain.evaluation import Fact
from service.explain.words import Speaker
from service.policy.decision import AccessRequest, Failure, combine
from service.policy.engine import Engine
from service.policy.question import Question, resolve

_ASKED_BY_POLAR = ("element", "equal")


def prove(
    engine: Engine, request: AccessRequest, moment: Moment, world: bytes, speaker: Speaker
) -> dict[str, Any]:
    """The proof of the decision on this request, by the facts that `world` spells.

    Raises:
        NoProof: no rule was asked to the end, so that none could be shown to have decided.
    """
    question = resolve(request, moment)
    if type(question) is Failure:
        raise NoProof(question.reason)
    findings, witness = consult(engine, question)
    if findings.failure is not None:
        raise NoProof(findings.failure.reason)
    decision = combine(findings)
    names = {
        "deny": findings.denies,
        "allow": findings.allows,
        "obligation": decision.obligations,
    }
    rules = {(rule.predicate, rule.name): rule for rule in engine.policies.rules}
    return {
        "request": _request(request),
        "now": spell_moment(moment.now),
        "levels": moment.directory.levels,
        "world": hashlib.sha256(world).hexdigest(),
        "policy": engine.policies.revision,
        "decision": decision.allowed,
        "reason": decision.reason,
        "rules": [_rule(rules[kind, name]) for kind in names for name in names[kind]],
        "reads": [
            _read(fact, question, speaker)
            for fact in witness.facts
            if fact.name not in _ASKED_BY_POLAR
        ],
    }


def _request(request: AccessRequest) -> dict[str, Any]:
    return {
        "subject": {
            "type": request.subject_type,
            "id": request.subject_id,
            "properties": dict(request.subject_properties),
        },
        "action": {"name": request.action, "properties": dict(request.action_properties)},
        "resource": {
            "type": request.resource_type,
            "id": request.resource_id,
            "properties": dict(request.resource_properties),
        },
        "context": dict(request.context),
    }


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "predicate": rule.predicate,
        "name": rule.name,
        "file": rule.file,
        "line": rule.line,
        "sha256": hashlib.sha256(rule.source.encode()).hexdigest(),
    }


def _read(fact: Fact, question: Question, speaker: Speaker) -> dict[str, Any]:
    hidden = isinstance(fact.answer, str) and speaker.spelled(fact) is None
    return {
        "of": _spelled(fact.owner, question),
        "read": fact.name,
        "with": [_spelled(each, question) for each in fact.arguments],
        # A text that only customers know is checked all the same, and not told.
        "answer": {"sha256": hashlib.sha256(fact.answer.encode()).hexdigest()}
        if hidden
        else _spelled(fact.answer, question),
    }


def _spelled(value: Any, question: Question) -> Any:
    """A value as the checker spells it."""
    if isinstance(value, User) and value.acts:
        return {"is": "subject"}
    if isinstance(value, Entity):
        return {"is": reference((value.type, value.id))}
    if isinstance(value, Given):
        return {"is": "context" if value is question.context else "request"}
    if isinstance(value, Organizations):
        names = value.names
        return {"these": names if names == ALL else list(names)}
    if isinstance(value, list | tuple):
        return [_spelled(each, question) for each in value]
    return value
