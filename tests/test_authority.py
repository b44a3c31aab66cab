"""Changes on somebody's behalf: each allowed by the law on the facts it meets, or none made."""

import json
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from worlds import POLICIES, changes, directory_of, engine, examples, schema, worlds

from service.api.problems import body_of
from service.domain.changes import OPERATIONS, apply_changes
from service.domain.effects import KINDS, RESOURCE_EFFECTS, effects
from service.domain.touched import key_of
from service.domain.world import parse_world, read_world
from service.errors import ChangeDenied, InvalidChanges, InvalidPolicy
from service.policy.authority import judge_changes
from service.policy.demands import Author, Case
from service.policy.engine import Engine
from service.policy.mandates import CHANGES_FILE
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

NOW = datetime(2026, 3, 15, tzinfo=UTC)
TERM = {"starts": "2026-03-15", "ends": "2027-03-15"}


@cache
def facts(name="accounts"):
    path = POLICIES / "tables" / f"{name}.world.toml"
    return read_world(parse_world(path.read_bytes(), path.name), schema())


def author_of(text):
    kind, _, name = text.partition(":")
    name, _, place = name.partition("@")
    return Author(kind, name, context={"organization": place} if place else {})


def judged(author, *made, world="accounts"):
    """None if the changes are allowed; else the index, the effect and the reason of the denial."""
    pdp = PolicyDecisionPoint(engine(), FixedFacts(facts(world)), lambda: NOW)
    try:
        judge_changes(pdp, author_of(author), facts(world), made)
    except ChangeDenied as denied:
        return denied.index, denied.effect, denied.decision.reason
    return None


def change(op, **fields):
    return {"op": op, **{name.rstrip("_"): value for name, value in fields.items()}}


def organization(place, parent="aurora", **fields):
    return change("put_organization", organization=place, parent=parent, **fields)


def user(person, memberships, **fields):
    return change("put_user", user=person, memberships=memberships, **fields)


def grant(name, place, role):
    return change("grant_membership", user=name, organization=place, role=role)


# What people are there for

ALLOWED = [
    ("user:au-adm", organization("new", name="New dealer")),
    ("user:mer-adm", organization("new", parent="meridian")),
    ("user:au-adm", organization("lindau", name="Lindau", kind="dealer")),
    ("user:mer-adm", change("move_organization", organization="lindau", to="kestrel")),
    ("user:mer-adm", organization("lindau", parent="kestrel", name="Aurora Lindau", kind="dealer")),
    ("user:au-adm", change("suspend_organization", organization="celle")),
    ("user:au-adm", change("resume_organization", organization="norden")),
    ("user:au-adm", organization("norden", name="Aurora Norden", kind="dealer")),
    ("user:mer-adm", change("resume_organization", organization="dormant")),
    ("user:mer-adm", organization("fresh", parent="meridian", name="Fresh", kind="dealer")),
    ("user:or-adm", change("remove_organization", organization="orion-blue")),
    ("user:au-sup", grant("li-agt", "lindau", "supervisor")),
    ("user:au-adm", grant("li-agt", "lindau", "admin")),
    ("user:au-own", grant("li-agt", "aurora", "owner")),
    ("user:au-sup", grant("li-agt", "celle", "agent")),
    ("user:ke-adm", grant("stray", "kestrel", "agent")),
    ("user:li-sup", user("fresh-face", {"lindau": "agent"}, name="F", selected="lindau")),
    ("user:au-sup", change("revoke_membership", user="li-agt", organization="lindau")),
    ("user:au-sup", change("remove_user", user="li-gst")),
    ("user:au-sup", user("gone", {"lindau": "agent"}, name="Left in May")),
    ("user:rosa@birch", change("select_organization", user="rosa", organization="oleander")),
    ("user:au-adm", change("put_resource", resource="channel:new", organization="lindau")),
    ("user:au-adm", change("put_resource", resource="channel:li", organization="celle")),
    ("user:li-adm", change("put_resource", resource="channel:li", organization="lindau")),
    ("user:li-sup", change("put_resource", resource="article:new", organization="lindau")),
    ("user:li-agt", change("put_resource", resource="conversation:n", organization="lindau")),
    (
        "user:au-sup",
        change("put_resource", resource="agent:n", organization="celle", user="ce-agt"),
    ),
    ("user:au-adm", change("remove_resource", resource="integration:li")),
    ("user:au-adm", change("share", resource="channel:au-own", with_="all")),
    ("user:au-adm", change("share", resource="article:au-own", with_=["celle", "lindau"])),
    ("user:au-adm", change("unshare", resource="channel:au-all")),
    ("user:he-adm", change("unshare", resource="agent:he-agt")),
    ("user:mer-adm", change("put_resource", resource="invoice:n", organization="aurora")),
    (
        "user:au-agt",
        change("put_resource", resource="conversation:li-1", organization="lindau", channel="li"),
    ),
    (
        "user:au-agt",
        change("put_resource", resource="conversation:ce-1", organization="lindau"),
    ),
    (
        "user:au-adm",
        change("put_subscription", subscription="N", organization="aurora", type="named", **TERM),
    ),
]


