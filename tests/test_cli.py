"""The command line: what each verb prints, where, and with which exit status."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import httpx
import pytest
from click.testing import CliRunner
from serving import new_database
from worlds import schema

from service.bootstrap import build_pdp, read_directory
from service.cli import main
from service.commands.known_names import require_known
from service.commands.serve import example_request
from service.config import Settings, described
from service.domain.world import parse_world, read_world
from service.errors import InvalidRequest
from service.policy.decision import AccessRequest
from service.policy.policy_set import read_policy_set

ROOT = Path(__file__).parent.parent
POLICIES = ROOT / "policies"
FIXTURES = ROOT / "fixtures"
BRAND = FIXTURES / "brand-dealers.world.toml"
TWO_ACCOUNTS = FIXTURES / "two-accounts.world.toml"
WORLDS = sorted(FIXTURES.glob("*.world.toml"))
COMMAND = [sys.executable, "-m", "service"]

DORA_REPLIES = ("check", "user:dora", "reply", "conversation:test-drive", "--world", BRAND)
DORA_MANAGES = ("check", "user:dora", "manage", "channel:linz-sales", "--world", BRAND)
RULE = "users-work-on-conversations-at-and-below-their-organization"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment in which nothing is set."""
    for name in list(os.environ):
        if name.startswith("WATERSHED_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def table(tmp_path):
    """Writes a decision table of these cases, each (subject, action, resource, decision)."""

    def write(*cases, name="t.cases.toml", world=BRAND):
        blocks = [f'world = "{os.path.relpath(world, tmp_path)}"']
        for index, (subject, action, resource, decision) in enumerate(cases):
            fields = {"id": f"T{index}", "title": f"{subject} {action}", "subject": subject}
            fields |= {"action": action, "resource": resource, "decision": decision}
            blocks += ["[[case]]", *(f'{key} = "{value}"' for key, value in fields.items())]
        path = tmp_path / name
        path.write_text("\n".join(blocks))
        return path

    return write


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


def answer(*arguments):
    """What a verb prints when all is well."""
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refusal(*arguments):
    """What a verb prints when it cannot do its work: all of it on standard error."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def verbs(group=main, path=()):
    """Every verb, as the words one types."""
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += verbs(command, (*path, name))
        else:
            found.append((*path, name))
    return found


# All verbs


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_explains_itself_with_an_example(verb):
    text = answer(*verb, "--help")

    assert f"watershed {' '.join(verb)}" in text.split("Example", 1)[1]


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_that_answers_can_answer_a_machine(verb):
    # `serve` does not end, and an export is JSON whoever reads it.
    assert ("--json" in answer(*verb, "--help")) == (verb not in [("serve",), ("world", "export")])


def test_the_version_is_told():
    assert answer("--version") == "watershed 0.1.0\n"


def test_a_variable_that_is_no_setting_is_refused(environment):
    environment.setenv("WATERSHED_WROLD", "w.toml")
    environment.setenv("WATERSHED_PORT", "http")

    assert refusal("config").splitlines() == [
        "error: the configuration is refused: 2 problems",
        "WATERSHED_PORT: `http` Not a valid integer. (port to listen on)",
        "WATERSHED_WROLD: is no setting; see `watershed config`",
    ]


def test_an_option_wins_over_its_variable(environment):
    environment.setenv("WATERSHED_WORLD", str(TWO_ACCOUNTS))

    assert answer(*DORA_REPLIES).startswith("allow")


def test_a_setting_out_of_its_bounds_is_refused():
    assert "33 is not in the range 1<=x<=32" in refusal(*DORA_REPLIES, "--levels", 33)


def test_a_pipe_that_closes_early_is_no_news():
    read_end, write_end = os.pipe()
    os.close(read_end)
    child = subprocess.run(
        [*COMMAND, "policies", "list"], cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE
    )
    os.close(write_end)

    assert child.stderr == b""


def test_one_decision_loads_no_server_and_no_terminal_library():
    script = f"""
import sys
from service.cli import main
main({[str(each) for each in DORA_REPLIES]!r}, standalone_mode=False)
print(sorted({{"flask", "gunicorn", "rich"}} & set(sys.modules)))
"""
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert child.stdout.splitlines()[-1] == "[]"


def shown_on_a_terminal(*command, **environment):
    """What a person sees of standard output and standard error."""
    reader, terminal = pty.openpty()
    with subprocess.Popen(
        [str(each) for each in command],
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    ):
        os.close(terminal)
        seen = b""
        try:
            while part := os.read(reader, 4096):
                seen += part
        except OSError:
            pass  # how Linux says that the other end of a terminal has closed
    os.close(reader)
    return seen.decode()


def test_colours_are_for_terminals_and_for_those_who_want_them():
    green = "\x1b[32mallow\x1b[0m"

    assert green in shown_on_a_terminal(*COMMAND, *DORA_REPLIES)
    assert "\x1b" not in shown_on_a_terminal(*COMMAND, *DORA_REPLIES, NO_COLOR="1")
    assert "\x1b" not in answer(*DORA_REPLIES)


def test_progress_is_shown_on_a_terminal_to_those_who_have_waited():
    script = """
import sys, time
from service.commands.terminal import progress
with progress("reading") as tell:
    for number in range(int(sys.argv[1])):
        tell("users", 1000 * number)
        time.sleep(0.1)
"""
    slow = shown_on_a_terminal(sys.executable, "-c", script, 20)
    quick = shown_on_a_terminal(sys.executable, "-c", script, 2)
    piped = subprocess.run([sys.executable, "-c", script, "15"], cwd=ROOT, capture_output=True)

    assert re.search(r"reading: users 1\d,000", slow)
    assert quick == ""
    assert (piped.stdout, piped.stderr) == (b"", b"")


# check


def test_an_allow_names_the_rules_that_settled_it():
    assert answer(*DORA_REPLIES) == f"allow  granted  by {RULE}\n"


def test_a_denial_is_an_answer():
    assert answer(*DORA_MANAGES) == "deny   no-grant  no rule matched\n"


def test_a_prohibition_names_the_rules_that_settled_it():
    archived = answer("check", "user:otto", "view", "organization:corvane", "--world", BRAND)

    assert archived == "deny   prohibited  by archived-users-have-no-rights\n"


def test_a_denial_before_any_rule_says_what_is_wrong():
    unknown = answer("check", "user:nobody", "read", "conversation:test-drive", "--world", BRAND)

    assert unknown == "deny   unknown-subject  no user `nobody` in the world\n"


def test_an_allow_with_obligations_names_them():
    helped = answer("check", "user:sami", "reply", "conversation:test-drive", "--world", BRAND)

    assert helped == f"allow  granted  by {RULE}  with audit\n"


def test_the_exit_status_is_the_verdict_on_request():
    assert run(*DORA_REPLIES, "--exit-status").exit_code == 0
    assert run(*DORA_MANAGES, "--exit-status").exit_code == 1


def test_a_machine_gets_what_the_http_answer_holds():
    body = json.loads(answer(*DORA_REPLIES, "--json"))

    assert body["decision"] is True
    assert body["context"]["rules"] == [RULE]
    assert body["context"]["reason"] == "granted"
    assert body["context"].keys() >= {"id", "revision", "policy"}


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("user:jakob read conversation:winter-tyres", "deny"),
        ("user:jakob read conversation:winter-tyres --organization graz", "allow"),
        ("user:jakob read conversation:winter-tyres --context organization=graz", "allow"),
        ("user:clara assign conversation:test-drive --property agent=dora", "allow"),
        ('user:clara assign conversation:test-drive --property agent="dora"', "allow"),
        ("user:clara assign conversation:test-drive --property agent=7", "deny"),
        ('user:anton view_report organization:corvane --property filter=["linz"]', "allow"),
        ('user:anton view_report organization:corvane --property filter=["meridian"]', "deny"),
        ("user:dora read conversation:new --resource-property organization=linz", "allow"),
        ("user:dora read conversation:new --resource-property organization=graz", "deny"),
        ("user:dora use channel:launch-line --now 2026-12-24", "allow"),
        ("user:dora use channel:launch-line --now 2027-12-24T12:00:00+01:00", "deny"),
    ],
)
def test_whatever_a_request_can_carry_can_be_typed(question, verdict):
    assert answer("check", *question.split(), "--world", BRAND).split()[0] == verdict


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("dora reply conversation:test-drive", "`dora` is not of the form `type:id`"),
        ("user:dora reply test-drive", "`test-drive` is not of the form `type:id`"),
        ("user:dora reply conversation:x --property agent", "`agent` is not of the form NAME=JSON"),
        ("user:dora reply conversation:x --context a=1 --context a=2", "`a` is given twice"),
        ("user:dora reply conversation:x --now noon", "`noon` is no date or time with a zone"),
        ("user:dora reply conversation:x --now 2026-01-01T12:00", "is no date or time with a zone"),
        ("user:dora reply conversation:\udcff", "this is not UTF-8"),
        ("user:dora \udcff conversation:x", "this is not UTF-8"),
        ("user:dora reply conversation:x --property a=\udcff", "this is not UTF-8"),
        ("user:dora reply", "Missing argument 'RESOURCE'"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(arguments, reason):
    assert reason in refusal("check", *arguments.split(), "--world", BRAND)


def test_a_question_without_a_world_says_how_to_name_one():
    assert refusal("check", "user:dora", "reply", "conversation:test-drive") == (
        "error: the configuration is refused: WATERSHED_WORLD: is not set: "
        "name a world document with --world FILE, or in this variable\n"
    )


def test_a_world_that_is_not_there_is_named():
    said = refusal("check", "user:dora", "reply", "conversation:x", "--world", "nowhere.toml")

    assert "`nowhere.toml` cannot be read: No such file or directory" in said


def test_policies_that_are_not_there_are_named(tmp_path):
    assert f"{tmp_path / 'none'}: cannot be read" in refusal(
        *DORA_REPLIES, "--policies", tmp_path / "none"
    )


# who-can, what-can


def test_everybody_who_may_do_something_is_listed_in_order_of_the_tree():
    managers = ("who-can", "manage", "channel:hotline", "--world", BRAND)

    assert ["user:petra", "user:anton", "user:helene"] == answer(*managers).split()
    rule = "users-work-with-channels-at-and-below-their-organization"
    explained = [line.split() for line in answer(*managers, "--explain").splitlines()]
    assert ["user:anton", "meridian/corvane", rule] == explained[1]
    body = json.loads(answer(*managers, "--json"))
    assert {"type": "user", "id": "helene"} == body["results"][-1]


def test_who_can_is_asked_of_other_types_at_other_times_and_of_what_is_only_described():
    described = ("--resource-property", "organization=graz", "--world", BRAND)

    assert "user:gerda" in answer("who-can", "reply", "conversation:new", *described).split()
    view = ("who-can", "view", "organization:corvane", "--type", "partner", "--world", BRAND)
    assert ["partner:wegweiser"] == answer(*view).split()
    line = ("who-can", "view", "channel:launch-line", "--world", BRAND)
    assert "user:dora" in answer(*line, "--now", "2026-12-24").split()
    assert "user:dora" not in answer(*line, "--now", "2027-12-24").split()


def test_nobody_can_and_why_is_said_beside_the_list():
    result = run("who-can", "reply", "conversation:nowhere", "--world", BRAND)

    assert (0, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("nobody: unknown-resource, no conversation `nowhere`")


def test_everything_that_somebody_can_is_counted_by_type_and_action():
    result = run("what-can", "user:dora", "--world", BRAND, "--now", "2026-12-24")
    lines = [line.split(maxsplit=3) for line in result.stdout.splitlines()]

    assert ["conversation", "reply", "3", "linz and below"] in lines
    assert ["channel", "view", "4", "linz and below"] in lines
    assert ["user", "view", "5"] in lines
    assert not [line for line in lines if line[1] == "manage"]
    assert "not asked, for want of --property: share agent," in result.stderr


def test_what_somebody_can_do_is_listed_for_one_type_and_action():
    views = ("what-can", "user:dora", "--type", "channel", "--action", "view", "--world", BRAND)
    views += ("--now", "2026-12-24")

    names = ["hotline", "launch-line", "linz-sales", "linz-webchat"]
    assert [f"channel:{name}" for name in names] == answer(*views).split()
    explained = [line.split() for line in answer(*views, "--explain").splitlines()]
    assert [names[0], "meridian/corvane"] == [explained[0][0].split(":")[1], explained[0][1]]
    assert "sub-accounts-use-what-is-shared-with-them" == explained[0][2]


def test_a_scope_is_told_in_words_and_in_json():
    reads = ("what-can", "user:lukas", "--type", "conversation", "--action", "read", "--scope")

    assert ["conversation", "read", "corvane", "and", "below"] == answer(
        *reads, "--world", BRAND
    ).split()
    (found,) = json.loads(answer(*reads, "--world", BRAND, "--json"))["results"]
    assert "resources" not in found
    assert {"subtrees": [{"within": "corvane", "path": ["meridian", "corvane"]}]} == found["scope"]
    invoices = ("what-can", "user:petra", "--type", "invoice", "--scope", "--world", BRAND)
    assert "meridian and below, level 2" in answer(*invoices)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("user:nobody",), "nothing: unknown-subject, no user `nobody` in the world"),
        (
            ("user:dora", "--type", "conversation", "--action", "assign"),
            "nothing: action.properties.agent is missing",
        ),
    ],
)
def test_nothing_can_be_done_and_why_is_said_beside_the_list(arguments, complaint):
    result = run("what-can", *arguments, "--world", BRAND)

    assert (0, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(complaint)
    told = json.loads(run("what-can", *arguments, "--world", BRAND, "--json").stdout)
    assert told["results"] == []
    assert complaint.endswith(told["context"]["detail"])


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("usr", None, None), "subject: `usr` is no type of subject; did you mean `user`?"),
        (("agent", None, None), "subject: `agent` is no type of subject; known are partner, user"),
        (("user", "chanel", None), "did you mean `channel`? known are add_on"),
        (("user", None, "flies"), "action: `flies` is no action; known are accept"),
        (
            ("user", "channel", "reply"),
            "action: `reply` is no action on channel; known are manage, share, unshare, use, view",
        ),
    ],
)
def test_names_that_no_policy_knows_are_refused_with_those_there_are(names, complaint):
    with pytest.raises(InvalidRequest) as refused:
        require_known(schema(), *names)

    assert complaint in str(refused.value.problems[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ("who-can", "reply", "channel:hotline"),
        ("what-can", "user:dora", "--type", "channel", "--action", "reply", "--json"),
    ],
)
def test_a_search_for_what_no_policy_knows_is_an_error(arguments):
    assert "action: `reply` is no action on channel" in refusal(*arguments, "--world", BRAND)


def test_who_can_says_in_json_too_why_nobody_can():
    told = json.loads(
        run("who-can", "reply", "conversation:nowhere", "--world", BRAND, "--json").stdout
    )

    assert told["results"] == []
    assert told["context"]["reason"] == "unknown-resource"


@pytest.mark.parametrize(
    "more", [(), ("--type", "channel"), ("--type", "channel", "--action", "view", "--scope")]
)
def test_what_can_explains_single_resources_or_says_that_it_does_not(more):
    refused = run("what-can", "user:dora", "--explain", *more, "--world", BRAND)

    assert (2, "") == (refused.exit_code, refused.stdout)
    assert "name --type and --action as well" in refused.stderr


# inherited


def test_what_is_inherited_is_listed_with_owner_share_and_end():
    lines = answer("inherited", "linz", "--world", BRAND, "--now", "2026-12-24").splitlines()

    assert [" ".join(line.split()) for line in lines] == [
        "agent:lukas inherited corvane linz",
        "agent:night-shift inherited corvane all children",
        "article:house-rules inherited meridian all descendants",
        "article:launch-briefing inherited corvane linz",
        "article:recall-guide inherited corvane all children",
        "channel:hotline inherited corvane all children",
        "channel:launch-line inherited corvane linz until 2027-03-01T00:00:00Z",
    ]


def test_what_is_inherited_can_be_narrowed_and_widened():
    channels = ("inherited", "linz", "--world", BRAND, "--type", "channel", "--json")
    ids = {}
    for source in ("own", "inherited", "all"):
        rows = json.loads(answer(*channels, "--source", source, "--now", "2027-12-24"))
        ids[source] = [row["id"] for row in rows["results"]]

    assert ids["own"] == ["linz-sales", "linz-webchat"]
    assert ids["inherited"] == ["hotline"]
    assert ids["all"] == ["hotline", "linz-sales", "linz-webchat"]


def test_an_organization_or_a_type_that_is_not_known_is_refused():
    assert refusal("inherited", "wien", "--world", BRAND) == "error: no organization `wien`\n"
    assert "the policies know no type `chanel`" in refusal(
        "inherited", "linz", "--world", BRAND, "--type", "chanel"
    )


# test

ALLOWED = ("user:dora", "reply", "conversation:test-drive", "allow")
DENIED = ("user:dora", "manage", "channel:linz-sales", "deny")
WRONG = ("user:dora", "manage", "channel:linz-sales", "allow")


def test_tables_that_hold_say_how_many_passed(table):
    assert answer("test", table(ALLOWED, DENIED)) == "2 passed, 0 failed\n"


def test_a_case_that_fails_is_a_line_and_the_exit_status(table):
    result = run("test", table(ALLOWED, WRONG))

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "T1  user:dora manage  expected allow, got deny; no-grant: no rule matched",
        "1 passed, 1 failed",
    ]


def test_where_there_are_several_tables_a_failure_names_its_own(table):
    first, second = table(WRONG, name="a.cases.toml"), table(DENIED, name="b.cases.toml")
    lines = run("test", first, second).stdout.splitlines()

    assert lines[0].endswith(f"({first})")
    assert lines[1:] == ["1 passed, 1 failed"]


def test_a_failure_stays_on_its_line_whatever_its_title(table):
    path = table(WRONG)
    path.write_text(path.read_text().replace("user:dora manage", r"two\nlines\u001b[2J", 1))

    assert run("test", path).stdout.splitlines()[0].startswith(r"T0  two\u000alines\u001b[2J  exp")


def test_a_machine_gets_every_case(table):
    result = run("test", table(ALLOWED, WRONG), "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (report["passed"], report["failed"]) == (1, 1)
    assert [(case["id"], case["passed"], case["got"]) for case in report["cases"]] == [
        ("T0", True, "allow"),
        ("T1", False, "deny"),
    ]
    assert report["cases"][0]["rules"] == [RULE]
    assert report["cases"][1]["why"] == "no-grant: no rule matched"


def test_a_junit_report_counts_and_names_the_failures(table, tmp_path):
    path = table(ALLOWED, WRONG)
    run("test", path, "--junit", tmp_path / "report.xml")
    (suite,) = ElementTree.parse(tmp_path / "report.xml").getroot()

    assert suite.attrib == {"name": str(path), "tests": "2", "failures": "1"}
    assert [case.get("name") for case in suite] == ["T0 user:dora reply", "T1 user:dora manage"]
    assert "expected allow, got deny" in suite.find("testcase/failure").get("message")


def test_tables_that_cannot_be_run_are_refused_with_every_problem(table, tmp_path):
    unreadable = table(("dora", "reply", "conversation:test-drive", "maybe"), name="a.cases.toml")
    no_world = table(ALLOWED, name="b.cases.toml", world=tmp_path / "none.toml")
    broken_world = tmp_path / "broken.world.toml"
    broken_world.write_text('organizations = { A = { parent = "B" } }')
    broken = table(ALLOWED, name="c.cases.toml", world=broken_world)
    twin = table(ALLOWED, name="d.cases.toml", world=broken_world)
    no_toml_world = tmp_path / "no-toml.world.toml"
    no_toml_world.write_text("=")
    no_toml = table(ALLOWED, name="e.cases.toml", world=no_toml_world)
    none = tmp_path / "none.cases.toml"

    assert refusal(
        "test", unreadable, no_world, broken, twin, no_toml, none, table(ALLOWED)
    ).splitlines() == [
        "error: the decision table is refused: 6 problems",
        f"{unreadable}: case T0.subject: `dora` is not of the form `type:id`",
        f"{unreadable}: case T0.decision: `maybe` is not one of allow, deny",
        f"{no_world}: world: `none.toml` is no file beside the table",
        f"{broken_world}: organizations.A.parent: `B` is not an organization of this world",
        f"{no_toml_world}: not TOML: Invalid statement (at line 1, column 1)",
        f"{none}: cannot be read: No such file or directory",
    ]


# policies


def test_policies_that_hold_are_counted():
    policies = read_policy_set(POLICIES)

    assert answer("policies", "check").splitlines()[0] == (
        f"{len(policies.sources)} files, {len(policies.rules)} rules, revision {policies.revision}"
    )


@pytest.fixture
def copied_policies(tmp_path):
    """A copy of the policies that a test may break."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for path in POLICIES.iterdir():
        if path.is_file() and path.suffix in (".polar", ".toml"):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize(
    "rule",
    [
        'allow(user: User, "read", form: Form) if user.archived;',
        '# A.\nallow(user: User, "read", form: Fomr, "users-read") if user.archived;',
        '# A.\nallow(user: User, "read", form: Form, "users-read") if user.archived',
    ],
    ids=["no-name", "no-such-type", "no-end"],
)
def test_policies_that_cannot_be_used_are_findings_with_their_place(copied_policies, rule):
    (copied_policies / "broken.polar").write_text(rule)
    result = run("policies", "check", "--policies", copied_policies)

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("broken.polar:")


def test_a_rule_that_goes_through_a_text_is_named_and_in_force(copied_policies):
    rule = '# A.\nallow(user: User, "view", _: Form, "users-view") if "adm" in user.role;'
    (copied_policies / "text.polar").write_text(rule)
    result = run("policies", "check", "--policies", copied_policies)

    assert result.exit_code == 0
    assert (
        "text.polar:2:62: `user.role` is a text, and `in` goes through its characters"
        in result.stdout
    )


def test_decision_tables_beside_the_policies_are_run(copied_policies, table):
    path = table(ALLOWED, WRONG, name="policies/a.cases.toml")
    path.write_text(path.read_text().replace('world = "', 'world = "../', 1))
    result = run("policies", "check", "--policies", copied_policies)
    failed, _, _, last = result.stdout.splitlines()

    assert result.exit_code == 1
    assert failed.startswith("T1  user:dora manage  expected allow, got deny")
    assert last == "1 passed, 1 failed"


def test_a_decision_table_beside_the_policies_that_cannot_be_run_is_a_finding(copied_policies):
    (copied_policies / "a.cases.toml").write_text('world = "w.toml"')
    result = run("policies", "check", "--policies", copied_policies, "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 1
    assert [problem["path"] for problem in report["problems"]] == [
        f"{copied_policies / 'a.cases.toml'}: case"
    ]


def test_every_rule_is_listed_with_its_place_and_its_sentence():
    rules = read_policy_set(POLICIES).rules
    lines = answer("policies", "list").splitlines()

    assert len(lines) == len(rules)
    for rule, line in zip(rules, lines, strict=True):
        assert line.split()[:3] == [rule.predicate, rule.name, f"{rule.file}:{rule.line}"]
        assert line.endswith(rule.comment)


def test_a_machine_gets_every_rule():
    listed = json.loads(answer("policies", "list", "--json"))
    policies = read_policy_set(POLICIES)

    assert listed["revision"] == policies.revision
    assert [rule["name"] for rule in listed["rules"]] == [rule.name for rule in policies.rules]


# world


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.name)
def test_a_world_that_holds_is_counted_by_section(path):
    document = parse_world(path.read_bytes(), path.name)

    assert dict(line.split() for line in answer("world", "check", path).splitlines()) == {
        section: str(len(document.get(section, ())))
        for section in (
            *("organizations", "users", "resources"),
            *("shares", "subscriptions", "partners"),
        )
    }


def test_everything_wrong_with_a_world_is_a_finding(tmp_path):
    path = tmp_path / "w.world.toml"
    path.write_text(
        '[organizations]\nA = { parent = "B" }\n[users]\nu = { memberships = { A = "boss" } }\n'
    )
    result = run("world", "check", path)

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "organizations.A.parent: `B` is not an organization of this world",
        "users.u.memberships.A: `boss` is not one of guest, agent, bot, supervisor, admin, owner",
    ]


