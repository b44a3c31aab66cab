"""Where everything is: the AuthZEN metadata document, for whoever asks and without a key."""

from urllib.parse import urlsplit

from flask import Response
from flask_smorest import Blueprint

from service.api import examples, schemas
from service.api.answers import json_answer
from service.api.decisions import EVALUATION, EVALUATIONS
from service.api.documentation import documented
from service.api.searches import SEARCHES
from service.config import Settings

WELL_KNOWN = "/.well-known/authzen-configuration"
_CACHE_SECONDS = 3600


def metadata(settings: Settings) -> Blueprint:
    """The route of the metadata: at the well-known path, with the path of the public URL behind.

    Every address is made of the configured one. What a request says of the host counts for
    nothing, or whoever asks first could send all others elsewhere.
    """
    blueprint = Blueprint("metadata", __name__, description="Where everything is.")
    base = settings.public_url or _listening_at(settings)
    endpoints = {
        "access_evaluation_endpoint": EVALUATION,
        "access_evaluations_endpoint": EVALUATIONS,
        **{f"search_{what}_endpoint": path for what, path in SEARCHES.items()},
    }
    body = {"policy_decision_point": base}
    body |= {name: f"{base}{path}" for name, path in endpoints.items()}

    @blueprint.route(WELL_KNOWN + urlsplit(base).path)
    @documented(blueprint, schemas.Metadata, examples.METADATA, needs_key=False)
    def configuration() -> Response:
        """The AuthZEN metadata

        Addresses of all AuthZEN endpoints, made of the setting `WATERSHED_PUBLIC_URL`.
        """
        return json_answer(body, headers={"Cache-Control": f"max-age={_CACHE_SECONDS}"})

    return blueprint


def _listening_at(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