@pytest.mark.parametrize(("author", "made"), ALLOWED, ids=lambda value: str(value)[:90])
def test_who_may_do_it_may_write_it(author, made):
    assert judged(author, made) is None


def test_the_administrator_of_an_account_creates_a_sub_account_and_staffs_it():
    made = [
        organization("new"),
        user("newcomer", {"new": "admin"}),
        change("put_resource", resource="channel:new", organization="new"),
    ]

    assert judged("user:au-adm", *made) is None
    assert (0, "organization.created", "no-grant") == judged("user:au-sup", *made)
    assert (0, UNSEEN, "no-grant") == judged("user:ke-adm", *made)


def test_a_partner_appoints_no_administrator_who_would_act_in_its_place():
    """S2-26: what is kept from partners is not got through people whom they make."""
    puppet = user("puppet", {"lumen": "admin"})

    found = judged("partner:p-first", puppet, world="tenant")

    assert (0, "membership.admin", "prohibited") == found
    assert judged("partner:p-first", user("new-hand", {"lumen": "agent"}), world="tenant") is None


def test_nobody_of_the_platform_joins_a_customer_to_act_there_unseen():
    """S1-25, DC-3: who assists leaves a trace, and leaves the acts of an owner to the customer."""
    for role in ("agent", "admin"):
        found = judged("user:mer-adm", grant("mer-adm", "aurora", role))
        assert (0, "user.joins", "unknown-action") == found


def test_tenants_map_their_people_and_buy_within_the_law():
    bought = {"organization": "lumen", "telephony": "Webex Calling", **TERM}
    lumen = "tenant"

    mapped = change("assign_subscription", user="agt-none", subscription="SECOND")
    assert judged("user:adm-second", mapped, world=lumen) is None
    assert judged("partner:p-first", mapped, world=lumen) is None
    assert judged("partner:p-second", mapped, world=lumen)[2] == "no-grant"
    unmapped = change("unassign_subscription", user="agt-first", subscription="FIRST")
    assert judged("user:adm-second", unmapped, world=lumen) is None
    buys = change("put_subscription", subscription="N", type="concurrent", **bought)
    assert judged("user:adm-second", buys, world=lumen) is None
    mixed = judged("user:adm-second", {**buys, "type": "named"}, world=lumen)
    assert (0, "subscription.bought", "prohibited") == mixed
    other = judged("user:adm-second", {**buys, "telephony": "Other"}, world=lumen)
    assert (0, "subscription.bought", "prohibited") == other
    elevated = change("put_partner", partner="p-second", organization="lumen", role="full_admin")
    assert judged("user:own-second", elevated, world=lumen) is None
    assert judged("user:support", elevated, world=lumen)[1] == "partner.elevated"
    assert judged("partner:p-first", elevated, world=lumen)[1] == "partner.elevated"
    assert judged("partner:p-second", elevated, world=lumen)[1] == "partner.elevated"


