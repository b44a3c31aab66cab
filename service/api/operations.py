"""Whether the service lives, and whether it can decide: asked by machines that hold no key."""

from flask import Response
from flask_smorest import Blueprint

from service.api import examples, fact_schemas
from service.api.answers import json_answer
from service.api.documentation import documented
from service.api.metrics import CONTENT_TYPE, Metrics
from service.domain.directory import Directory
from service.policy.pdp import PolicyDecisionPoint

LIVE = "/health/live"
ALIVE = {"status": "live"}
OPEN_ENDPOINTS = frozenset(("operations.live", "operations.ready", "metadata.configuration"))


def operations(pdp: PolicyDecisionPoint, metrics: Metrics) -> Blueprint:
    """The routes for whoever runs the service."""
    blueprint = Blueprint("operations", __name__, description="For whoever runs the service.")

    def counts(directory: Directory) -> dict[str, int]:
        return {kind: len(named) for kind, named in sorted(directory.kinds.items())}

    @blueprint.route(LIVE)
    @documented(blueprint, fact_schemas.Alive, ALIVE, needs_key=False)
    def live() -> Response:
        """Whether the process answers

        It says nothing of the facts: whether the service decides says `/health/ready`.
        """
        return json_answer(ALIVE)

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
            "reading_seconds": round(known.reading_seconds, 3),
            "policy": pdp.engine.policies.revision,
            "counts": counts(directory),
        }
        return json_answer(body)

    @blueprint.route("/metrics")
    @documented(blueprint, {"type": "string"}, content_type=CONTENT_TYPE)
    def get_metrics() -> Response:
        """What the service has done, for Prometheus

        Counts are those of all workers of the node. Labels are names of the service and of its
        policies, never what a caller sent.
        """
        return Response(metrics.exposition(), content_type=CONTENT_TYPE)

    return blueprint
