"""Lists, scopes and pages say exactly what single decisions say: in every world, by any policy."""

import random
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from differential import NOW as LATER
from differential import random_policies, random_request, random_world
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, changes, directory_of, engine, examples, requests, scenes, worlds

from service.api.pages import KEPT_REVISIONS, KEPT_SECONDS, Pages, Revisions
from service.api.search_rendering import scope_body
from service.config import Settings
from service.domain.changes import apply_changes
from service.domain.moment import Moment
from service.domain.reading import Readable
from service.domain.schema import BUILT_IN_TYPES
from service.domain.world import read_world
from service.errors import InvalidChanges, InvalidPageToken, PageTokenExpired
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set
from service.policy.reads import Refused, read
from service.search import attempts, enumerating
from service.search.candidates import place_of, resources_of, subjects_of
from service.search.lists import allowed, find_actions, find_resources, find_subjects, refusal
from service.search.notes import Notes, Undecided
from service.search.places import Name
from service.search.scopes import find_scope
from service.search.stand_ins import Role
from service.search.watched import WatchedMoment

FIND = {"resource": find_resources, "subject": find_subjects}
ANYBODY = AccessRequest("user", "", "view", "organization", "")


def checked(law, moment, request, wanted):
    """Every item that a single decision about it allows, found the long way."""
    kind = getattr(request, f"{wanted}_type")
    keys = [key for key in moment.directory.records if key[0] == kind]
    asked = [(key, request.but(**{f"{wanted}_id": key[1]})) for key in keys]
    return {key for key, each in asked if allowed(law, moment, each)}


def differences(law, moment, request):
    """The lists of this request that are not what single decisions say."""
    for wanted, find in FIND.items():
        if list(find(law, moment, request)) != sorted_as_told(
            checked(law, moment, request, wanted), moment, request if wanted == "subject" else None
        ):
            yield wanted, request


def sorted_as_told(keys, moment, acting):
    directory = moment.directory
    return sorted(
        keys, key=lambda key: (place_of(directory.records[key], directory, acting), key[1])
    )


def random_scene(seed, searches=8):
    """A random law, random facts, and searches of both kinds."""
    chance = random.Random(f"search {seed}")
    law = Engine(random_policies(chance))
    directory = read_world(random_world(chance), law.policies.schema)
    for _ in range(searches):
        request = random_request(chance)
        if chance.random() < 0.9:
            request = request.but(resource_properties={})
        yield law, Moment(directory, LATER, law.vocabulary), request


# Lists


@examples(30)
@given(scenes(count=4))
def test_an_item_is_in_a_list_if_and_only_if_a_decision_allows_it(scene):
    document, levels, asked = scene
    moment = Moment(directory_of(document, levels), NOW, engine().vocabulary)

    for request in asked:
        assert [] == list(differences(engine(), moment, request))


@examples(30)
@given(st.integers(0, 1_000_000))
def test_lists_are_exact_by_laws_that_nobody_has_seen(seed):
    for law, moment, request in random_scene(seed):
        assert [] == list(differences(law, moment, request)), law.policies.files[0].text


@examples(15)
@given(st.integers(0, 1_000_000))
def test_lists_are_the_same_cold_and_warm_and_by_oso_alone(seed):
    for law, moment, request in random_scene(seed, searches=3):
        cold, alone = Engine(law.policies), Engine(law.policies, plans=False)
        for find in FIND.values():
            expected = list(find(alone, moment, request))

            assert expected == list(find(cold, moment, request))
            assert expected == list(find(cold, moment, request))
        assert cold.plans.counts().contradictions == 0


@examples(25)
@given(scenes(count=3), st.data())
def test_a_list_can_be_begun_behind_any_of_its_items(scene, data):
    document, levels, asked = scene
    moment = Moment(directory_of(document, levels), NOW, engine().vocabulary)

    for request in asked:
        for find in FIND.values():
            whole = list(find(engine(), moment, request))
            if whole:
                at = data.draw(st.integers(0, len(whole) - 1))
                assert whole[at + 1 :] == list(find(engine(), moment, request, whole[at]))