def test_a_new_partner_reads_until_the_tenant_elevates_it():
    connected = change("put_partner", partner="p-new", organization="lumen", role="full_admin")
    reads = {**connected, "role": "provisioning_admin"}

    def denied(author, *made):
        return judged(author, *made, world="tenant")

    assert denied("user:adm-second", reads) is None
    assert denied("user:adm-second", reads, connected) is None
    assert denied("user:adm-second", connected)[1] == "partner.elevated"
    assert denied("user:support", reads, connected)[:2] == (1, "partner.elevated")
    assert denied("user:sup-second", reads)[1] == "partner.connected"


# What an attacker would try

UNSEEN = None  # what it would do is not told to somebody who may not see the thing

DENIED = [
    # rights for oneself
    ("user:au-sup", grant("au-sup", "aurora", "admin"), "membership.admin"),
    ("user:au-sup", user("au-sup", {"aurora": "admin"}), "membership.admin"),
    ("user:au-adm", grant("au-adm", "aurora", "owner"), "membership.owner"),
    ("user:au-adm", grant("au-adm", "meridian", "admin"), UNSEEN),
    ("user:au-adm", user("au-adm", {"aurora": "admin", "kestrel": "guest"}), UNSEEN),
    ("user:mer-own", grant("mer-own", "aurora", "owner"), "membership.owner"),
    ("user:li-agt", user("li-agt", {"lindau": "admin"}), "membership.admin"),
    ("user:nobody", user("nobody", {"aurora": "guest"}), UNSEEN),
    # what others have
    ("user:au-sup", grant("au-own", "aurora", "guest"), "membership.owner"),
    (
        "user:au-adm",
        change("revoke_membership", user="au-own", organization="aurora"),
        "membership.owner",
    ),
    ("user:au-adm", change("remove_user", user="au-own"), "membership.owner"),
    ("user:au-adm", user("au-own", {"aurora": "owner"}, status="archived"), "membership.owner"),
    ("user:au-sup", change("remove_user", user="au-adm"), "membership.admin"),
    ("user:ke-adm", change("remove_user", user="li-gst"), UNSEEN),
    ("user:ke-adm", user("li-agt", {"kestrel": "agent"}), UNSEEN),
    ("user:ce-adm", user("quinn", {"celle": "agent"}, name="Quinn"), UNSEEN),
    (
        "user:ce-adm",
        user("quinn", {"celle": "agent", "lindau": "agent"}, name="X"),
        UNSEEN,
    ),
    ("user:gone", user("gone", {"lindau": "agent"}), UNSEEN),
    ("user:au-own", change("put_user", user="stray", name="Mine now"), "user.described"),
    ("user:au-own", change("put_user", user="squatter"), "user.described"),
    (
        "user:au-own",
        change("select_organization", user="vera", organization="aurora"),
        "user.selected",
    ),
    # people of others, who would have to choose, or could not be removed any more
    ("user:ke-adm", grant("li-agt", "kestrel", "guest"), UNSEEN),
    ("user:li-sup", grant("ce-agt", "lindau", "agent"), UNSEEN),
    (
        "user:ke-adm",
        change("put_resource", resource="agent:x", organization="kestrel", user="li-agt"),
        UNSEEN,
    ),
    (
        "user:he-adm",
        change("put_resource", resource="agent:he-agt", organization="helpline", user="li-agt"),
        UNSEEN,
    ),
    # the tree
    ("user:li-adm", organization("new"), UNSEEN),
    ("user:mer-own", change("put_organization", organization="mine"), "organization.founded"),
    (
        "user:au-adm",
        organization("kestrel-cars", name="Kestrel Cars", kind="business_unit"),
        UNSEEN,
    ),
    (
        "user:ke-adm",
        organization("lindau", parent="kestrel", name="Aurora Lindau", kind="dealer"),
        UNSEEN,
    ),
    (
        "user:mer-adm",
        organization("lindau", parent="polaris", name="Aurora Lindau", kind="dealer"),
        UNSEEN,
    ),
    (
        "user:mer-own",
        change("put_organization", organization="aurora", name="Aurora Imports", kind="nso"),
        "organization.moved",
    ),
    ("user:do-own", change("resume_organization", organization="dormant"), "organization.resumed"),
    (
        "user:do-own",
        organization("dormant", parent="meridian", name="Dormant", kind="dealer"),
        "organization.resumed",
    ),
    (
        "user:do-own",
        organization("dormant-east", parent="dormant", name="New", kind="business_unit"),
        "organization.described",
    ),
    (
        "user:fr-own",
        organization("fresh", parent="meridian", name="Fresh", kind="dealer"),
        UNSEEN,
    ),
    (
        "user:mer-adm",
        organization("faded", parent="meridian", name="Faded", kind="dealer"),
        "organization.reopened",
    ),
    (
        "user:au-adm",
        organization(
            "aurora", parent="meridian", name="Aurora Imports", kind="nso", status="archived"
        ),
        "organization.archived",
    ),
    (
        "user:au-own",
        organization(
            "aurora",
            parent="meridian",
            name="Aurora Imports",
            kind="nso",
            subscription_required=True,
        ),
        "organization.licensed",
    ),
    # somebody else's things
    (
        "user:ke-adm",
        change("put_resource", resource="channel:li", organization="kestrel"),
        UNSEEN,
    ),
    (
        "user:li-adm",
        change("put_resource", resource="channel:li", organization="celle"),
        UNSEEN,
    ),
    (
        "user:li-adm",
        change("put_resource", resource="channel:au-all", organization="lindau"),
        "channel.moved",
    ),
    (
        "user:li-adm",
        change("put_resource", resource="channel:au-all", organization="aurora", kind="inbox"),
        "channel.changed",
    ),
    (
        "user:au-agt",
        change("put_resource", resource="channel:new", organization="aurora"),
        "channel.created",
    ),
    (
        "user:li-adm",
        change("put_resource", resource="channel:new", organization="celle"),
        UNSEEN,
    ),
    ("user:li-adm", change("share", resource="channel:au-own", with_=["lindau"]), UNSEEN),
    ("user:li-adm", change("unshare", resource="channel:au-all"), "channel.unshared"),
    (
        "user:mer-adm",
        change("put_resource", resource="channel:au-lindau", organization="kestrel", kind="inbox"),
        "channel.shared",
    ),
    ("user:au-sup", change("share", resource="channel:au-own", with_="all"), "channel.shared"),
    (
        "user:li-agt",
        change(
            "put_resource", resource="conversation:au-1", organization="lindau", channel="au-own"
        ),
        UNSEEN,
    ),
    (
        "user:li-agt",
        change(
            "put_resource", resource="conversation:li-1", organization="lindau", channel="au-all"
        ),
        "conversation.changed",
    ),
    (
        "user:au-own",
        change("remove_resource", resource="conversation:au-1"),
        "conversation.removed",
    ),
    (
        "user:li-adm",
        change("put_resource", resource="agent:x", organization="celle", user="li-agt"),
        UNSEEN,
    ),
    (
        "user:au-own",
        change("put_resource", resource="invoice:new", organization="aurora"),
        "invoice.created",
    ),
    ("user:au-own", change("remove_resource", resource="invoice:au"), "invoice.removed"),
    # to learn what is there by changing nothing
    ("user:ke-adm", grant("li-agt", "lindau", "agent"), UNSEEN),
    ("user:ke-adm", change("suspend_organization", organization="norden"), UNSEEN),
    ("user:ke-adm", change("unshare", resource="channel:li"), UNSEEN),
]