@pytest.mark.parametrize("content", [b"{", b'{"a": 1, "a": 2}', b"[]", b"\xff", b"[" * 100])
def test_a_file_that_is_no_document_is_a_finding(tmp_path, content):
    path = tmp_path / "w.json"
    path.write_bytes(content)
    result = run("world", "check", path, "--json")

    assert result.exit_code == 1
    assert [problem["path"] for problem in json.loads(result.stdout)["problems"]] == [str(path)]


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.name)
def test_an_export_is_the_world_again(path, tmp_path):
    schema = read_policy_set(POLICIES).schema
    answer("world", "export", "--world", path, "--output", tmp_path / "w.json")
    exported = (tmp_path / "w.json").read_bytes()

    assert exported.decode() == answer("world", "export", "--world", path)
    assert read_world(json.loads(exported), schema) == read_directory(path, schema, levels=3)


def test_an_export_holds_one_entry_a_line():
    lines = answer("world", "export", "--world", TWO_ACCOUNTS).splitlines()

    assert '  "sean": {"name": "Sean", "memberships": {"kestrel-south": "agent"}},' in lines


def test_an_export_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "there").mkdir()

    assert "cannot be written" in refusal(
        "world", "export", "--world", BRAND, "--output", tmp_path / "there"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


# config


def test_every_setting_is_listed_and_no_secret_is_told(environment):
    environment.setenv("WATERSHED_API_KEYS", "a-key-of-sixteen-characters")
    rows = json.loads(answer("config", "--json"))

    assert [row["name"] for row in rows] == [row["name"] for row in described(Settings())]
    assert {row["name"]: row["value"] for row in rows}["WATERSHED_API_KEYS"] == "set"
    assert "a-key-of" not in answer("config")


# serve


def test_serving_without_a_world_says_how_to_name_one():
    assert "name a world document with --world FILE" in refusal("serve")


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.name)
def test_the_example_of_a_world_has_a_real_answer_in_it(path):
    policies = read_policy_set(POLICIES)
    pdp = build_pdp(policies, read_directory(path, policies.schema, levels=3))
    example = example_request(pdp.facts.snapshot(), policies.schema)
    request = AccessRequest(
        example["subject"]["type"],
        example["subject"]["id"],
        example["action"]["name"],
        example["resource"]["type"],
        example["resource"]["id"],
        context=example.get("context", {}),
    )

    assert pdp.decide(request).reason in ("granted", "prohibited", "no-grant")