@examples(30)
@given(scenes(count=4))
def test_the_actions_that_are_found_are_those_that_decisions_allow(scene):
    document, levels, asked = scene
    moment = Moment(directory_of(document, levels), NOW, engine().vocabulary)

    for request in asked:
        known = engine().policies.schema.types[request.resource_type].actions
        expected = [name for name in known if allowed(engine(), moment, request.but(action=name))]
        assert sorted(expected) == find_actions(engine(), moment, request)


@examples(30)
@given(scenes(count=4))
def test_where_a_search_is_refused_whole_every_decision_is_denied_for_that_reason(scene):
    document, levels, asked = scene
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory_of(document, levels)))
    moment = pdp.moment(NOW)

    for request in asked:
        for wanted in FIND:
            failure = refusal(wanted, moment, request)
            if failure is not None:
                assert set() == checked(engine(), moment, request, wanted)


# Scopes


def wrong_places(law, moment, request):
    """The organizations in which the scope and a decision are of two minds."""
    if request.resource_type != "organization":
        request = request.but(resource_id="nowhere else")
    scope = find_scope(law, moment, request)
    for name, record in moment.directory.organizations.items():
        there = request.but(resource_id=name, resource_properties={})
        if request.resource_type != "organization":
            said = {**request.resource_properties, "organization": name}
            there = request.but(resource_properties=said)
        if allowed(law, moment, there) != scope.has(record.path):
            yield name, scope


def with_a_scope(request):
    return request.resource_type == "organization" or request.resource_type not in BUILT_IN_TYPES


@examples(40)
@given(scenes(count=4))
def test_an_organization_is_in_the_scope_if_and_only_if_a_decision_there_allows(scene):
    document, levels, asked = scene
    moment = Moment(directory_of(document, levels), NOW, engine().vocabulary)

    for request in filter(with_a_scope, asked):
        assert [] == list(wrong_places(engine(), moment, request))


@examples(30)
@given(st.integers(0, 1_000_000))
def test_scopes_are_exact_by_laws_that_nobody_has_seen(seed):
    for law, moment, request in random_scene(seed):
        assert [] == list(wrong_places(law, moment, request)), law.policies.files[0].text


@examples(40)
@given(scenes(count=3, kinds=("conversation", "invoice", "integration")), st.data())
def test_a_scope_holds_for_organizations_that_are_added_later(scene, data):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    moment = Moment(directory, NOW, engine().vocabulary)
    open_places = [
        name
        for name, record in sorted(directory.organizations.items())
        if len(record.path) < levels
    ]
    above = data.draw(st.sampled_from(open_places))
    added = {"op": "put_organization", "organization": "new", "name": "New", "parent": above}
    grown = apply_changes(directory, [added], engine().policies.schema)
    later = Moment(grown, NOW, engine().vocabulary)
    path = grown.organizations["new"].path

    for request in asked:
        scope = find_scope(engine(), moment, request)
        if scope.nowhere is None and not scope.organizations:
            said = {**request.resource_properties, "organization": "new"}
            there = request.but(resource_id="nowhere else", resource_properties=said)
            assert allowed(engine(), later, there) == scope.has(path)


def condition(body):
    """A scope as the README makes a WHERE clause of it, and its parameters."""
    parts, values = [], []

    def holds(text, *given):
        values.extend(given)
        return text

    def like(name):
        escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%#{escaped}#%"

    for subtree in body["subtrees"]:
        wanted = ["1"]
        if "within" in subtree:
            above = "#".join(["", *subtree["path"], ""])
            wanted.append(holds("substr(path, 1, ?) = ?", len(above), above))
        for name in subtree.get("without", ()):
            wanted.append(holds("path NOT LIKE ? ESCAPE '\\'", like(name)))
        if "levels" in subtree:
            wanted.append(f"level IN ({', '.join(map(str, subtree['levels']))})")
        parts.append(" AND ".join(wanted))
    for name in body.get("organizations", ()):
        parts.append(holds("organization = ?", name))
    return " OR ".join(f"({part})" for part in parts) or "0", values