@pytest.mark.parametrize(("author", "made", "effect"), DENIED, ids=lambda value: str(value)[:90])
def test_who_may_not_do_it_does_not_get_it_by_writing(author, made, effect):
    assert apply_changes(facts(), [made], schema())
    assert (0, effect) == judged(author, made)[:2]


def test_what_is_bought_stays_as_it_was_bought():
    facts("tenant")
    longer = {"organization": "lumen", "type": "concurrent", "starts": "2024-06-01"}
    longer |= {"ends": "2036-06-01", "plan": "Flex 3", "telephony": "Webex Calling"}
    put = change("put_subscription", subscription="SECOND", **longer)
    moved = {**put, "organization": "onyx"}

    for author in ("user:own-second", "user:support", "partner:p-first"):
        denied = judged(author, put, world="tenant")
        assert (0, "subscription.changed", "unknown-action") == denied
    assert (0, UNSEEN, "no-grant") == judged("user:own-second", moved, world="tenant")
    assert (0, "subscription.changed") == judged("user:support", moved, world="tenant")[:2]
    assert (0, UNSEEN, "no-grant") == judged("user:onyx-adm", put, world="tenant")
    # Of one that he does not see, an administrator hears what he would hear of a new one.
    new = judged("user:onyx-adm", {**moved, "subscription": "NEW"}, world="tenant")
    assert new == judged("user:onyx-adm", moved, world="tenant")


