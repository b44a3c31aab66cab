"""The law of the repository: every table holds, every rule is there for a reason."""

from functools import cache
from pathlib import Path

import pytest

from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world
from service.errors import InvalidPolicy
from service.policy.decision import AccessRequest, Findings
from service.policy.engine import Engine
from service.policy.lint import characters_of_texts, lint
from service.policy.pdp import FixedFacts, PolicyDecisionPoint, clock
from service.policy.policy_set import PolicySet, policy_set, read_policy_set
from service.policy.question import resolve
from service.policy.tables import Case, read_table, run_case

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"policies": ROOT / "policies", "documents": ROOT / "fixtures" / "documents"}
TABLES = {
    "policies": [
        *sorted((ROOT / "policies" / "tables").glob("*.cases.toml")),
        *sorted((ROOT / "fixtures").glob("*.cases.toml")),
    ],
    "documents": sorted(FOLDERS["documents"].glob("*.cases.toml")),
}
RULES = [
    (name, rule.name) for name, folder in FOLDERS.items() for rule in read_policy_set(folder).rules
]


@cache
def engine_of(name: str) -> Engine:
    return Engine(read_policy_set(FOLDERS[name]))


@cache
def world_of(name: str, path: Path) -> Directory:
    return read_world(parse_world(path.read_bytes(), path.name), engine_of(name).policies.schema)


def cases_of(name: str) -> list[tuple[Case, Directory]]:
    """Every case of a policy set with the facts in which it is asked."""
    found = []
    for path in TABLES[name]:
        table = read_table(path.read_bytes(), path.name)
        directory = world_of(name, (path.parent / table.world).resolve())
        found += [(case, directory) for case in table.cases]
    return found


@cache
def witnesses(name: str) -> frozenset[str]:
    """The rules that settle some case alone.

    An allow rule does if it is the only one that matches and the request is allowed, a deny rule
    if it is the only one and an allow rule would have let the request through.
    """
    engine, found = engine_of(name), set()
    for case, directory in cases_of(name):
        if case.after:
            directory = apply_changes(directory, case.after, engine.policies.schema)
        question = resolve(case.request, Moment(directory, case.now or clock(), engine.vocabulary))
        findings = engine.findings(question) if hasattr(question, "subject") else Findings()
        if not findings.denies:
            found |= set(findings.allows if len(findings.allows) == 1 else ())
            found |= set(findings.obligations)
        elif len(findings.denies) == 1 and findings.allows:
            found |= set(findings.denies)
    return frozenset(found)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_case_of_every_table_is_decided_as_it_says(name):
    outcomes = [run_case(case, engine_of(name), facts) for case, facts in cases_of(name)]

    assert [] == [str(outcome) for outcome in outcomes if not outcome.passed]
    assert outcomes


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule for _, rule in RULES])
def test_every_rule_has_a_case_that_only_it_settles(name, rule):
    assert rule in witnesses(name)


@pytest.mark.parametrize("name", FOLDERS)
def test_no_two_rules_have_one_name(name):
    names = [rule.name for rule in read_policy_set(FOLDERS[name]).rules]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_word_of_every_rule_means_something(name):
    assert [] == lint(read_policy_set(FOLDERS[name]))


@pytest.mark.parametrize("name", FOLDERS)
def test_every_action_is_allowed_to_somebody_somewhere(name):
    engine = engine_of(name)
    allowed = {
        (case.request.resource_type, case.request.action)
        for case, _ in cases_of(name)
        if case.expected == "allow"
    }
    declared = {
        (kind, action)
        for kind, known in engine.policies.schema.types.items()
        for action in known.actions
    }
    never = {("service", "view"), ("folder", "view")} if name == "documents" else set()

    assert declared - never == allowed & declared - never


def changed(text: str) -> PolicySet:
    types = (ROOT / "policies" / "types.toml").read_bytes()
    return policy_set([("a.polar", text.encode())], types)


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        (
            "allow(user: Usr",
            'user.id = "x"',
            "is no class of this policy set; did you mean `User`?",
        ),
        (
            "allow(user: User",
            'user.rol = "x"',
            "`rol` is nothing that User has; did you mean `role`?",
        ),
        ("allow(user: User", 'user.organization.acount.id = "x"', "did you mean `account`?"),
        ("allow(user: User", 'user.id = "x" and request.too.id = "y"', "did you mean `to`?"),
        (
            "allow(user: User",
            'user.id = "x" and request.with.has("id")',
            "is no parameter of `read`",
        ),
        ("allow(user: Organization", 'user.id = "x"', "is no type of subject"),
    ],
)
def test_a_word_that_means_nothing_is_found_before_it_is_in_force(head, body, reason):
    rule = f'# A.\n{head}, "read", c: Conversation, "a") if {body} and c.organization.is_leaf;'

    assert any(reason in str(problem) for problem in lint(changed(rule)))


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('"a" in user.id', "user.id"),
        ('"adm" in user.role_over(c.organization)', "user.role_over"),
        ('user.role in c.channel.kind and user.role = "x"', "c.channel.kind"),
        ('"x" in request.type', "request.type"),
        ('user.role in ["admin", "owner"]', None),
        ('place in user.organizations and place.id = "x"', None),
        ("role_may(roles) and user.role in roles", None),
    ],
)
def test_going_through_a_text_is_named_and_no_problem(condition, found):
    rule = f'# A.\nallow(user: User, "add_subscription", c: Conversation, "a") if {condition};'
    policies = changed(f'{rule}\nrole_may(["admin"]);\n')

    named = [(each.path, each.value) for each in characters_of_texts(policies)]

    column = rule.split("\n")[1].find(f" in {found}") + len(" in ") + 1
    assert named == ([] if found is None else [(f"a.polar:2:{column}", found)])


