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
from service.domain import inheritance


def holdings(pages: Pages) -> Blueprint:
    """The route that lists resources."""
    blueprint = Blueprint("resources", __name__, description="What flows down to an organization.")

    @blueprint.route("/organizations/<organization>/resources")
    @documented(
        blueprint,
        fact_schemas.ResourceList,
        examples.RESOURCES,
        refusals=(400, 404, 410),
        query=Listing,
    )
    def list_resources(organization: str) -> Response:
        """What an organization inherits, owns, or both

        Complete and ordered by type and id; on the last page there is no `next_page_token`. The
        token goes with the same parameters. All pages are of the revision and the instant of the
        first; if the facts have changed, a token is good for a minute.
        """
        asked = read_listing(request.args)
        source, kind = asked["source"], asked.get("type")
        query = {"organization": organization, "source": source, "type": kind}
        page = pages.page(query, asked.get("limit"), asked.get("page_token"))
        moment = page.moment
        find_organization(moment.directory, organization)
        held = inheritance.holdings(moment, organization, source, kind, page.after)
        found = list(islice(held, page.limit + 1))
        entries = found[: page.limit]
        body = {
            "organization": organization,
            "revision": moment.directory.revision,
            "results": [holding_body(entry) for entry in entries],
        }
        if len(found) > page.limit:
            body["next_page_token"] = pages.token(query, page, entries[-1].key)
        return json_answer(body)

    return blueprint