def test_nothing_is_bought_for_a_time_that_is_over():
    """It might be the oldest, and so take the overage of years that have been paid for."""
    bought = {"subscription": "N", "organization": "lumen", "type": "concurrent"}

    def buys(starts, ends="2028-01-01"):
        made = change("put_subscription", starts=starts, ends=ends, **bought)
        return judged("user:own-second", made, world="tenant")

    backdated = (0, "subscription.backdated", "unknown-action")
    assert backdated == buys("2020-01-01")
    assert backdated == buys("2026-03-13T23:59:59Z")
    assert backdated == buys("2020-01-01", ends="2021-01-01")
    assert buys("2026-03-15T00:00:00+14:00") is None  # today, where it is bought
    assert buys("2026-03-15") is None
    assert buys("2027-06-01") is None


def test_what_is_bought_is_judged_by_the_length_of_its_term_and_by_what_it_entitles_to():
    law = engine().policies
    line = law.types.replace(b'term_years = "number?"', b'term_years = "number"')
    assert line != law.types
    three_years = (
        b"# Three years at most.\n"
        b'deny(_: Entity, "add_subscription", _: Organization, "three-years-at-most") if\n'
        b"  request.term_years > 3;\n"
    )
    lines = b'subscription.bought = { add_subscription = "organization" }\n'
    mandates = {CHANGES_FILE: lines + b'organization.same = { view = "organization" }\n'}
    strict = Engine(policy_set([*law.sources, ("terms.polar", three_years)], line, mandates))
    pdp = PolicyDecisionPoint(strict, FixedFacts(facts("tenant")), lambda: NOW)
    bought = {"subscription": "N", "organization": "lumen", "type": "concurrent"}

    def denied(ends, **more):
        made = change("put_subscription", starts="2026-04-01", ends=ends, **bought, **more)
        try:
            judge_changes(pdp, author_of("user:own-second"), facts("tenant"), [made])
        except ChangeDenied as refused:
            return refused.effect, refused.decision.rules or refused.decision.reason
        return None

    assert denied("2029-04-01") is None
    assert denied("2029-04-01", entitlements={"agents": 0}) is None
    assert ("subscription.bought", ("three-years-at-most",)) == denied("2029-05-01")
    unnamed = ("subscription.entitled", "unknown-action")
    assert unnamed == denied("2027-04-01", entitlements={"agents": 1})


def test_nobody_is_let_in_by_the_change_that_lets_him_in():
    rises = grant("au-sup", "aurora", "admin")

    assert (0, "membership.admin", "no-grant") == judged("user:au-sup", rises, organization("mine"))


