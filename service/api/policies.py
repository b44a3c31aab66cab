"""The law in force, for whoever wants to read it."""

from collections.abc import Iterable
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from service.api import fact_schemas
from service.api.answers import json_answer
from service.api.documentation import documented
from service.errors import UnknownEntity
from service.policy.pdp import PolicyDecisionPoint
from service.policy.source import Rule

_RULE_MEMBERS = ("predicate", "name", "file", "line", "comment", "source")


def policies(pdp: PolicyDecisionPoint) -> Blueprint:
    """The routes that show what is decided from."""
    blueprint = Blueprint("in force", __name__, description="The law in force.")

    @blueprint.route("/policies")
    @documented(blueprint, fact_schemas.PolicyOverview)
    def list_policies() -> Response:
        """Every rule in force, with its file and line

        With the comment above it, which is its reason in words; and the names of all files.
        """
        law = pdp.engine.policies
        files = [*(file.name for file in law.files), *law.tables]
        body = {"revision": law.revision, "files": files, "rules": _rules(law.rules)}
        return json_answer(body)

    @blueprint.route("/policies/<name>")
    @documented(blueprint, fact_schemas.PolicyText, refusals=(404,))
    def get_policy(name: str) -> Response:
        """One file of the policies, whole

        As it was read, with the rules that stand in it.
        """
        law = pdp.engine.policies
        source = {**law.tables, **dict(law.sources)}.get(name)
        if source is None:
            raise UnknownEntity("policy file", name)
        rules = _rules(rule for rule in law.rules if rule.file == name)
        text = source.decode("utf-8")
        body = {"revision": law.revision, "name": name, "source": text, "rules": rules}
        return json_answer(body)

    return blueprint


def _rules(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    return [{member: getattr(rule, member) for member in _RULE_MEMBERS} for rule in rules]