@examples(40)
@given(scenes(count=4, kinds=("conversation", "organization", "invoice", "form")))
def test_a_scope_is_a_condition_on_the_paths_of_a_table(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    moment = Moment(directory, NOW, engine().vocabulary)
    with closing(sqlite3.connect(":memory:")) as table:
        table.execute("PRAGMA case_sensitive_like = ON")
        table.execute("CREATE TABLE places (organization, path, level)")
        for name, record in directory.organizations.items():
            row = (name, "#".join(["", *record.path, ""]), len(record.path))
            table.execute("INSERT INTO places VALUES (?, ?, ?)", row)
        for request in asked:
            scope = find_scope(engine(), moment, request)
            where, values = condition(scope_body(scope, directory))
            rows = table.execute(f"SELECT organization FROM places WHERE {where}", values)
            expected = {n for n, each in directory.organizations.items() if scope.has(each.path)}
            assert expected == {name for (name,) in rows}


WORLD = {
    "organizations": {
        "P": {},
        "A": {"parent": "P"},
        "A1": {"parent": "A"},
        "A2": {"parent": "A", "status": "suspended"},
        "B": {"parent": "P"},
    },
    "users": {
        "ada": {"memberships": {"A": "agent"}},
        "pia": {"memberships": {"P": "admin"}},
        "abe": {"memberships": {"A1": "agent"}},
    },
    "resources": {
        "channel:all": {"organization": "A"},
        "channel:one": {"organization": "A"},
        "article:a": {"organization": "A"},
    },
    "shares": [
        {"resource": "channel:all", "with": "all"},
        {"resource": "channel:one", "with": ["A1"]},
        {"resource": "article:a", "with": ["A1"]},
    ],
}


def scope_of(user, action, kind="conversation", **properties):
    moment = Moment(directory_of(WORLD), NOW, engine().vocabulary)
    request = AccessRequest("user", user, action, kind, "", resource_properties=properties)
    return find_scope(engine(), moment, request)


@pytest.mark.parametrize(
    ("user", "action", "properties", "subtrees"),
    [
        ("ada", "read", {}, [("A", None, ())]),
        ("ada", "reply", {}, [("A", None, ("A2",))]),
        ("abe", "reply", {}, [("A1", None, ())]),
        ("pia", "reply", {}, [("P", None, ())]),
        ("ada", "reply", {"channel": "one"}, [("A", (2,), ()), ("A1", None, ())]),
        ("ada", "reply", {"channel": "all"}, [("A", None, ("A2",))]),
    ],
)
def test_a_scope_is_as_short_as_the_answer_is_simple(user, action, properties, subtrees):
    assert subtrees == [tuple(each) for each in scope_of(user, action, **properties).subtrees]


def test_a_scope_says_at_which_levels():
    found = scope_of("pia", "view", "invoice")

    assert [("P", (2,), ())] == [tuple(each) for each in found.subtrees]


def test_a_scope_says_what_it_takes_for_granted():
    assert () == scope_of("ada", "read").assumed
    assert (("channel", None),) == scope_of("ada", "reply").assumed
    assert (("channel", "one"),) == scope_of("ada", "reply", channel="one").assumed


def test_a_scope_that_is_nowhere_says_why():
    assert "unknown-subject" == scope_of("nobody", "read").nowhere.reason
    assert "unknown-action" == scope_of("ada", "fly").nowhere.reason
    assert () == scope_of("ada", "view", "invoice").subtrees
    assert scope_of("ada", "view", "invoice").nowhere is None


# Classes instead of loops


def large(dealers):
    """A platform, an account, so many dealers with three channels each, and some people."""
    names = [f"D{number:05}" for number in range(dealers)]
    resources = {
        f"channel:{name}.{number}": {"organization": name} for name in names for number in range(3)
    }
    resources |= {f"channel:N.{number}": {"organization": "N"} for number in range(3)}
    people = {f"u-{name}": {"memberships": {name: "agent"}} for name in names}
    return directory_of(
        {
            "organizations": {"P": {}, "N": {"parent": "P"}, **{n: {"parent": "N"} for n in names}},
            "users": {
                "pia": {"memberships": {"P": "admin"}},
                "ned": {"memberships": {"N": "admin"}},
                **people,
            },
            "resources": resources,
            "shares": [{"resource": "channel:N.0", "with": "all"}],
        }
    )


def questions_of(directory, find, request):
    """How many questions of either kind a list takes, and how many items it has."""
    law, asked = Engine(read_policy_set(Settings().policies)), []
    explored, found = law.explored, law.settle
    law.explored = lambda *rest: asked.append(1) or explored(*rest)
    law.settle = lambda *rest: asked.append(1) or found(*rest)
    items = list(find(law, Moment(directory, NOW, law.vocabulary), request))
    return len(asked), len(items)


@pytest.mark.parametrize("user", ["pia", "ned", "u-D00001"])
def test_what_can_be_read_takes_no_more_questions_in_a_larger_world(user):
    request = AccessRequest("user", user, "view", "channel", "")

    few, items = questions_of(large(20), find_resources, request)
    many, more_items = questions_of(large(400), find_resources, request)

    assert few == many < 40
    assert more_items == items if user == "u-D00001" else more_items > 15 * items


def test_who_may_reply_takes_no_more_questions_in_a_larger_world():
    said = {"organization": "D00001"}
    request = AccessRequest("user", "", "reply", "conversation", "c", resource_properties=said)

    few, many = (questions_of(large(size), find_subjects, request) for size in (20, 400))

    assert few == many
    assert 3 == few[1]


def test_suppositions_leave_half_of_a_plan_to_real_questions(monkeypatch):
    law = Engine(read_policy_set(Settings().policies))
    moment = Moment(directory_of(WORLD), NOW, law.vocabulary)
    request = AccessRequest("user", "abe", "view", "channel", "one")
    monkeypatch.setattr(attempts._SupposingTape, "room", 0)

    assert {("channel", "one"), ("channel", "all")} == set(find_resources(law, moment, request))
    asked = law.plans.counts()
    assert 0 < asked.nodes < 100, "of the decisions about the channels of A"
    assert asked.kept_out > 0


# What is watched


def every_read(directory, notes, moment):
    """Each read of everything that stands for a candidate, on what the world has for it."""
    law, classes = engine(), moment.vocabulary.entity_classes
    real = Moment(directory, NOW, law.vocabulary)
    given = {
        "Organization": [real.organization(name) for name in directory.organizations],
        "User": [real.find(("user", "ada"))],
        "str": ["channel", "organization"],
        "int": [0, 30],
    }
    given["Organization"].append(moment.organization(Name(notes)))
    stands = [
        each.stand(notes, moment)
        for kind in law.policies.schema.types
        for each in [
            *resources_of(kind, directory, classes),
            *subjects_of(kind, ANYBODY, directory, classes),
        ]
    ]
    for entity in stands:
        for name, known in type(entity).READS.items():
            if not known.called:
                yield entity, name, None
            for kind in known.parameters:
                yield from ((entity, name, [value]) for value in given[kind])


def test_no_read_hands_out_a_value_that_is_watched_itself():
    directory = directory_of(WORLD)
    told = 0
    for path in (("P",), ("P", "A"), ("P", "A", "A1")):
        notes = Notes(directory, path, {})
        moment = WatchedMoment(notes, Moment(directory, NOW, engine().vocabulary))
        for entity, name, arguments in every_read(directory, notes, moment):
            tape = attempts._SupposingTape.__new__(attempts._SupposingTape)
            tape._notes, tape.undecided = notes, False
            tape.registers = [entity, *(arguments or ())]
            step = attempts.Step(
                "read", name, tuple(range(len(tape.registers))), arguments is not None
            )
            try:
                value = tape.perform(step)
            except (Refused, Undecided):
                continue
            told += 1
            assert isinstance(value, bool | str | int | Readable | tuple), (entity, name)
            assert type(value) not in (Name, Role)
    assert told > 200


def test_a_watched_place_answers_every_read_as_the_organization_itself_does():
    directory = directory_of(WORLD)
    vocabulary = engine().vocabulary
    real = Moment(directory, NOW, vocabulary)
    for record in directory.organizations.values():
        notes = Notes(directory, record.path, {})
        watched = WatchedMoment(notes, real).organization(Name(notes))
        itself = real.organization(record.key[1])
        others = [real.organization(name) for name in directory.organizations]
        for name, known in type(itself).READS.items():
            takes = {(): [None], ("Organization",): [[each] for each in others]}
            for arguments in takes.get(known.parameters, []):
                arguments = arguments if known.called else None
                try:
                    expected = read(itself, name, arguments)
                except Refused:
                    with pytest.raises((Refused, Undecided)):
                        read(watched, name, arguments)
                    continue
                try:
                    answer = read(watched, name, arguments)
                except Undecided:
                    continue
                if not isinstance(expected, Readable) and type(answer) is not Name:
                    assert expected == answer, (name, record.path)


def first_difference(laws=60):
    for seed in range(laws):
        for law, moment, request in random_scene(seed, searches=6):
            for difference in differences(law, moment, request):
                return difference
            if with_a_scope(request):
                for difference in wrong_places(law, moment, request):
                    return difference
    return None


def test_without_a_fault_the_search_for_faults_finds_nothing():
    assert first_difference() is None


def test_a_fault_is_found_when_a_query_is_not_noted(monkeypatch):
    monkeypatch.setattr(Notes, "ask", lambda self, query: query.answer(self.path, self.directory))

    assert first_difference() is not None


def test_a_fault_is_found_when_what_is_touched_is_forgotten(monkeypatch):
    forgotten = property(lambda self: 0, lambda self, value: None)
    monkeypatch.setattr(Notes, "touched", forgotten, raising=False)

    assert first_difference() is not None


def test_a_fault_is_found_when_halves_of_a_region_are_joined_whatever_they_say(monkeypatch):
    def joined(found):
        whole = {region.before_last(): areas for region, areas in found.items() if areas}
        return [area._replace(region=r) for r, areas in whole.items() for area in areas]

    monkeypatch.setattr(attempts, "_joined", joined)

    assert first_difference() is not None


def test_a_fault_is_found_when_singled_out_candidates_are_forgotten(monkeypatch):
    def forgetful(*rest, **more):
        return attempts.find_areas(*rest, **more)._replace(singled=frozenset())

    document = {**WORLD, "users": {"gus": {"memberships": {"A": "guest"}}}}
    moment = Moment(directory_of(document), NOW, engine().vocabulary)
    sees_himself = AccessRequest("user", "gus", "view", "user", "")
    assert [("user", "gus")] == list(find_resources(engine(), moment, sees_himself))

    monkeypatch.setattr(enumerating, "find_areas", forgetful)

    assert [] == list(find_resources(engine(), moment, sees_himself))


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_beyond_the_limit_of_attempts_candidates_are_decided_one_by_one(monkeypatch, limit):
    monkeypatch.setattr(attempts, "ATTEMPTS_LIMIT", limit)

    assert first_difference(laws=25) is None


def test_a_scope_is_of_the_same_mind_where_it_has_to_ask_every_organization(monkeypatch):
    monkeypatch.setattr(attempts, "ATTEMPTS_LIMIT", 0)

    assert ("A", "A1") == scope_of("ada", "reply").organizations


# Pages


class ChangingFacts:
    """Facts of which a test makes the next revision."""

    def __init__(self, directory):
        self.directory = directory.at_revision(1)

    def snapshot(self):
        return self.directory

    def change(self, change):
        try:
            changed = apply_changes(self.directory, [change], engine().policies.schema)
        except InvalidChanges:
            changed = self.directory
        self.directory = changed.at_revision(self.directory.revision + 1)


class Listing:
    """A list asked for page by page, as the routes ask for it."""

    def __init__(self, facts, request, clock=lambda: 0.0, pdp_clock=lambda: NOW, secret="s" * 16):
        self.pdp = PolicyDecisionPoint(engine(), facts, pdp_clock)
        self.pages = Pages(self.pdp, secret, 1000, Revisions(clock=clock))
        self.request = request

    def page(self, limit, token=None, wanted="resource"):
        query = {"wanted": wanted, **self.request.members()}
        page = self.pages.page(query, limit, token)
        found = list(FIND[wanted](engine(), page.moment, self.request, page.after))
        items = found[: page.limit]
        if len(found) <= page.limit:
            return items, ""
        return items, self.pages.token(query, page, items[-1] if items else page.after)


@examples(40)
@given(worlds(crowded=True), st.data())
def test_pages_together_are_the_list_of_the_first_however_the_facts_change(document, data):
    facts = ChangingFacts(directory_of(document))
    request = data.draw(requests(document)).but(resource_properties={})
    listing = Listing(facts, request)
    wanted = data.draw(st.sampled_from(sorted(FIND)))
    whole = list(FIND[wanted](engine(), listing.pdp.moment(), request))

    items, token = listing.page(1, wanted=wanted)
    for _ in range(KEPT_REVISIONS - 1):
        if token:
            facts.change(data.draw(changes(document)))
            page, token = listing.page(None, token, wanted)
            items += page

    assert whole[: len(items)] == items
    assert token or whole == items


DEALER_CHANNELS = AccessRequest("user", "pia", "view", "channel", "")
RENAMED = {"op": "put_organization", "organization": "B", "name": "b", "parent": "P"}


def test_all_pages_are_of_one_instant():
    now = NOW
    facts = ChangingFacts(directory_of(WORLD | {"shares": [
        {"resource": "channel:all", "with": "all", "valid_until": NOW + timedelta(hours=1)},
        {"resource": "channel:one", "with": "all", "valid_until": NOW + timedelta(hours=1)},
    ]}))  # fmt: skip
    asked = AccessRequest("user", "abe", "view", "channel", "")
    listing = Listing(facts, asked, pdp_clock=lambda: now)

    first, token = listing.page(1)
    now += timedelta(hours=2)
    second, end = listing.page(1, token)

    assert [("channel", "all"), ("channel", "one")] == first + second
    assert ("", []) == (end, listing.page(1)[0])


def test_a_token_of_a_revision_that_is_gone_says_so():
    facts = ChangingFacts(directory_of(WORLD))
    listing = Listing(facts, DEALER_CHANNELS)
    _, token = listing.page(1)

    for _ in range(KEPT_REVISIONS):
        facts.change(RENAMED)
        listing.page(1)
    with pytest.raises(PageTokenExpired):
        listing.page(1, token)


def test_a_token_outlives_changes_for_a_minute_and_no_longer():
    seconds = 0.0
    facts = ChangingFacts(directory_of(WORLD))
    listing = Listing(facts, DEALER_CHANNELS, clock=lambda: seconds)
    _, token = listing.page(1)
    facts.change(RENAMED)

    seconds = KEPT_SECONDS - 1
    assert [("channel", "one")] == listing.page(1, token)[0]
    seconds = KEPT_SECONDS + 1
    with pytest.raises(PageTokenExpired):
        listing.page(1, token)


def test_a_token_without_changes_never_expires():
    seconds = 0.0
    listing = Listing(ChangingFacts(directory_of(WORLD)), DEALER_CHANNELS, clock=lambda: seconds)
    _, token = listing.page(1)

    seconds = 1e9
    assert [("channel", "one")] == listing.page(1, token)[0]


def test_a_token_does_not_outlive_its_law():
    facts = ChangingFacts(directory_of(WORLD))
    listing = Listing(facts, DEALER_CHANNELS)
    _, token = listing.page(1)
    amended = PolicyDecisionPoint(Engine(random_policies(random.Random(1))), facts)

    query = {"wanted": "resource", **DEALER_CHANNELS.members()}
    with pytest.raises(PageTokenExpired):
        Pages(amended, "s" * 16, 1000).page(query, None, token)


def test_a_token_goes_with_no_other_search():
    facts = ChangingFacts(directory_of(WORLD))
    _, token = Listing(facts, DEALER_CHANNELS).page(1)

    for changed in (
        {"subject_id": "ada"},
        {"action": "use"},
        {"resource_type": "article"},
        {"context": {"organization": "P"}},
        {"resource_properties": {"organization": "A"}},
        {"action_properties": {"x": 1}},
    ):
        with pytest.raises(InvalidPageToken):
            Listing(facts, DEALER_CHANNELS.but(**changed)).page(1, token)


def test_a_token_of_another_service_is_refused():
    facts = ChangingFacts(directory_of(WORLD))
    _, token = Listing(facts, DEALER_CHANNELS, secret="another secret of 16").page(1)

    with pytest.raises(InvalidPageToken):
        Listing(facts, DEALER_CHANNELS).page(1, token)


def test_no_more_revisions_are_kept_than_the_limit():
    revisions = Revisions(most=3, clock=lambda: 0.0)
    directory = directory_of(WORLD)
    for number in range(10):
        revisions.keep(directory.at_revision(number))

    assert [7, 8, 9] == [number for number in range(10) if revisions.find(number)]