def test_a_change_is_judged_on_what_the_ones_before_it_made():
    demoted = grant("au-sup", "aurora", "guest")
    hires = user("friend", {"aurora": "agent"})

    assert judged("user:au-sup", hires) is None
    assert (1, "membership.agent", "no-grant") == judged("user:au-sup", demoted, hires)
    assert (1, "membership.agent", "prohibited") == judged(
        "user:au-adm",
        change("suspend_organization", organization="celle"),
        user("friend", {"celle": "agent"}),
    )


def test_a_user_with_several_roles_says_for_which_organization_he_acts():
    made = organization("new", parent="oleander")

    assert judged("user:rosa", made)[2] == "no-organization-selected"
    assert judged("user:rosa@oleander", made) is None
    assert judged("user:rosa@birch", made)[2] == "no-grant"
    assert judged("user:rosa@aurora", made)[2] == "not-a-member"


# What is told of a change that is not made


def answer(author, *made, world="accounts", directory=None):
    """The problem document of a refusal without the decision's id; None if nothing is refused."""
    directory = directory or facts(world)
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory), lambda: NOW)
    try:
        judge_changes(pdp, author, directory, made)
    except (ChangeDenied, InvalidChanges) as refused:
        body = body_of(refused)
        if "decision" in body:
            del body["decision"]["context"]["id"]
        return body
    return None


UNMADE = [
    (
        "user:au-adm",
        change("remove_organization", organization="lindau"),
        "organization: `lindau` still has members: user:",
    ),
    (
        "user:au-adm",
        change("put_resource", resource="channel:new", organization="aurora", kind=5),
        "kind: `5` is not a string",
    ),
    (
        "user:ke-adm",
        change("put_resource", resource="channel:x", organization="lindau", kind=5),
        "kind: `5` is not a string",
    ),
    # nobody has the right to what is archived but who runs the service
    ("user:mer-adm", change("suspend_organization", organization="faded"), None),
    # what is not there cannot be told from what he may not see
    ("user:mer-adm", organization("new", parent="nowhere"), None),
    ("user:li-agt", change("remove_organization", organization="lindau"), None),
    ("user:ke-adm", change("remove_organization", organization="lindau"), None),
]


@pytest.mark.parametrize(("author", "made", "reason"), UNMADE, ids=lambda v: str(v)[:70])
def test_why_a_change_cannot_be_made_is_told_to_whom_the_policies_allow_it(author, made, reason):
    told = answer(author_of(author), made)

    assert (403 if reason is None else 422) == told["status"]
    assert (reason or "changes[0] is denied") in told["detail"]


def test_of_what_keeps_a_thing_only_what_the_author_sees_is_named():
    kept = [
        change("put_resource", resource="agent:a-stranger", organization="kestrel", user="li-agt")
    ]
    directory = apply_changes(facts(), kept, schema())
    gone = change("remove_user", user="li-agt")

    told = answer(author_of("user:au-adm"), gone, directory=directory)

    assert "agent:" in told["detail"] and "stranger" not in told["detail"]
    with pytest.raises(InvalidChanges, match="agent:a-stranger"):
        apply_changes(directory, [gone], schema())


def test_whoever_has_no_right_learns_no_more_of_what_he_sees_than_that():
    """An agent sees the tenant, and not that its subscriptions are concurrent."""
    bought = {"subscription": "N", "organization": "lumen", **TERM}
    agent = author_of("user:agt-second")
    named, concurrent = (
        answer(agent, change("put_subscription", type=kind, **bought), world="tenant")
        for kind in ("named", "concurrent")
    )

    assert named == concurrent
    assert "no rule allows `user:agt-second` to add_subscription" in named["detail"]


def _removal(key):
    kind, name = key
    if kind in ("organization", "user", "subscription", "partner"):
        return change(f"remove_{kind}", **{kind: name})
    return change("remove_resource", resource=f"{kind}:{name}")


