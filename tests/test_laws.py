"""What holds in every world, whoever asks: the invariants of the domain (requirements 2.11)."""

from copy import deepcopy
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import ACTIONS, SHAREABLE
from worlds import (
    NOW,
    ROLES,
    answers,
    decide,
    directory_of,
    edited,
    engine,
    examples,
    line_above,
    owner_of,
    requests,
    scenes,
    share_rows,
    worlds,
)

from service.domain.changes import apply_changes
from service.errors import InvalidChanges
from service.policy.decision import REASONS, AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

USE = {("channel", "view"), ("channel", "use"), ("agent", "view"), ("agent", "assign_to")}
USE |= {("article", "read")}
"""What a share gives (DC-6)."""
MANAGEMENT = ("manage", "publish", "share", "unshare")


def acting_for(document, request):
    """The organization for which the request's subject acts, or None if it names none."""
    chosen = request.context.get("organization")
    if chosen is not None:
        return chosen
    if request.subject_type == "partner":
        return document["partners"].get(request.subject_id, {}).get("organization")
    user = document["users"].get(request.subject_id, {})
    if user.get("selected") is not None:
        return user["selected"]
    memberships = list(user.get("memberships", ()))
    return memberships[0] if len(memberships) == 1 else None


def owner(document, request):
    return owner_of(
        document, request.resource_type, request.resource_id, request.resource_properties
    )


def acts_as_user(document, request):
    return request.subject_type == "user" and request.subject_id in document["users"]


# Direction (S1-22 to S1-31)


@examples(120)
@given(scenes())
def test_nothing_flows_up_or_sideways_but_the_use_of_what_is_shared(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)

    for request in asked:
        if request.resource_type == "user" or request.action == "switch_to":
            continue
        if decide(directory, request):
            place, lies_in = acting_for(document, request), owner(document, request)
            used = (request.resource_type, request.action) in USE
            at_or_below = place in line_above(document, lies_in)
            shared_from_above = used and lies_in in line_above(document, place)
            assert at_or_below or shared_from_above, request


@st.composite
def sibling_questions(draw):
    """A world with two siblings, and a question that one's user asks about the other's resource."""
    document = draw(worlds(levels=2))
    above = draw(st.sampled_from(sorted(document["organizations"])))
    document["organizations"]["left"] = {"parent": above}
    document["organizations"]["right"] = {"parent": above}
    role = draw(st.sampled_from(ROLES))
    mapped = sorted(document["subscriptions"])
    document["users"]["lea"] = {"memberships": {"left": role}, "subscriptions": mapped}
    kind, _, name = draw(st.sampled_from(sorted(document["resources"]))).partition(":")
    document["resources"][f"{kind}:{name}"]["organization"] = "right"
    for row in document["shares"]:
        row["with"] = draw(st.sampled_from(("all", ["left"], ["left", "right"])))
    request = draw(requests(document, kinds=(kind,)))
    return document, request.but(
        subject_type="user",
        subject_id="lea",
        context={},
        resource_id=name,
        resource_properties={},
    )


@examples(80)
@given(sibling_questions())
def test_siblings_never_reach_each_other(question):
    document, request = question

    assert not decide(directory_of(document), request)


@examples(80)
@given(scenes(kinds=tuple(kind for kind in ACTIONS if kind not in ("user", "partner"))))
def test_a_level_2_member_may_do_what_a_level_3_member_of_the_same_role_may_do(scene):
    document, levels, asked = scene
    for request in asked:
        place = acting_for(document, request)
        line = line_above(document, place)
        if not acts_as_user(document, request) or len(line) < 3 or request.action == "switch_to":
            continue
        if place not in line_above(document, owner(document, request)):
            continue
        user = document["users"][request.subject_id]
        role = user.get("memberships", {}).get(place)
        if role is None:
            continue
        document["users"]["upstream"] = {
            **user,
            "memberships": {line[-2]: role},
            "selected": line[-2],
        }
        directory = directory_of(document, levels)
        upstream = request.but(subject_id="upstream", context={})

        if decide(directory, request):
            assert decide(directory, upstream), request


# Sharing (S1-27, DC-6, DC-8)


@st.composite
def shared_scenes(draw):
    """A scene, and the same world with one more share in it."""
    document, levels, asked = draw(scenes(kinds=("conversation", "organization", *SHAREABLE)))
    shareable = [name for name in document["resources"] if name.split(":")[0] in SHAREABLE]
    row = draw(share_rows(document, shareable))
    return document, edited(document, {"op": "share", **row}), row, levels, asked


@examples(80)
@given(shared_scenes())
def test_a_share_never_turns_an_allow_into_a_deny(scene):
    before, after, _, levels, asked = scene
    alone, shared = directory_of(before, levels), directory_of(after, levels)

    for request in asked:
        assert decide(alone, request).allowed <= decide(shared, request).allowed, request


