"""The Flask application: what all routes have in common, and the routes themselves."""

from flask import Flask, request
from werkzeug.exceptions import NotFound

from service.api.answers import finish
from service.api.decisions import decisions
from service.api.docs import docs
from service.api.documentation import build_openapi
from service.api.explaining import explaining
from service.api.guard import build_guard
from service.api.holdings import holdings
from service.api.operations import OPEN_ENDPOINTS, operations
from service.api.organizations import organizations
from service.api.policies import policies
from service.api.problems import register_problems
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint


def build_app(pdp: PolicyDecisionPoint, settings: Settings) -> Flask:
    """An application that answers from this decision point. It holds no state of its own."""
    app = Flask("service", static_folder=None)
    app.json.sort_keys = False
    # What is asked for under a wrong path or by a wrong method is refused, never redirected.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    guard = build_guard(settings.api_keys)

    @app.before_request
    def admit() -> None:
        if request.endpoint not in OPEN_ENDPOINTS:
            guard(request.headers.get("Authorization", ""))
        # Werkzeug takes `//world` for `/world`; whoever filters paths in front of this may not.
        if request.environ.get("PATH_INFO", "").startswith("//"):
            raise NotFound

    app.after_request(finish)
    openapi = build_openapi(app, keys_configured=bool(settings.api_keys))
    for blueprint in (
        decisions(pdp, settings),
        explaining(pdp, settings),
        organizations(pdp),
        holdings(pdp, settings),
        policies(pdp),
        operations(pdp),
        docs(openapi.spec.to_dict),
    ):
        openapi.register_blueprint(blueprint)
    register_problems(app)
    return app
