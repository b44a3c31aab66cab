"""The verbs of money and reports: what they print, for people and for machines."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time

import pytest
from test_cli import (
    BRAND,
    COMMAND,
    FIXTURES,
    ROOT,
    answer,
    environment,
    refusal,
    run,
    shown_on_a_terminal,
)

YEAR_END = FIXTURES / "year-end.world.toml"
RECORDS = FIXTURES / "year-end.usage.ndjson"
WORLD = ("--world", YEAR_END)
PRICES = ("--period", "2026-12", "--price", "user=40", "--price", "add_on=25")
DECEMBER = ("--now", "2026-12-01")
MIDNIGHT = "2026-12-31T23:00:00Z"

__all__ = ["environment"]  # no variable of the shell reaches these tests


# Invoice


def test_an_invoice_is_printed_line_by_line():
    assert answer("invoice", "lanthorn", *PRICES, *WORLD).splitlines() == [
        "invoice to Lanthorn Opticians (lanthorn), 2026-12-01T00:00:00Z to 2027-01-01T00:00:00Z",
        "user            7  40  280.00",
        "add_on  bremen  1  25   25.00",
        "add_on  kiel    2  25   50.00",
        "total                  355.00",
    ]


def test_an_invoice_for_machines_is_what_the_route_answers():
    made = json.loads(answer("invoice", "lanthorn", *PRICES, *WORLD, "--json"))

    assert (made["total"], made["revision"], len(made["paid_users"])) == ("355.00", 1, 7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kiel", *PRICES), "it is paid for by `lanthorn`; ask there"),
        (("tideway", *PRICES), "it stands at level 1, above all accounts"),
        (("atlantis", *PRICES), "no organization `atlantis`"),
        (("lanthorn", *PRICES[:4]), "prices.add_on: is missing"),
        (("lanthorn", *PRICES, "--price", "user=1"), "`user` is given twice"),
        (("lanthorn", *PRICES, "--price", "chair"), "is not of the form NAME=AMOUNT"),
        (("lanthorn", *PRICES, "--price", "chair=1"), "prices.chair: is nothing that is paid for"),
        (("lanthorn", "--period", "2026-13"), "`2026-13` is no month or year"),
        (("lanthorn", *PRICES, "--subject", "inken"), "is not of the form `type:id`"),
        (("lanthorn", *PRICES, "--acting-for", "lanthorn"), "of no use without --subject"),
        (
            ("lanthorn", *PRICES, "--subject", "user:ottilie", *DECEMBER),
            "`user:ottilie` may not issue_invoice `organization:lanthorn`: no-grant",
        ),
    ],
)
def test_an_invoice_that_cannot_be_made_is_refused_in_words(arguments, said):
    assert said in refusal("invoice", *arguments, *WORLD)


def test_a_named_subject_who_may_is_answered():
    allowed = answer("invoice", "lanthorn", *PRICES, *WORLD, "--subject", "user:inken")

    assert allowed == answer("invoice", "lanthorn", *PRICES, *WORLD)


def test_policies_without_billing_terms_make_no_invoice():
    documents = FIXTURES / "documents"
    world = ("--world", documents / "company.world.toml", "--policies", documents)

    assert "have no `billing.toml`" in refusal("invoice", "sales", *PRICES, *world)


# Report


def test_a_report_lists_what_it_covers():
    lines = answer("report", "lanthorn", *WORLD).splitlines()

    assert [line.split()[0] for line in lines] == ["lanthorn", "bremen", "hamburg", "kiel"]


def test_a_filtered_report_covers_what_is_named_and_refuses_what_lies_outside():
    both = ("--filter", "kiel", "--filter", "bremen")
    frauke = ("--subject", "user:frauke", *DECEMBER)
    covered = json.loads(answer("report", "lanthorn", *both, *WORLD, *frauke, "--json"))

    assert covered["organizations"] == ["kiel", "bremen"]
    outside = ("--filter", "kiel", "--filter", "ottica")
    assert "filter[1]: `ottica` does not lie in" in refusal("report", "lanthorn", *outside, *WORLD)
    assert "may not view_report" in refusal("report", "lanthorn", *outside, *WORLD, *frauke)


# Usage


def test_usage_is_a_table_and_bad_records_are_lines_on_standard_error():
    result = run("usage", "lanthorn", RECORDS, *WORLD)

    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0][1:] == [MIDNIGHT, "agents", "all", "5", "4", "1", "2026-12-14T10:00:00Z"]
    assert rows[1][1:] == [MIDNIGHT, "agents", "shops", "3", "1"]
    assert result.stdout.splitlines()[-1] == "11 records counted, 5 refused"
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        f"line {number}" for number in (4, 7, 9, 10, 13)
    ]


def test_good_records_end_well_and_a_pipe_is_as_good_as_a_file():
    good = [line for line in RECORDS.read_text().splitlines() if "webex_connect" in line]
    good = "\n".join(line for line in good if "-5" not in line)
    child = subprocess.run(
        [*COMMAND, "usage", "lanthorn", "-", "--json", "--period", "2026-12", *map(str, WORLD)],
        cwd=ROOT,
        input=good,
        capture_output=True,
        text=True,
    )

    assert (child.returncode, child.stderr) == (0, "")
    counted = json.loads(child.stdout)
    assert (counted["accepted"], counted["outside"]) == (1, 1)
    assert counted["stretches"][0]["usage"][0]["used"] == 40_000


def test_only_the_first_hundred_bad_lines_are_told(tmp_path):
    path = tmp_path / "bad.ndjson"
    path.write_text("{}\n" * 130)
    result = run("usage", "lanthorn", path, *WORLD)

    lines = result.stderr.splitlines()
    assert (result.exit_code, len(lines), lines[-1]) == (1, 101, "and 30 more")


def test_a_long_count_tells_a_person_how_far_it_is(tmp_path):
    path = tmp_path / "long.ndjson"
    os.mkfifo(path)
    record = {"type": "webex_connect", "at": "2026-12-14T10:00:00Z", "quantity": 1}
    lines = (json.dumps(record) + "\n") * 5_000

    def write_slowly() -> None:
        with path.open("w") as pipe:
            for _ in range(30):
                pipe.write(lines)
                time.sleep(0.1)  # however fast the machine is, a person has to wait

    writer = threading.Thread(target=write_slowly)
    writer.start()
    shown = shown_on_a_terminal(*COMMAND, "usage", "lanthorn", path, *WORLD)
    writer.join()

    assert re.search(r"counting .*: [0-9,]+ records, MiB \d+", shown)
    assert "150,000 records counted, 0 refused" in shown


# Subscriptions


def test_the_primary_is_one_word_and_none_is_an_exit_status():
    assert answer("subscriptions", "primary", "lanthorn", *WORLD, *DECEMBER) == "shops\n"
    later = run("subscriptions", "primary", "lanthorn", *WORLD, "--now", "2030-01-01")
    assert (later.exit_code, later.stdout) == (1, "")
    told = run("subscriptions", "primary", "lanthorn", *WORLD, "--now", "2030-01-01", "--json")
    assert json.loads(told.stdout) == {"organization": "lanthorn"}


def test_the_list_marks_the_primary():
    rows = answer("subscriptions", "list", "lanthorn", *WORLD, *DECEMBER).splitlines()

    assert [row.split()[:3] for row in rows] == [
        ["shops", "primary", "concurrent"],
        ["web", "active", "concurrent"],
    ]
    machine = answer("subscriptions", "list", "lanthorn", *WORLD, *DECEMBER, "--json")
    assert json.loads(machine)["entitlements"] == {"agents": 4}


COVERAGE = ("subscriptions", "coverage", "lanthorn", *WORLD, *DECEMBER)


def test_coverage_is_a_line_for_each_person_and_names_the_lock_out():
    lines = answer(*COVERAGE).splitlines()

    assert lines[:2] == [
        f"{MIDNIGHT}  loses access  ansgar   shops has ended",
        f"{MIDNIGHT}  loses access  hauke    shops has ended",
    ]
    (locked,) = [line for line in lines if line.startswith(MIDNIGHT) and "LOCK-OUT" in line]
    assert locked.endswith("outside: partner:leuchtfeuer, user:inken")


def test_coverage_of_an_account_without_the_gate_says_so():
    lines = answer("subscriptions", "coverage", "corvane", "--world", BRAND).splitlines()

    assert lines == [
        "access does not depend on subscriptions at corvane",
        "nobody loses access by the end of a subscription",
    ]


def test_a_person_sees_the_months_with_their_days_marked():
    shown = shown_on_a_terminal(*COMMAND, *COVERAGE)

    assert "December 2026" in shown and "June 2028" in shown
    assert "Mo Tu We Th Fr Sa Su" in shown
    assert re.search(r"\x1b\[1;37;41m31\x1b\[0m", shown)
    assert "LOCK-OUT" in shown


def test_coverage_for_machines_is_what_the_route_answers():
    covered = json.loads(answer(*COVERAGE, "--json"))

    assert [state["locked_out"] for state in covered["states"]] == [False, True, True]
    assert "may not view_subscriptions" in refusal(*COVERAGE, "--subject", "user:tjark")


def test_a_check_says_allow_or_why_not_and_what_instead():
    ottilie = ("subscriptions", "check", "lanthorn", "user:ottilie")
    assert answer(*ottilie, "type=concurrent", *WORLD, *DECEMBER).startswith("allow  granted\n")
    lines = answer(*ottilie, "type=named", "telephony=VPOP", *WORLD, *DECEMBER).splitlines()

    assert lines[0] == "deny  prohibited"
    assert "  bound: type=concurrent by shops, web until 2028-06-30T22:00:00Z" in lines
    assert lines[-1] == "  instead: type=concurrent telephony=bundled PSTN"
    machine = answer(*ottilie, "type=named", *WORLD, *DECEMBER, "--json")
    assert json.loads(machine)["instead"] == {"type": "concurrent"}


# Terms


@pytest.fixture
def candidate(tmp_path):
    """A copy of the policies, in which one text can be put in place of another."""

    def write(file, old, new):
        for path in (ROOT / "policies").iterdir():
            if path.is_file():
                (tmp_path / path.name).write_bytes(path.read_bytes())
        text = (tmp_path / file).read_text()
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new))
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "billing.toml",
            '["guest"]',
            '["gust"]',
            "billing.toml: invoice.free_roles: `gust` is not",
        ),
        ("billing.toml", "grace_days = 0", "grace_days = 5", "`0` differs from usage.grace_days"),
        ("prohibitions.polar", "subscribed(0)", "subscribed(5)", "`5` differs from usage.grace"),
    ],
)
def test_terms_that_are_wrong_are_named_with_file_and_place(candidate, file, old, new, said):
    result = run("policies", "check", "--policies", candidate(file, old, new))

    assert result.exit_code == 1
    assert said in result.stdout


# What is written down


def shown_commands():
    """Each command with its output, as the README shows them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Money and reports\n")[1].split("\n## ")[0]
    for block in re.findall(r"```\n(.*?)```", section, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.replace("\\\n", "").partition("\n")
            yield command, output


@pytest.mark.parametrize(("command", "output"), list(shown_commands()))
def test_the_readme_shows_what_the_command_prints(command, output):
    words = shlex.split(command)
    assert words[0] == "watershed"
    child = subprocess.run(
        [sys.executable, "-m", "service", *words[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert sorted(child.stdout.splitlines()) == sorted(output.strip().splitlines())
