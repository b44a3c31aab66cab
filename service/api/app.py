"""The Flask application: what all routes have in common, and the routes themselves."""

from time import perf_counter

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound

from service.api.answers import finish
from service.api.billing import billing
from service.api.changes import WAITED, changes
from service.api.decisions import decisions
from service.api.docs import docs
from service.api.documentation import build_openapi
from service.api.explaining import explaining
from service.api.freshness import MIN_REVISION, ThreadsThatWait, demand, read_revision
from service.api.guard import build_guard
from service.api.holdings import holdings
from service.api.metadata import metadata
from service.api.metrics import UNKNOWN_ROUTE, Metrics
from service.api.operations import OPEN_ENDPOINTS, operations
from service.api.organizations import organizations
from service.api.pages import Pages
from service.api.policies import policies
from service.api.problems import register_problems
from service.api.searches import searches
from service.api.subscriptions import subscriptions
from service.config import Settings
from service.policy.pdp import PolicyDecisionPoint
from service.store.absent import NoStore
from service.store.protocol import Store


def build_app(
    pdp: PolicyDecisionPoint,
    settings: Settings,
    store: Store | None = None,
    metrics: Metrics | None = None,
) -> Flask:
    """An application that answers from this decision point, and writes into this store. It holds no
    state but its metrics. Without a store, whoever wants to write is told so."""
    metrics = metrics or Metrics(pdp)
    app = Flask("service", static_folder=None)
    app.json.sort_keys = False
    # What is asked for under a wrong path or by a wrong method is refused, never redirected.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    guard = build_guard(settings.api_keys)
    waiting = ThreadsThatWait(pdp.facts, settings.threads // 2)

    @app.before_request
    def admit() -> None:
        g.begun = perf_counter()
        if request.endpoint not in OPEN_ENDPOINTS:
            guard(request.headers.get("Authorization", ""))
        # Werkzeug takes `//world` for `/world`; whoever filters paths in front of this may not.
        if request.environ.get("PATH_INFO", "").startswith("//"):
            raise NotFound
        if request.endpoint not in OPEN_ENDPOINTS:
            await_revision()

    def await_revision() -> None:
        wanted = read_revision(request.headers.get(MIN_REVISION, ""))
        if wanted is not None and WAITED not in request.environ:
            waiting.wait(wanted, settings.wait_seconds)
        demand(pdp.facts, wanted)

    @app.after_request
    def note(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else UNKNOWN_ROUTE
        metrics.answered(route, response.status_code, perf_counter() - g.begun)
        return response

    app.after_request(finish)
    pages = Pages(pdp, settings.page_secret, settings.page_limit_items)
    openapi = build_openapi(app, keys_configured=bool(settings.api_keys))
    for blueprint in (
        decisions(pdp, settings),
        explaining(pdp, settings),
        organizations(pdp),
        holdings(pages),
        searches(pdp, settings, pages),
        metadata(settings),
        billing(pdp, settings),
        subscriptions(pdp, settings),
        policies(pdp),
        changes(pdp, settings, store or NoStore(), waiting),
        operations(pdp, metrics),
        docs(openapi.spec.to_dict),
    ):
        openapi.register_blueprint(blueprint)
    register_problems(app)
    return app