@examples(60)
@given(scenes(kinds=SHAREABLE))
def test_a_share_never_yields_management(scene):
    document, levels, asked = scene
    shared, alone = (directory_of(d, levels) for d in (document, {**document, "shares": []}))

    for request in asked:
        if request.action in MANAGEMENT:
            assert answers(shared, [request]) == answers(alone, [request]), request


@examples(80)
@given(shared_scenes())
def test_a_share_changes_nothing_for_those_who_are_not_below_the_owner(scene):
    before, after, row, levels, asked = scene
    alone, shared = directory_of(before, levels), directory_of(after, levels)
    lies_in = before["resources"][row["resource"]]["organization"]

    for request in asked:
        place = acting_for(before, request)
        is_below = place != lies_in and lies_in in line_above(before, place)
        if f"{request.resource_type}:{request.resource_id}" == row["resource"] and not is_below:
            assert answers(alone, [request]) == answers(shared, [request]), request


# Membership (DC-4)


@st.composite
def enrolled_scenes(draw):
    """A scene whose users say for whom they act, and its world with one more membership."""
    document, levels, asked = draw(scenes())
    name = draw(st.sampled_from(sorted(document["users"])))
    place = draw(st.sampled_from(sorted(document["organizations"])))
    assume(place not in document["users"][name]["memberships"])
    after = deepcopy(document)
    after["users"][name]["memberships"][place] = draw(st.sampled_from(ROLES))
    chosen = [
        request.but(context={"organization": acting_for(document, request)})
        for request in asked
        if acting_for(document, request) is not None
    ]
    return document, after, levels, chosen


@examples(80)
@given(enrolled_scenes())
def test_a_membership_never_turns_an_allow_into_a_deny(scene):
    before, after, levels, asked = scene
    fewer, more = directory_of(before, levels), directory_of(after, levels)

    for request in asked:
        assert decide(fewer, request).allowed <= decide(more, request).allowed, request


@examples(60)
@given(enrolled_scenes())
def test_only_the_membership_acted_for_counts(scene):
    before, after, levels, asked = scene
    fewer, more = directory_of(before, levels), directory_of(after, levels)

    for request in asked:
        # A membership makes its holder a person of the place, whom others there may see.
        if request.resource_type != "user" and request.action != "switch_to":
            was_stranger = decide(fewer, request).reason == "not-a-member"
            assert was_stranger or answers(fewer, [request]) == answers(more, [request]), request


# Moves (DC-11)


@examples(60)
@given(scenes(), st.data())
def test_what_was_moved_decides_as_if_it_had_been_built_there(scene, data):
    document, levels, asked = scene
    names = st.sampled_from(sorted(document["organizations"]))
    change = {"op": "move_organization", "organization": data.draw(names), "to": data.draw(names)}
    before = directory_of(document, levels)
    try:
        moved = apply_changes(before, [change], engine().policies.schema)
    except InvalidChanges:
        assume(False)

    built = directory_of(edited(document, change), levels)

    assert answers(moved, asked) == answers(built, asked)


# The gate (S2-20, S2-21, DC-18b, DC-22)


@examples(80)
@given(scenes())
def test_without_an_active_subscription_every_gated_action_is_denied(scene):
    document, levels, asked = scene
    for entry in document["organizations"].values():
        entry["subscription_required"] = True
    for entry in document["subscriptions"].values():
        entry.update(starts="2025-01-01", ends=NOW.isoformat())
    directory = directory_of(document, levels)

    for request in asked:
        place = acting_for(document, request)
        if acts_as_user(document, request) and len(line_above(document, place)) >= 2:
            assert not decide(directory, request), request


# One semantics


@examples(80)
@given(scenes(kinds=("conversation", "integration", "form", "call_flow", "invoice", "channel")))
def test_a_resource_is_decided_alike_whether_it_is_stored_or_described(scene):
    document, levels, asked = scene
    document["shares"] = []  # a request cannot describe a share
    directory = directory_of(document, levels)

    for request in asked:
        stored = document["resources"].get(f"{request.resource_type}:{request.resource_id}")
        if stored is not None:
            found = request.but(resource_properties={})
            repeated = request.but(resource_properties=stored)
            described = request.but(resource_id="not in the world", resource_properties=stored)
            looked_up, said_again, told = answers(directory, [found, repeated, described])
            assert looked_up == said_again
            assert looked_up[:3] == told[:3], request


@examples(40)
@given(scenes(), st.randoms(use_true_random=False))
def test_an_item_of_a_batch_never_depends_on_the_others(scene, random):
    document, levels, asked = scene
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory_of(document, levels)))
    moment = pdp.moment(NOW)
    alone = {repr(each): pdp.decide(each, pdp.moment(NOW)).verdict for each in asked}
    shuffled = asked * 2
    random.shuffle(shuffled)

    for each in shuffled:
        assert pdp.decide(each, moment).verdict == alone[repr(each)]