@cache
def without_kestrel_cars():
    """The facts without an organization of another account, and all that lies in it."""
    there = facts()
    inside = [("user", "kc-agt"), ("user", "kc-adm"), ("conversation", "kc-1"), ("channel", "kc")]
    gone = [*inside, ("organization", "kestrel-cars")]
    return apply_changes(there, map(_removal, gone), schema()).at_revision(there.revision)


HIDDEN = [
    change("suspend_organization", organization="kestrel-cars"),
    change("resume_organization", organization="kestrel-cars"),
    change("move_organization", organization="kestrel-cars", to="aurora"),
    change("move_organization", organization="lindau", to="kestrel-cars"),
    change("remove_organization", organization="kestrel-cars"),
    organization("kestrel-cars", parent="meridian"),
    organization("x", parent="kestrel-cars"),
    organization("kestrel-cars", parent="kestrel-cars"),
    grant("kc-agt", "aurora", "agent"),
    grant("au-agt", "kestrel-cars", "agent"),
    change("revoke_membership", user="kc-agt", organization="aurora"),
    change("select_organization", user="kc-agt", organization="aurora"),
    change("remove_user", user="kc-agt"),
    user("kc-agt", {"kestrel": "agent"}),
    change("put_resource", resource="agent:x", organization="aurora", user="kc-agt"),
    change("share", resource="channel:au-own", with_=["lindau", "kestrel-cars"]),
    change("put_resource", resource="conversation:x", organization="kestrel-cars"),
    change("put_resource", resource="channel:kc", organization="kestrel"),
    change("unshare", resource="channel:kc"),
]


@pytest.mark.parametrize("made", HIDDEN, ids=str)
@pytest.mark.parametrize("author", ["user:au-adm", "user:li-agt", "user:gone", "user:nobody"])
def test_what_somebody_may_not_see_is_to_him_as_if_it_were_not_there(author, made):
    found, expected = (
        answer(author_of(author), made, directory=each)
        for each in (facts(), without_kestrel_cars())
    )

    assert expected is not None
    assert expected == found


def test_only_whoever_may_create_something_learns_that_its_id_is_taken():
    makes = change("put_resource", resource="channel:kc", organization="aurora")

    assert answer(author_of("user:au-adm"), makes, directory=without_kestrel_cars()) is None
    taken = answer(author_of("user:au-adm"), makes)
    assert "`resource` is taken" in taken["detail"]
    assert answer(author_of("user:au-agt"), makes) == answer(
        author_of("user:au-agt"), makes, directory=without_kestrel_cars()
    )


@st.composite
def authors(draw, document):
    """Somebody of the world, acting for one of his organizations."""
    kind = draw(st.sampled_from(["users", "users", "partners"]))
    name = draw(st.sampled_from(sorted(document[kind]) or ["nobody"]))
    places = sorted(document[kind].get(name, {}).get("memberships", ()))
    context = {"organization": draw(st.sampled_from(places))} if places else {}
    return Author(kind[:-1], name, context=context)


@examples(60)
@given(worlds(), st.data())
def test_worlds_that_differ_in_what_somebody_may_not_see_refuse_him_in_the_same_words(
    document, data
):
    author, made = data.draw(authors(document)), data.draw(changes(document))
    there = directory_of(document)
    case = Case(PolicyDecisionPoint(engine(), FixedFacts(there), lambda: NOW), author, there)
    unseen = sorted(key for key in there.records if not case.sees(key))
    words = json.dumps(made, ensure_ascii=False)
    about = [key for key in unseen if f'"{key[1]}"' in words or f"{key[0]}:{key[1]}" in words]
    assume(unseen)
    hidden = data.draw(st.sampled_from(about or unseen))
    assume(hidden != author.key)
    try:
        gone = apply_changes(there, [_removal(hidden)], schema()).at_revision(there.revision)
    except InvalidChanges:
        assume(False)

    found, expected = (answer(author, made, directory=each) for each in (there, gone))
    if found is not None and expected is not None:
        assert expected == found
    if found is None:  # he has the right to change something, or would be told the same without it
        changed = apply_changes(there, [made], schema()).records != there.records
        assert changed or expected is None