@pytest.mark.parametrize("name", FOLDERS)
def test_no_rule_of_ours_goes_through_a_text(name):
    assert [] == characters_of_texts(read_policy_set(FOLDERS[name]))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ('request.has("{}")', "a.polar:3:14: `chanel` is nothing that the request has; did you"),
        ('c.has("{}")', "a.polar:3:8: `chanel` is nothing that Conversation has; did you"),
        (
            'one = c and one.has("{}")',
            "a.polar:3:22: `chanel` is a word that nothing here has; did",
        ),
    ],
)
def test_a_word_that_nothing_has_is_found_inside_has(asked, problem):
    head = '# A.\nallow(_: User, "read", c: Conversation, "a") if c.organization.is_leaf and\n '
    wrong, right = (changed(f"{head}{asked.format(name)};") for name in ("chanel", "channel"))

    (found,) = lint(wrong)
    assert str(found).startswith(problem)
    assert str(found).endswith("did you mean `channel`?")
    assert lint(right) == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ('context.has("channel")', "`channel` is nothing that the context has"),
        ('c.organization.has("acount")', "nothing that Organization has; did you mean `account`?"),
        ('request.to.has("i\\"d")', '`i"d` is nothing that Organization has; did you mean `id`?'),
        ('request.with.has("all_belw")', "nothing that a list of organizations has; did you mean"),
    ],
)
def test_whose_word_it_is_not_is_said_in_words(asked, reason):
    text = f'# A.\nallow(_: User, "move", c: Conversation, "a") if {asked} and c.channel.id = "x";'

    assert any(reason in str(problem) for problem in lint(changed(text)))


@pytest.mark.parametrize("asked", ["c.has", "c.has(_)", "c.within(c).has", 'c.has("id").has("x")'])
def test_has_without_a_text_is_no_typing_error(asked):
    text = f'# A.\nallow(_: User, "read", c: Conversation, "a") if c.channel.id = "x" and {asked};'

    assert not any("did you mean" in str(each) for each in lint(changed(text)))


def test_an_action_that_no_type_has_is_found_before_it_is_in_force():
    text = (
        '# A.\nallow(user: User, action, _: Channel, "a") if action in ["read"] and user.archived;'
    )

    assert ["`read` is no action on Channel"] == [
        f"`{problem.value}` {problem.reason}" for problem in lint(changed(text))
    ]


@pytest.mark.parametrize(
    "types",
    [
        b"#" * 70_000,
        b"x = " + b"1" * 5_000,
        b"[types.a" + b".a" * 40_000 + b"]",
        b"\xff",
    ],
    ids=["too large", "a number too long", "too deep", "not UTF-8"],
)
def test_types_that_are_no_types_are_refused_at_once(types):
    text = b'# A.\nallow(user: User, "view", _: Organization, "a") if user.archived;'

    with pytest.raises(InvalidPolicy):
        policy_set([("a.polar", text)], types)


@pytest.mark.parametrize("name", ["item", "request", "context", "float", "list", "dictionary"])
def test_a_type_is_not_called_what_rules_call_something_else(name):
    text = b'# A.\nallow(user: User, "view", _: Organization, "a") if user.archived;'

    with pytest.raises(InvalidPolicy, match="a name that Watershed uses itself"):
        Engine(policy_set([("a.polar", text)], f"[types.{name}.actions]\nview = {{}}".encode()))


@pytest.mark.parametrize(
    "condition", ["channel.organization.within(user)", 'user.role_at(channel) = "agent"']
)
def test_an_id_of_the_wrong_thing_is_never_compared(condition):
    rule = f'# A.\nallow(user: User, "view", channel: Channel, "a") if {condition};'
    policies = changed(
        rule + '\n# B.\ndeny(user: User, "view", c: Channel, "b") if c.id = user.id;'
    )
    organizations = {"W": {}, "a": {"parent": "W"}}
    world = {
        "organizations": organizations,
        "users": {"a": {"memberships": {"a": "agent"}}, "b": {"memberships": {"a": "agent"}}},
    }
    directory = read_world(world, policies.schema)
    asked = AccessRequest(
        "user", "b", "view", "channel", "a", resource_properties={"organization": "a"}
    )

    decided = PolicyDecisionPoint(Engine(policies), FixedFacts(directory)).decide(asked)

    assert (decided.allowed, decided.reason) == (False, "policy-error")


def test_a_list_that_is_too_long_is_refused_before_a_rule_reads_it():
    engine = engine_of("policies")
    path = ROOT / "fixtures" / "brand-dealers.world.toml"
    pdp = PolicyDecisionPoint(engine, FixedFacts(world_of("policies", path)))
    asked = AccessRequest(
        "user",
        "miriam",
        "view_report",
        "organization",
        "corvane",
        action_properties={"filter": ["linz"] * 5_001},
    )

    assert pdp.decide(asked).reason == "invalid-properties"
    assert pdp.decide(asked.but(action_properties={"filter": ["linz"] * 5_000}))
