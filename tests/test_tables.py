"""What a decision table may say, and how its cases are held against the law."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.bootstrap import build_pdp, read_directory
from service.errors import InvalidTable
from service.policy.policy_set import read_policy_set
from service.policy.tables import read_table, run_case

ROOT = Path(__file__).parent.parent

CASE = """
[[case]]
id = "A"
title = "Dora in Linz answers a customer of her own dealer"
from = "S1-23"
subject = "user:dora"
action = "reply"
resource = "conversation:test-drive"
decision = "allow"
"""
RULE = "users-work-on-conversations-at-and-below-their-organization"


@pytest.fixture(scope="module")
def pdp():
    policies = read_policy_set(ROOT / "policies")
    world = ROOT / "fixtures" / "brand-dealers.world.toml"
    return build_pdp(policies, read_directory(world, policies.schema, levels=3))


@pytest.fixture
def run(pdp):
    """The outcome of the one case that this text makes."""

    def run_one(case):
        (read_case,) = read(f'world = "w.toml"\n{case}').cases
        return run_case(read_case, pdp.engine, pdp.facts.snapshot())

    return run_one


def read(text):
    return read_table(text.encode(), "t.toml")


def problems(text):
    """What `read_table` finds wrong, one line each."""
    with pytest.raises(InvalidTable) as refusal:
        read(text)
    return [str(problem) for problem in refusal.value.problems]


# Outcomes


def test_a_case_that_is_decided_as_it_says_passes(run):
    outcome = run(CASE)

    assert outcome.passed
    assert outcome.got == "allow"
    assert outcome.rules == (RULE,)


def test_a_case_that_is_decided_otherwise_says_what_came_by_which_rules_and_why(run):
    outcome = run(CASE.replace('"allow"', '"deny"'))

    assert not outcome.passed
    assert str(outcome) == (
        "A  Dora in Linz answers a customer of her own dealer  expected deny, "
        f"got allow by {RULE}; granted: at least one allow rule matched, and no deny rule"
    )


def test_a_denial_before_any_rule_is_explained(run):
    outcome = run(CASE.replace("user:dora", "user:nobody"))

    assert outcome.got == "deny"
    assert outcome.why == "unknown-subject: no user `nobody` in the world"


def test_the_rule_of_a_case_must_be_among_those_that_decided(run):
    assert run(f'{CASE}rule = "{RULE}"').passed
    assert run(f'{CASE}rule = "users-see-themselves"').why == (
        "`users-see-themselves` is not among the rules that decided"
    )


def test_properties_and_context_reach_the_law(run):
    assigned = CASE.replace('"reply"', '"assign"').replace("user:dora", "user:jakob")

    assert run(f'{assigned}properties = {{ agent = "dora" }}').passed
    assert run(assigned).why == "invalid-properties: action.properties.agent is missing"
    assert run(
        assigned.replace("allow", "deny")
        + 'properties = { agent = "dora" }\ncontext = { organization = "graz" }'
    ).passed


def test_a_resource_that_is_not_in_the_world_is_decided_from_its_properties(run):
    described = CASE.replace("conversation:test-drive", "conversation:new")

    assert run(f'{described}resource_properties = {{ organization = "linz" }}').passed
    assert run(described).why.startswith("unknown-resource")


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        ("2027-02-28T23:59:59Z", "allow"),
        ('"2027-02-28T23:59:59Z"', "allow"),
        ('"2027-03-01T00:59:59+01:00"', "allow"),
        ("2027-03-01T00:00:00Z", "deny"),
        ("2027-03-01", "deny"),
        ('"2027-03-01"', "deny"),
    ],
)
def test_the_clock_of_a_case_decides(run, now, decision):
    shared = CASE.replace("reply", "use").replace("conversation:test-drive", "channel:launch-line")

    assert run(shared.replace("allow", decision) + f"now = {now}").passed


def test_changes_are_made_before_the_question_and_for_this_case_alone(run, pdp):
    before = pdp.facts.snapshot()
    moved = f'{CASE}after = [{{ op = "suspend_organization", organization = "corvane" }}]'

    assert run(moved.replace("allow", "deny")).passed
    assert pdp.facts.snapshot() is before
    assert run(CASE).passed


def test_changes_that_cannot_be_made_fail_the_case_whatever_it_expects(run):
    change = 'after = [{ op = "suspend_organization", organization = "wien" }]'
    for case in (CASE, CASE.replace("allow", "deny")):
        outcome = run(case + change)

        assert outcome.got is None
        assert "got no decision; `after` cannot be made: " in str(outcome)
        assert "changes[0].organization: `wien` names no organization" in outcome.why


# Reading


def test_a_case_without_a_clock_takes_the_real_one():
    (case,) = read(f'world = "w.toml"\n{CASE}').cases

    assert case.now is None


def test_a_case_keeps_what_was_written():
    table = read(f'world = "w.toml"\n{CASE}now = 2026-01-01T00:00:00Z')
    (case,) = table.cases

    assert (table.name, table.world) == ("t.toml", "w.toml")
    assert (case.id, case.source, case.expected) == ("A", "S1-23", "allow")
    assert case.now == datetime(2026, 1, 1, tzinfo=UTC)
    assert case.request.subject_id == "dora"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("world =", "t.toml: is not TOML: Invalid value (at end of document)"),
        ("x = " + "[" * 5000, "t.toml: is not TOML: "),
        (CASE, "t.toml: world: is missing; name a world document, relative to the table"),
        (f"world = 1\n{CASE}", "t.toml: world: `1` is missing"),
        ('world = "w"', "t.toml: case: has no entry; a table without a [[case]] is a check that"),
        (f'world = "w"\nworlds = 1\n{CASE}', "t.toml: worlds: is not known; a table has a `world`"),
        ('world = "w"\ncase = [1]', "t.toml: case[0]: `1` is not a table of fields"),
        ('world = "w"\n[case]\nid = "A"', "t.toml: case: has no entry"),
    ],
    ids=["toml", "depth", "world", "world-type", "cases", "section", "scalar", "one-bracket"],
)
def test_a_text_that_is_no_table_is_refused(text, problem):
    assert problems(text)[0].startswith(problem)


def test_a_text_that_is_not_utf_8_is_refused():
    with pytest.raises(InvalidTable, match="is not UTF-8 at byte 9"):
        read_table(b'world = "\xff"', "t.toml")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('id = "A"', "", "case[0].id: is missing"),
        ('id = "A"', 'id = ""', "case[0].id: is missing"),
        ('id = "A"', "id = 7", "case[0].id: `7` is not a string"),
        ('action = "reply"', "", "case A.action: is missing"),
        ('"user:dora"', '"dora"', "case A.subject: `dora` is not of the form `type:id`"),
        ('resource = "conversation:test-drive"', "", "case A.resource: is missing"),
        ('"allow"', '"permit"', "case A.decision: `permit` is not one of allow, deny"),
        ('decision = "allow"', "", "case A.decision: is missing; it is one of allow, deny"),
        ("from", "form", "case A.form: is not known here; did you mean `from`?"),
        ('from = "S1-23"', "now = 2026-01-01T00:00:00", "is no date or time with a zone"),
        ('from = "S1-23"', 'now = "soon"', "case A.now: `soon` is no date or time with a zone"),
        ('from = "S1-23"', "context = 1", "case A.context: `1` is not a table of values"),
        ('from = "S1-23"', "properties = []", "case A.properties: `[]` is not a table of values"),
        ('from = "S1-23"', "after = {}", "case A.after: `{}` is not a list of changes"),
        ('from = "S1-23"', "after = [1]", "case A.after: `[1]` is not a list of changes"),
        ('from = "S1-23"', "rule = 1", "case A.rule: `1` is not a string"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused(before, after, problem):
    assert before in CASE
    (found,) = problems('world = "w"\n' + CASE.replace(before, after))

    assert problem in found


def test_two_cases_of_one_id_are_refused():
    found = problems(f'world = "w"\n{CASE}{CASE}')

    assert found == ["t.toml: case A.id: `A` is the id of another case too"]


def test_every_problem_of_a_table_is_listed_at_once():
    broken = CASE.replace("user:dora", "dora").replace("decision", "decison")

    assert problems(broken + CASE.replace('"A"', '"B"').replace("allow", "yes")) == [
        "t.toml: world: is missing; name a world document, relative to the table",
        "t.toml: case A.subject: `dora` is not of the form `type:id`",
        "t.toml: case A.decision: is missing; it is one of allow, deny",
        "t.toml: case A.decison: is not known here; did you mean `decision`?",
        "t.toml: case B.decision: `yes` is not one of allow, deny",
    ]
