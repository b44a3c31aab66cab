"""What answers of facts and of the law look like, for the OpenAPI document."""

from marshmallow import Schema, fields

from service.api.schemas import Boolean, Integer, List, Nested, one_of, said, text
from service.domain.inheritance import INHERITED, OWN
from service.domain.records import DEPTHS, ROLES, STATUSES


class Organization(Schema):
    """An organization and its place in the tree."""

    id = text("unique among organizations")
    name = text("for people")
    kind = text("in its owner's words, such as dealer", False)
    level = Integer(**said("1 for a platform, 2 for an account, 3 and more below"))
    path = List(fields.String(), **said("ids from level 1 down to itself"))
    parent = text("the id of the one above; none at level 1", False)
    status = one_of(STATUSES, "its own; suspension of one above counts besides")
    children = Integer(**said("how many stand directly below"))


class Tree(Schema):
    """An organization and everything below it."""

    id = text("unique among organizations")
    name = text("for people")
    kind = text("in its owner's words", False)
    status = one_of(STATUSES, "its own")
    level = Integer(**said("1 for a platform"))
    children = List(Nested(lambda: Tree()), **said("in order of their id"))


class SharedBy(Schema):
    """The share by which a resource came down."""

    # `with` is a keyword of Python.
    with_ = fields.Raw(data_key="with", **said('"all", or a list of the one that the share names'))
    depth = one_of(DEPTHS, "how far down the share reaches")
    via = text("the organization that the share names, or the owner")


class HeldResource(Schema):
    """A resource that an organization owns or has part in."""

    type = text("of the resource")
    id = text("unique within its type")
    owner = text("the organization that owns it")
    source = one_of((OWN, INHERITED), "how the organization comes by it")
    share = Nested(SharedBy, **said("by which it was inherited: the one that lasts longest", False))
    valid_from = fields.DateTime(**said("since when shares have reached the organization", False))
    valid_until = fields.DateTime(**said("when the last of these shares ends", False))


class ResourceList(Schema):
    """One page of what an organization holds, ordered by type and id."""

    organization = text("whose")
    revision = Integer(**said("of the facts; the same on all pages"))
    results = List(Nested(HeldResource), **said("the entries of this page"))
    next_page_token = text("for the next page; none on the last", False)


class Membership(Schema):
    """An organization that a user may switch to."""

    id = text("of the organization")
    name = text("for people")
    role = one_of(ROLES, "of the user there")
    level = Integer(**said("1 for a platform"))
    path = List(fields.String(), **said("ids from level 1 down"))
    selected = Boolean(**said("whether the user acts for it when a request names none"))


class MembershipList(Schema):
    """The organizations between which a user may switch, in order of their id."""

    user = text("whose")
    revision = Integer(**said("of the facts"))
    results = List(Nested(Membership), **said("one for each membership"))


class RuleText(Schema):
    """A rule of the policies in force."""

    predicate = one_of(("allow", "deny", "obligation"), "what it does")
    name = text("as decisions cite it")
    file = text("where it stands")
    line = Integer(**said("of its head, from 1"))
    comment = text("what it means")
    source = text("as it is written")


class PolicyOverview(Schema):
    """The policies in force."""

    revision = text("a digest of all files: equal if and only if the law is equal")
    files = List(fields.String(), **said("the names of the files"))
    rules = List(Nested(RuleText), **said("in the order of the files"))


class PolicyText(Schema):
    """One file of the policies in force."""

    revision = text("of all policies")
    name = text("of the file")
    source = text("the whole file")
    rules = List(Nested(RuleText), **said("its rules, in order"))


class World(Schema):
    """All facts at one revision, as a world document that can be loaded again."""

    organizations = fields.Dict(**said("by id"))
    users = fields.Dict(**said("by id"))
    resources = fields.Dict(**said("by `type:id`"))
    shares = List(fields.Dict(), **said("which resources are shared with whom"))
    subscriptions = fields.Dict(**said("by id"))
    partners = fields.Dict(**said("by id"))


class Alive(Schema):
    """The process answers."""

    status = one_of(("live",), "always the same")


class Ready(Schema):
    """The service has a law and facts, and decides."""

    status = one_of(("ready",), "always the same")
    revision = Integer(**said("of the facts"))
    newest = Integer(**said("the newest revision that the database has named"))
    behind = Integer(**said("how many revisions are still to come"))
    age_seconds = fields.Float(**said("since the database last confirmed the facts"))
    reading_seconds = fields.Float(
        **said("for how long a newer revision has been read by now; 0 where none is")
    )
    policy = text("revision of the policies")
    counts = fields.Dict(
        keys=fields.String(),
        values=Integer(),
        **said("how many there are of each type; counted once a minute at most"),
    )