@examples(40)
@given(worlds(levels=3).flatmap(lambda d: st.tuples(st.just(d), st.lists(requests(d), max_size=8))))
def test_only_the_leaf_rule_knows_how_many_levels_there_are(scene):
    document, asked = scene
    # To have sub-accounts, to get one, or to share with all of them, there must be room for them.
    same = [each for each in asked if each.action not in ("create_sub_account", "move", "share")]

    assert answers(directory_of(document, 3), same) == answers(directory_of(document, 6), same)


# Reasons


@examples(80)
@given(scenes())
def test_every_denial_has_one_reason_and_every_allow_names_its_rules(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    kinds = {"granted": "allow", "prohibited": "deny"}
    names = {
        kind: {r.name for r in engine().policies.rules if r.predicate == kind}
        for kind in kinds.values()
    }

    for request in asked:
        decided = decide(directory, request)
        assert decided.reason in REASONS
        assert decided.allowed == (decided.reason == "granted")
        assert bool(decided.rules) == (decided.reason in kinds)
        assert set(decided.rules) <= names.get(kinds.get(decided.reason), set())


@examples(50)
@given(scenes())
def test_a_guardrail_is_named_before_a_missing_grant(scene):
    document, levels, asked = scene
    archived = deepcopy(document)
    for user in archived["users"].values():
        user["status"] = "archived"
    open_world, closed_world = directory_of(document, levels), directory_of(archived, levels)

    for request in asked:
        if request.subject_type == "user" and request.action != "assign":
            before = decide(open_world, request).reason
            after = decide(closed_world, request).reason
            closed = before in ("granted", "no-grant", "prohibited")
            assert after == ("prohibited" if closed else before), request


READ = AccessRequest("user", "ann", "read", "conversation", "c")
SMALL = {
    "organizations": {"P": {}, "N": {"parent": "P"}},
    "users": {"ann": {"memberships": {"N": "agent"}}, "zoe": {}},
    "resources": {"conversation:c": {"organization": "N"}},
}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "granted"),
        ({"subject_id": "nobody"}, "unknown-subject"),
        ({"subject_id": "Ann"}, "unknown-subject"),
        ({"subject_type": "robot"}, "unknown-subject"),
        ({"subject_type": "organization", "subject_id": "N"}, "unknown-subject"),
        ({"action": "rewrite"}, "unknown-action"),
        ({"action": "*"}, "unknown-action"),
        ({"action": "use"}, "unknown-action"),
        ({"resource_type": "rocket"}, "unknown-resource"),
        ({"resource_type": "subscription"}, "unknown-resource"),
        ({"resource_id": "d"}, "unknown-resource"),
        ({"resource_id": "*"}, "unknown-resource"),
        ({"resource_id": "d", "resource_properties": {"organization": "X"}}, "unknown-resource"),
        ({"resource_properties": {"organization": "P"}}, "conflicting-resource"),
        ({"resource_properties": {"channel": "x"}}, "conflicting-resource"),
        ({"subject_id": "zoe"}, "no-organization-selected"),
        ({"context": {"organization": "P"}}, "not-a-member"),
        ({"context": {"organization": ["N"]}}, "not-a-member"),
        ({"action": "transfer"}, "invalid-properties"),
        ({"action": "transfer", "action_properties": {"to": ["N"]}}, "invalid-properties"),
        ({"action": "transfer", "action_properties": {"to": "X"}}, "invalid-properties"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_has_its_own_reason(changed, reason):
    assert decide(directory_of(SMALL), READ.but(**changed)).reason == reason


# The order of the law


def _statements(text):
    """The rules and facts of a file, each with the comment above it."""
    found, lines = [], []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";"):
            found.append("\n".join(lines))
            lines = []
    return found


def _shuffled_engine(random, again=False):
    policies = engine().policies
    statements = [each for _, content in policies.sources for each in _statements(content.decode())]
    if again:
        for rule in policies.rules:
            copy = rule.source.replace(f'"{rule.name}"', f'"{rule.name}-again"')
            statements.append(f"# {rule.comment}\n{copy}")
    random.shuffle(statements)
    count = random.randint(1, 5)
    parts = ["\n".join(statements[i::count]) for i in range(count)]
    sources = [(f"{random.random():.9f}.polar", part.encode()) for part in parts]
    return Engine(policy_set(sources, policies.types))


@examples(12)
@given(scenes(count=12), st.integers(0, 2**32))
def test_the_order_of_files_and_of_rules_decides_nothing(scene, seed):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    pdp = PolicyDecisionPoint(_shuffled_engine(Random(seed)), FixedFacts(directory))

    shuffled = [pdp.decide(request, pdp.moment(NOW)).verdict for request in asked]

    assert shuffled == answers(directory, asked)


@examples(8)
@given(scenes(count=12), st.integers(0, 2**32))
def test_a_rule_said_twice_says_nothing_more(scene, seed):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    pdp = PolicyDecisionPoint(_shuffled_engine(Random(seed), again=True), FixedFacts(directory))

    doubled = [pdp.decide(request, pdp.moment(NOW)).verdict[:2] for request in asked]

    assert doubled == [each[:2] for each in answers(directory, asked)]
