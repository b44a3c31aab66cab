"""Changes of the facts: what each does, when it is refused, and that a list is one step or none."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from worlds import answers, changes, directory_of, edited, examples, scenes, schema, worlds

from service.domain.changes import OPERATIONS, apply_changes
from service.domain.directory import SCATTERED
from service.domain.world import read_world, write_world
from service.errors import InvalidChanges

WORLD = {
    "organizations": {
        "P": {},
        "N": {"parent": "P"},
        "D": {"parent": "N"},
        "E": {"parent": "N", "status": "suspended"},
        "M": {"parent": "P", "status": "invited"},
        "old": {"parent": "M", "status": "archived"},
        "alone": {},
    },
    "users": {
        "ann": {
            "memberships": {"N": "admin", "D": "agent"},
            "selected": "N",
            "subscriptions": ["s"],
        },
        "bob": {"memberships": {"M": "owner"}},
        "free": {},
    },
    "resources": {
        "channel:c": {"organization": "N"},
        "channel:free": {"organization": "D"},
        "conversation:v": {"organization": "D", "channel": "c"},
        "agent:a": {"organization": "N", "user": "ann"},
        "form:f": {"organization": "N"},
    },
    "shares": [{"resource": "channel:c", "with": ["D"], "valid_until": "2027-01-01"}],
    "subscriptions": {
        "s": {"organization": "N", "type": "named", "starts": "2026-01-01", "ends": "2027-01-01"},
        "t": {"organization": "N", "type": "named", "starts": "2026-01-01", "ends": "2027-01-01"},
    },
    "partners": {"x": {"organization": "N", "role": "full_admin"}},
}
TERM = {"type": "named", "starts": "2026-01-01", "ends": "2027-01-01"}


def changed(*made, before=WORLD):
    """The facts after these changes."""
    return apply_changes(directory_of(before), made, schema())


def refused(*made, before=WORLD):
    """What is wrong with these changes, as (path, value, reason); the facts stay as they are."""
    directory = directory_of(before)
    with pytest.raises(InvalidChanges) as refusal:
        apply_changes(directory, made, schema())
    assert directory == directory_of(before)
    return [tuple(problem) for problem in refusal.value.problems]


def change(op, **fields):
    return {"op": op, **{name.rstrip("_"): value for name, value in fields.items()}}


# What each does

EFFECTS = [
    change("put_organization", organization="F", parent="N", name="Filiale", kind="dealer"),
    change("put_organization", organization="Q"),
    change("put_organization", organization="D", parent="N", name="Renamed", status="archived"),
    change("put_organization", organization="old", parent="N"),
    change("put_organization", organization="alone", parent="M"),
    change("move_organization", organization="D", to="M"),
    change("move_organization", organization="N", to="alone"),
    change("move_organization", organization="D", to="N"),
    change("suspend_organization", organization="N"),
    change("suspend_organization", organization="E"),
    change("suspend_organization", organization="M"),
    change("resume_organization", organization="E"),
    change("resume_organization", organization="N"),
    change("remove_organization", organization="alone"),
    change("put_user", user="new", name="New", type="bot", memberships={"D": "bot"}),
    change("put_user", user="ann", memberships={"P": "owner"}, status="archived"),
    change("remove_user", user="bob"),
    change("grant_membership", user="free", organization="P", role="guest"),
    change("grant_membership", user="ann", organization="N", role="owner"),
    change("revoke_membership", user="ann", organization="N"),
    change("revoke_membership", user="ann", organization="D"),
    change("revoke_membership", user="ann", organization="P"),
    change("select_organization", user="ann", organization="D"),
    change("put_resource", resource="channel:new", organization="D", kind="inbox"),
    change("put_resource", resource="channel:c", organization="P"),
    change("put_resource", resource="conversation:v", organization="N"),
    change("remove_resource", resource="conversation:v"),
    change("share", resource="agent:a", with_="all", depth="descendants"),
    change("share", resource="channel:c", with_=["D", "E"], valid_from="2026-01-01"),
    change("unshare", resource="channel:c"),
    change("unshare", resource="channel:free"),
    change("put_subscription", subscription="u", organization="M", plan="Flex", **TERM),
    change("put_subscription", subscription="s", organization="M", hybrid=True, **TERM),
    change("remove_subscription", subscription="t"),
    change("assign_subscription", user="bob", subscription="t"),
    change("assign_subscription", user="ann", subscription="s"),
    change("unassign_subscription", user="ann", subscription="s"),
    change("unassign_subscription", user="ann", subscription="t"),
    change("put_partner", partner="y", organization="M", role="provisioning_admin"),
    change("put_partner", partner="x", organization="N", role="provisioning_admin"),
    change("remove_partner", partner="x"),
]


@pytest.mark.parametrize("made", EFFECTS, ids=lambda made: " ".join(map(str, made.values())))
def test_a_change_does_what_editing_the_world_would_do(made):
    assert changed(made).at_revision(1) == directory_of(edited(WORLD, made))


def test_every_operation_has_an_effect_that_is_tried():
    assert {made["op"] for made in EFFECTS} == set(OPERATIONS)


def test_an_equal_share_is_kept_once():
    again = change("share", resource="channel:c", with_=["D"], valid_until="2027-01-01")

    assert changed(again).at_revision(1) == directory_of(WORLD)


def test_a_moved_organization_takes_everything_below_it_along():
    directory = changed(change("move_organization", organization="N", to="alone"))

    assert directory.get(("organization", "D")).path == ("alone", "N", "D")
    assert directory.children("P") == ["M"]
    assert list(directory.subtree("alone")) == ["alone", "N", "D", "E"]


def test_a_put_takes_the_place_of_the_whole_entry():
    directory = changed(change("put_user", user="ann"))
    ann = directory.get(("user", "ann"))

    assert (ann.memberships, ann.selected, ann.subscriptions) == ((), None, ())
    assert not directory.linked(("organization", "N"), "member")


def test_a_change_may_build_on_the_one_before():
    directory = changed(
        change("put_organization", organization="Q"),
        change("put_organization", organization="R", parent="Q"),
        change("put_user", user="new", memberships={"R": "admin"}),
        change("put_subscription", subscription="q", organization="R", **TERM),
        change("assign_subscription", user="new", subscription="q"),
    )

    assert directory.get(("user", "new")).subscriptions == ("q",)


def test_the_way_may_be_cleared_by_the_changes_before():
    directory = changed(
        change("remove_resource", resource="conversation:v"),
        change("remove_resource", resource="channel:free"),
        change("revoke_membership", user="ann", organization="D"),
        change("unshare", resource="channel:c"),
        change("remove_organization", organization="D"),
    )

    assert directory.get(("organization", "D")) is None


def test_a_list_of_changes_is_one_revision():
    made = [change("remove_partner", partner="x"), change("remove_user", user="bob")]

    assert changed(*made).revision == directory_of(WORLD).revision + 1


def test_no_change_at_all_is_a_revision_too():
    assert changed().revision == directory_of(WORLD).revision + 1


# When it is refused

REFUSALS = [
    (change("explode"), "op", "is not one of put_organization"),
    ({}, "op", "is missing"),
    ({"op": ["share"]}, "op", "is not one of"),
    ("share", "", "is not a table of fields"),
    (None, "", "is not a table of fields"),
    (change("put_organization"), "organization", "is missing"),
    (change("put_organization", organization="a b"), "organization", "white space"),
    (change("put_organization", organization="Q", parent="X"), "parent", "names no organization"),
    (change("put_organization", organization="Q", parent=["P", "N"]), "parent", "one parent"),
    (change("put_organization", organization="Q", parent="D"), "parent", "level 4"),
    (change("put_organization", organization="Q", parent="Q"), "parent", "names no organization"),
    (change("put_organization", organization="N", parent="D"), "parent", "above itself"),
    (change("put_organization", organization="N"), "parent", "it has subscriptions"),
    (change("put_organization", organization="Q", statsu="active"), "statsu", "mean `status`"),
    (change("put_organization", organization="Q", status="shut"), "status", "is not one of"),
    (change("move_organization", organization="X", to="N"), "organization", "names no"),
    (change("move_organization", organization="D", to="X"), "to", "names no organization"),
    (change("move_organization", organization="D"), "to", "is missing"),
    (change("move_organization", organization="N", to="N"), "to", "above itself"),
    (change("move_organization", organization="N", to="D"), "to", "above itself"),
    (change("move_organization", organization="N", to="M"), "to", "level 4"),
    (change("move_organization", organization="N", to="M"), "to", "N at level 3, but it has subs"),
    (change("suspend_organization", organization="old"), "organization", "is archived"),
    (change("resume_organization", organization="M"), "organization", "is invited"),
    (change("suspend_organization", organization="X"), "organization", "names no"),
    (change("remove_organization", organization="X"), "organization", "names no"),
    (change("remove_organization", organization="N"), "organization", "below it: organization:D"),
    (change("remove_organization", organization="N"), "organization", "subscriptions: subscript"),
    (change("remove_organization", organization="N"), "organization", "partners: partner:x"),
    (change("remove_organization", organization="D"), "organization", "members: user:ann"),
    (change("remove_organization", organization="D"), "organization", "shared with it: channel:c"),
    (change("remove_organization", organization="D"), "organization", "conversation:v"),
    (change("put_user", user="u", memberships={"X": "agent"}), "memberships.X", "not in the world"),
    (change("put_user", user="u", memberships={"N": "boss"}), "memberships.N", "is not one of"),
    (change("put_user", user="u", selected="N"), "selected", "not one of the user's memberships"),
    (change("put_user", user="u", subscriptions=["x"]), "subscriptions[0]", "not in the world"),
    (change("remove_user", user="ann"), "user", "agent:a"),
    (change("remove_user", user="x"), "user", "names no user"),
    (change("grant_membership", user="x", organization="N", role="agent"), "user", "names no"),
    (change("grant_membership", user="ann", organization="X", role="agent"), "organization", "no"),
    (change("grant_membership", user="ann", organization="N", role="x"), "role", "is not one of"),
    (change("grant_membership", user="ann", organization="N"), "role", "is missing"),
    (change("revoke_membership", user="ann", organization="X"), "organization", "names no"),
    (change("revoke_membership", user="x", organization="N"), "user", "names no user"),
    (change("select_organization", user="ann", organization="P"), "organization", "memberships"),
    (change("put_resource", resource="channel:d", organization="X"), "organization", "not in the"),
    (change("put_resource", resource="chanel:d", organization="N"), "resource", "`channel`"),
    (change("put_resource", resource="agent:b", organization="N"), "user", "is missing"),
    (change("put_resource", resource="agent:b", organization="N", user="x"), "user", "not in the"),
    (change("remove_resource", resource="channel:c"), "resource", "conversation:v"),
    (change("remove_resource", resource="channel:x"), "resource", "is not in the world"),
    (change("remove_resource", resource="user:ann"), "resource", "put it under `users`"),
    (change("share", resource="channel:x", with_="all"), "resource", "is not in the world"),
    (change("share", resource="form:f", with_="all"), "resource", "cannot be shared"),
    (change("share", resource="channel:c", with_=[]), "with", "names nobody"),
    (change("share", resource="channel:c", with_="D"), "with", "is neither"),
    (change("share", resource="channel:c", with_=["X"]), "with", "not in the world"),
    (change("share", resource="channel:c", with_=["M"]), "with", "does not lie below N"),
    (change("share", resource="channel:c", with_=["N"]), "with", "does not lie below N"),
    (change("share", resource="channel:c", with_=["P"]), "with", "does not lie below N"),
    (change("unshare", resource="channel:x"), "resource", "is not in the world"),
    (
        change("put_subscription", subscription="u", organization="D", **TERM),
        "organization",
        "el 3",
    ),
    (change("put_subscription", subscription="u", organization="X", **TERM), "organization", "not"),
    (change("put_subscription", subscription="u", organization="N"), "starts", "is missing"),
    (change("remove_subscription", subscription="s"), "subscription", "mapped to it: user:ann"),
    (change("remove_subscription", subscription="x"), "subscription", "names no subscription"),
    (change("assign_subscription", user="bob", subscription="x"), "subscriptions[0]", "not in the"),
    (change("assign_subscription", user="x", subscription="s"), "user", "names no user"),
    (change("unassign_subscription", user="ann", subscription="x"), "subscription", "names no"),
    (
        change("put_partner", partner="y", organization="X", role="full_admin"),
        "organization",
        "not",
    ),
    (change("put_partner", partner="y", organization="N", role="x"), "role", "is not one of"),
    (change("remove_partner", partner="y"), "partner", "names no partner"),
    (change("remove_partner", partner="x", reason="left"), "reason", "is not known here"),
]


@pytest.mark.parametrize(
    ("made", "field", "reason"), REFUSALS, ids=[f"{m}: {r}" for m, _, r in REFUSALS]
)
def test_a_change_that_cannot_be_made_is_refused_with_its_place_and_reason(made, field, reason):
    found = (
        refused(change("suspend_organization", organization="E"), made)
        if made
        else refused(made, made)
    )
    index = 1 if made else 0
    path = f"changes[{index}].{field}" if field else f"changes[{index}]"

    assert any(each[0] == path and reason in each[2] for each in found), found


def test_a_channel_called_all_is_a_channel_like_any_other():
    before = {
        "organizations": {"P": {}},
        "resources": {
            "channel:all": {"organization": "P"},
            "conversation:v": {"organization": "P", "channel": "all"},
        },
    }

    assert refused(change("remove_resource", resource="channel:all"), before=before)


def test_every_problem_of_the_first_bad_change_is_listed():
    found = refused(
        change("put_user", user="a b", memberships={"N": "x"}, type="y", nickname="z"),
        change("explode"),
    )

    assert {path for path, _, _ in found} == {
        "changes[0].user",
        "changes[0].memberships.N",
        "changes[0].type",
        "changes[0].nickname",
    }


# Whatever is changed


@st.composite
def changed_worlds(draw):
    """A world with up to four changes."""
    levels = draw(st.sampled_from((3, 3, 5)))
    document = draw(worlds(levels))
    return document, levels, draw(st.lists(changes(document), min_size=1, max_size=4))


@examples(250)
@given(changed_worlds())
def test_changing_the_facts_is_editing_the_world(drawn):
    document, levels, made = drawn
    directory = directory_of(document, levels)

    for each in made:
        try:
            directory = apply_changes(directory, [each], schema())
        except InvalidChanges:
            continue
        document = edited(document, each)

    expected = directory_of(document, levels)
    assert directory.at_revision(1) == expected
    assert directory.links == expected.links


@examples(150)
@given(changed_worlds())
def test_changed_facts_can_be_written_and_read(drawn):
    document, levels, made = drawn
    directory = directory_of(document, levels)
    for each in made:
        try:
            directory = apply_changes(directory, [each], schema())
        except InvalidChanges:
            assert directory.revision >= 1

    again = read_world(write_world(directory), schema(), levels, directory.revision)

    assert again == directory


@examples(100)
@given(changed_worlds())
def test_a_list_applies_whole_or_not_at_all(drawn):
    document, levels, made = drawn
    directory = directory_of(document, levels)
    before = write_world(directory)

    stepwise = directory
    try:
        for each in made:
            stepwise = apply_changes(stepwise, [each], schema())
    except InvalidChanges:
        with pytest.raises(InvalidChanges):
            apply_changes(directory, made, schema())
    else:
        assert apply_changes(directory, made, schema()) == stepwise.at_revision(2)
    assert write_world(directory) == before
    assert directory == directory_of(document, levels)


@examples(60)
@given(scenes(), st.data())
def test_what_was_changed_decides_as_if_it_had_always_been_so(scene, data):
    document, levels, asked = scene
    change = data.draw(changes(document))
    try:
        directory = apply_changes(directory_of(document, levels), [change], schema())
    except InvalidChanges:
        assume(False)

    assert answers(directory, asked) == answers(
        directory_of(edited(document, change), levels), asked
    )


@examples(150)
@given(worlds(levels=4), st.data())
def test_a_change_touches_only_what_it_names(document, data):
    change = data.draw(changes(document))
    before = directory_of(document, 4)
    try:
        after = apply_changes(before, [change], schema())
    except InvalidChanges:
        assume(False)

    touched = {
        key
        for key in {*before.records, *after.records}
        if before.records.get(key) is not after.records.get(key)
    }
    named = {value for value in change.values() if isinstance(value, str)}
    moved = change["op"] in ("put_organization", "move_organization")
    below = set(after.subtree(change["organization"])) if moved else set()
    assert all(
        key[1] in named or ":".join(key) in named or (key[0] == "organization" and key[1] in below)
        for key in touched
    )


def test_a_change_in_a_large_world_shares_almost_all_of_it():
    rows = {f"d{number}": {"parent": "N"} for number in range(2_000)}
    users = {f"u{number}": {"memberships": {f"d{number}": "agent"}} for number in range(2_000)}
    large = {**WORLD, "organizations": {**WORLD["organizations"], **rows}}
    before = directory_of({**large, "users": {**WORLD["users"], **users}})

    after = apply_changes(
        before, [change("grant_membership", user="u7", organization="d8", role="agent")], schema()
    )

    assert [key for key, record in after.records.items() if before.records[key] is not record] == [
        ("user", "u7")
    ]
    # With a second membership, the user is one of those who are not in one place.
    assert {end for end, held in after.links.items() if before.links.get(end) is not held} == {
        ("organization", "d8", "member"),
        SCATTERED,
    }


@examples(150)
@given(st.data())
def test_an_arbitrary_change_is_made_or_refused(data):
    anything = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    anything |= st.sampled_from(["N", "D", "ann", "channel:c", "s", "x", "agent", "all"])
    anything |= st.lists(anything, max_size=3) | st.dictionaries(st.text(max_size=3), anything)
    fields = ("organization", "parent", "to", "user", "role", "memberships", "subscription")
    fields += ("resource", "with", "depth", "valid_from", "starts", "ends", "partner", "type")
    fields += ("selected", "subscriptions", "status", "channel", "entitlements")
    change = data.draw(
        st.fixed_dictionaries(
            {"op": st.sampled_from(sorted(OPERATIONS))}, optional=dict.fromkeys(fields, anything)
        )
    )
    directory = directory_of(WORLD)

    try:
        after = apply_changes(directory, [change], schema())
    except InvalidChanges as refusal:
        assert refusal.problems
    else:
        assert after.revision == directory.revision + 1
    assert directory == directory_of(WORLD)