def test_a_world_in_which_nobody_has_anything_has_no_example():
    schema = read_policy_set(POLICIES).schema

    assert example_request(read_world({"organizations": {"A": {}}}, schema), schema) is None


@pytest.mark.parametrize("key", ["", "a-key-of-sixteen-characters"], ids=["open", "with-a-key"])
def test_what_serving_prints_to_try_is_answered(environment, key):
    environment.setenv("WATERSHED_API_KEYS", key)
    environment.setenv("WATERSHED_DATABASE", new_database())
    command = [*COMMAND, "serve", "--world", BRAND, "--port", "0", "--workers", "1"]
    with subprocess.Popen(
        [str(each) for each in command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            listening, facts, _, _, curl, _, docs = (server.stdout.readline() for _ in range(7))
            assert facts.startswith("facts at revision 1 in sqlite:///")
            program, _, url, *rest = shlex.split(curl)
            options = list(zip(rest[::2], rest[1::2], strict=True))
            headers = dict(value.split(": ") for option, value in options if option == "-H")
            if key:
                headers["Authorization"] = headers["Authorization"].replace("KEY", key)
            (body,) = (value for option, value in options if option == "-d")
            answered = httpx.post(url, headers=headers, content=body)
        finally:
            server.send_signal(signal.SIGTERM)

    assert program == "curl"
    assert listening.split()[-1] == url.removesuffix("/authorize")
    assert docs.split()[-1] == f"{listening.split()[-1]}/{'openapi.json' if key else 'docs'}"
    assert (answered.status_code, answered.json()["decision"]) == (200, True)