def test_to_change_nothing_tells_nothing_of_what_is_unseen():
    """Quinn works at celle, and at lindau, of which the administrator of celle sees nothing."""
    admin = author_of("user:ce-adm")

    told = [
        answer(admin, change("revoke_membership", user="quinn", organization=place))
        for place in ("lindau", "kestrel", "nowhere")
    ]

    assert told[0] == told[1] == told[2]
    assert 403 == told[0]["status"]
    assert answer(admin, change("revoke_membership", user="ce-agt", organization="celle")) is None


# Effects cover whatever changes


@examples(300)
@given(worlds(levels=4), st.data())
def test_nothing_changes_without_an_effect_that_the_law_could_name(document, data):
    made = data.draw(changes(document))
    before = directory_of(document, 4)
    try:
        after = apply_changes(before, [made], schema())
    except InvalidChanges:
        assume(False)

    key = key_of(made)
    found = effects(key, before.get(key), after.get(key), before, ("user", "u1"), NOW)
    changed = before.records != after.records
    reordered = made["op"] == "put_user"  # the order of memberships means nothing
    assert found
    assert reordered or changed == all(each.name != "same" for each in found)
    for each in found:
        known = KINDS.get(each.kind, RESOURCE_EFFECTS)
        assert set(each.places) - {"user", "channel"} <= {*known[each.name]}


def test_every_operation_is_tried_by_somebody_who_may_and_by_somebody_who_may_not():
    tenants = {"assign_subscription", "unassign_subscription", "put_subscription"}
    tenants |= {"remove_subscription", "put_partner", "remove_partner"}

    assert {made["op"] for _, made in ALLOWED} >= set(OPERATIONS) - tenants
    assert {made["op"] for _, made, _ in DENIED} >= set(OPERATIONS) - tenants - {
        "move_organization",
        "remove_organization",
    }


# The file


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('[chanel]\nmoved = { manage = "put" }', "chanel", "did you mean `channel`?"),
        ('[channel]\nmved = { manage = "put" }', "channel.mved", "did you mean `moved`?"),
        ('[channel]\nmoved = { mange = "put" }', "channel.moved", "did you mean `manage`?"),
        ('[channel]\nmoved = { manage = "organization" }', "channel.moved", "no action on organ"),
        ('[channel]\nmoved = { manage = "parent" }', "channel.moved", "one of resource, put, org"),
        ('[channel]\nmoved = { share = "put" }', "channel.moved", "needs `with`"),
        ('[agent]\nmoved = { manage = "user" }', "agent.moved", "`manage` is no action on user"),
        ('[agent]\nremoved = { view = "user" }', "agent.removed", "is nothing that this can be"),
        ("[channel]\nmoved = {}", "channel.moved", "demands nothing"),
        ("[channel]\nmoved = true", "channel.moved", "demands nothing"),
        ("[channel]\nmoved = { manage = 1 }", "channel.moved", "is nothing that this can be"),
        ('[membership]\nking = { configure = "organization" }', "membership.king", "nothing that"),
        ("channel = 1", "channel", "is no type that changes"),
        ("[channel", None, "is not TOML"),
        ("\xff", None, "is not TOML"),
        ("#" * 70_000, None, "is larger than"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused_with_its_place(text, place, reason):
    with pytest.raises(InvalidPolicy) as refused:
        with_changes({CHANGES_FILE: text.encode("latin-1")})

    (problem,) = refused.value.problems
    assert problem.path == ("changes.toml" if place is None else f"changes.toml: {place}")
    assert reason in problem.reason


@pytest.mark.parametrize("beside", [{}, {CHANGES_FILE: b""}], ids=["no-file", "empty-file"])
def test_without_a_mapping_nobody_changes_anything(beside):
    assert with_changes(beside).mandates == {}


def with_changes(beside):
    """The law of the repository, with this beside it."""
    law = engine().policies
    return policy_set(law.sources, law.types, beside)
