"""What an organization owns and inherits, in pages."""

from itertools import islice

from flask import Response, request
from flask_smorest import Blueprint

from service.api import examples, fact_schemas
from service.api.answers import json_answer
from service.api.documentation import documented
from service.api.organizations import find_organization
from service.api.pages import Pages
from service.api.rendering import holding_body
from service.api.requests import Listing, read_listing
from service.config import Settings
from service.domain import inheritance
from service.policy.pdp import PolicyDecisionPoint


def holdings(pdp: PolicyDecisionPoint, settings: Settings) -> Blueprint:
    """The route that lists resources."""
    blueprint = Blueprint("resources", __name__, description="What flows down to an organization.")
    pages = Pages(settings.page_secret, settings.page_limit_items)

    @blueprint.route("/organizations/<organization>/resources")
    @documented(
        blueprint, fact_schemas.ResourceList, examples.RESOURCES, refusals=(400, 404), query=Listing
    )
    def list_resources(organization: str) -> Response:
        """What an organization inherits, owns, or both

        Complete and ordered by type and id; on the last page there is no `next_page_token`. The
        token goes with the same parameters. Facts may change from one page to the next: whatever
        stays in the list comes exactly once, and `revision` tells of which facts each page is.
        """
        asked = read_listing(request.args)
        source, kind = asked["source"], asked.get("type")
        moment = pdp.moment()
        find_organization(moment.directory, organization)
        query = {"organization": organization, "source": source, "type": kind}
        page = pages.page(query, asked.get("limit"), asked.get("page_token"))
        held = inheritance.holdings(moment, organization, source, kind, page.after)
        found = list(islice(held, page.limit + 1))
        entries = found[: page.limit]
        body = {
            "organization": organization,
            "revision": moment.directory.revision,
            "results": [holding_body(entry) for entry in entries],
        }
        if len(found) > page.limit:
            body["next_page_token"] = pages.token(query, page.limit, entries[-1].key)
        return json_answer(body)

    return blueprint
