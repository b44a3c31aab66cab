"""The account tree: one organization, what lies below it, who pays, who may switch where."""

from flask import Response
from flask_smorest import Blueprint

from service.api import examples, fact_schemas
from service.api.answers import json_answer
from service.api.documentation import documented
from service.api.rendering import memberships_body, organization_body, tree_body
from service.domain.accounts import paying_account
from service.domain.directory import Directory
from service.domain.records import OrganizationRecord, UserRecord
from service.errors import UnknownEntity
from service.policy.pdp import PolicyDecisionPoint


def find_organization(directory: Directory, name: str) -> OrganizationRecord:
    """The organization of this id. Raises UnknownEntity."""
    record = directory.get(("organization", name))
    if not isinstance(record, OrganizationRecord):
        raise UnknownEntity("organization", name)
    return record


def organizations(pdp: PolicyDecisionPoint) -> Blueprint:
    """The routes that show the tree."""
    blueprint = Blueprint("organizations", __name__, description="The account tree.")

    @blueprint.route("/organizations/<organization>")
    @documented(blueprint, fact_schemas.Organization, examples.ORGANIZATION, refusals=(404,))
    def get_organization(organization: str) -> Response:
        """One organization and its place in the tree

        Its `status` is its own: what closes an organization above it counts besides.
        """
        directory = pdp.facts.snapshot()
        return json_answer(organization_body(find_organization(directory, organization), directory))

    @blueprint.route("/organizations/<organization>/tree")
    @documented(blueprint, fact_schemas.Tree, examples.TREE, refusals=(404,))
    def get_tree(organization: str) -> Response:
        """An organization and everything below it, nested

        Children come in order of their ids. The tree of a platform is as large as the platform.
        """
        directory = pdp.facts.snapshot()
        find_organization(directory, organization)
        return json_answer(tree_body(organization, directory))

    @blueprint.route("/organizations/<organization>/account")
    @documented(blueprint, fact_schemas.Organization, examples.ACCOUNT, refusals=(404,))
    def get_account(organization: str) -> Response:
        """The level-2 account that pays for an organization

        At level 2 that is the organization itself; at level 1 there is none (`no-account`).
        """
        directory = pdp.facts.snapshot()
        account = paying_account(directory, organization)
        return json_answer(organization_body(account, directory))

    @blueprint.route("/users/<user>/organizations")
    @documented(blueprint, fact_schemas.MembershipList, examples.MEMBERSHIPS, refusals=(404,))
    def get_user_organizations(user: str) -> Response:
        """The organizations between which a user may switch

        One for each membership, with the role that is held there, and which of them counts where a
        request names none. Whether switching is allowed is a decision like any other (`switch_to`).
        """
        directory = pdp.facts.snapshot()
        record = directory.get(("user", user))
        if not isinstance(record, UserRecord):
            raise UnknownEntity("user", user)
        results = memberships_body(record, directory)
        return json_answer({"user": user, "revision": directory.revision, "results": results})

    return blueprint
