"""Whether the service lives, and whether it can decide: asked by machines that hold no key."""

from collections import Counter
from time import monotonic

from flask import Response
from flask_smorest import Blueprint

from service.api import examples, fact_schemas
from service.api.answers import json_answer
from service.api.documentation import documented
from service.domain.directory import Directory
from service.policy.pdp import PolicyDecisionPoint

COUNT_EVERY_SECONDS = 60.0
OPEN_ENDPOINTS = frozenset(("operations.live", "operations.ready"))


def operations(pdp: PolicyDecisionPoint) -> Blueprint:
    """The routes for whoever runs the service."""
    blueprint = Blueprint("operations", __name__, description="For whoever runs the service.")
    counted: tuple[Directory | None, float, dict[str, int]] = (None, 0.0, {})

    def counts(directory: Directory) -> dict[str, int]:
        # Counting walks the world, and probes come every few seconds while facts change all the
        # time: never twice for one directory, and never more often than this.
        nonlocal counted
        known, when, result = counted
        if known is not directory and (known is None or monotonic() - when > COUNT_EVERY_SECONDS):
            result = dict(sorted(Counter(kind for kind, _ in directory.records).items()))
            counted = (directory, monotonic(), result)
        return result

    @blueprint.route("/health/live")
    @documented(blueprint, fact_schemas.Alive, {"status": "live"}, needs_key=False)
    def live() -> Response:
        """Whether the process answers"""
        return json_answer({"status": "live"})

    @blueprint.route("/health/ready")
    @documented(blueprint, fact_schemas.Ready, examples.READY, refusals=(503,), needs_key=False)
    def ready() -> Response:
        """Whether the service decides, and from what

        503 (`facts-too-old`) as long as the database has not confirmed the facts for longer than
        is allowed; nothing is decided then.
        """
        directory, known = pdp.facts.snapshot(), pdp.facts.known()
        body = {
            "status": "ready",
            "revision": directory.revision,
            "newest": max(known.newest, directory.revision),
            "behind": max(known.newest - directory.revision, 0),
            "age_seconds": round(known.age_seconds, 3),
            "policy": pdp.engine.policies.revision,
            "counts": counts(directory),
        }
        return json_answer(body)

    return blueprint
