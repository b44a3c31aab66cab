"""Explaining, simulating and weighing changes, over HTTP and on the command line."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from serving import environment, problem_of
from worlds import INSTANTS, NOW, changes, decide, directory_of, engine, examples, scenes, schema

from service.api.app import build_app
from service.cli import main
from service.config import Settings
from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.identifiers import parse_moment
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world
from service.errors import InvalidChanges, TakesTooLong
from service.explain.simulation import simulate
from service.policy.decision import AccessRequest
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

FIXTURES = Path(__file__).parent.parent / "fixtures"
BRAND = FIXTURES / "brand-dealers.world.toml"
NAMES = ("Emil, the accountant", "who left in spring", "answers at night")
DORA = {
    "subject": {"type": "user", "id": "dora"},
    "action": {"name": "reply"},
    "resource": {"type": "conversation", "id": "test-drive"},
}
LUKAS = {
    "subject": {"type": "user", "id": "lukas"},
    "action": {"name": "read"},
    "resource": {"type": "conversation", "id": "recall-linz"},
}
MOVE = {"op": "move_organization", "organization": "linz", "to": "meridian"}


# Simulation


@examples(40)
@given(scenes(count=4), st.data())
def test_a_simulation_decides_as_if_the_changes_were_made(scene, data):
    document, levels, asked = scene
    chosen = data.draw(st.lists(changes(document), min_size=1, max_size=2))
    before = directory_of(document, levels)
    pdp = PolicyDecisionPoint(engine(), FixedFacts(before), lambda: NOW)
    try:
        after = apply_changes(before, chosen, schema())
    except InvalidChanges:
        return

    outcomes = simulate(pdp, chosen, asked).outcomes

    assert [decide(after, each).verdict for each in asked] == [
        each.then.verdict for each in outcomes
    ]
    assert [decide(before, each).verdict for each in asked] == [
        each.now.verdict for each in outcomes
    ]
    assert [each.differs for each in outcomes] == [
        each.then.allowed != each.now.allowed for each in outcomes
    ]
    assert Moment(before, NOW, engine().vocabulary).directory is pdp.facts.snapshot()


@examples(20)
@given(scenes(count=4), st.data())
def test_without_changes_nothing_differs_whatever_the_clock(scene, data):
    document, levels, asked = scene
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory_of(document, levels)), lambda: NOW)
    instant = data.draw(st.sampled_from(INSTANTS).map(parse_moment))

    simulation = simulate(pdp, [], asked, instant)

    assert simulation.now == instant
    assert not any(each.differs for each in simulation.outcomes)


def test_a_simulation_that_takes_too_long_is_refused_with_what_was_done():
    pdp = PolicyDecisionPoint(engine(), FixedFacts(Directory()))
    asked = [AccessRequest("user", "dora", "view", "organization", "linz")] * 3

    with pytest.raises(TakesTooLong) as refusal:
        simulate(pdp, [], asked, limit_milliseconds=0)

    assert refusal.value.done == 0
    assert str(refusal.value) == (
        "after 0 milliseconds of processor time 0 of 3 requests were decided; "
        "ask for fewer at once, or with fewer changes"
    )
    assert len(simulate(pdp, [], asked, limit_milliseconds=600_000).outcomes) == 3


def test_limits_of_time_are_kept_over_http():
    settings = Settings(explain_limit_milliseconds=0, simulate_limit_milliseconds=0)
    pdp = PolicyDecisionPoint(engine(), FixedFacts(read_world_of(BRAND)))
    client = build_app(pdp, settings).test_client()

    told = client.post("/explain", json=LUKAS)
    refused = client.post("/simulate", json={"requests": [DORA]})

    assert (told.json["complete"], told.json["hangs_on"]) == (False, [])
    assert (refused.status_code, refused.json["code"]) == (413, "takes-too-long")


def read_world_of(path):
    return read_world(parse_world(path.read_bytes(), path.name), schema())


def test_a_simulation_over_http_writes_nothing(http):
    before = http.get("/world").content

    answer = http.post("/simulate", json={"changes": [MOVE], "requests": [DORA, LUKAS]})

    assert [result["differs"] for result in answer.json()["results"]] == [False, True]
    assert answer.json()["differ"] == 1
    assert before == http.get("/world").content


def test_a_simulation_may_set_the_clock(http):
    asked = {
        "subject": {"type": "user", "id": "dora"},
        "action": {"name": "use"},
        "resource": {"type": "channel", "id": "launch-line"},
    }
    answers = [
        http.post("/simulate", json={"requests": [asked], "now": now}).json()["results"][0]
        for now in ("2026-12-01T00:00:00Z", "2028-01-01")
    ]

    assert [True, False] == [answer["decision"] for answer in answers]
    assert "2027-03-01T00:00:00Z" == answers[0]["context"]["valid_until"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"changes": [MOVE]}, 400, "invalid-request"),
        ({"changes": [MOVE], "requests": []}, 400, "invalid-request"),
        ({"changes": MOVE, "requests": [DORA]}, 400, "invalid-request"),
        ({"change": [MOVE], "requests": [DORA]}, 400, "invalid-request"),
        ({"changes": ["move"], "requests": [DORA]}, 400, "invalid-request"),
        ({"changes": [], "requests": ["dora"]}, 400, "invalid-request"),
        ({"changes": [], "requests": [{}]}, 400, "invalid-request"),
        ({"requests": [DORA], "now": "yesterday"}, 400, "invalid-request"),
        ({"requests": [DORA], "now": 1}, 400, "invalid-request"),
        ({"requests": [DORA] * 101}, 413, "request-too-large"),
        ({"changes": [{"op": "raze"}], "requests": [DORA]}, 422, "invalid-changes"),
        ({"changes": [{**MOVE, "to": "x"}], "requests": [DORA]}, 422, "invalid-changes"),
    ],
)
def test_what_cannot_be_simulated_is_a_problem_with_a_place(http, body, status, code):
    answer = http.post("/simulate", json=body)

    assert (status, code) == problem_of(answer)
    assert status == 413 or answer.json()["problems"][0]["path"]


# Explanations over HTTP


def test_an_explanation_over_http_holds_the_decision_and_its_account(http):
    body = http.post("/explain", json=LUKAS).json()

    assert body["decision"] is True
    assert ["decision", "context", "now", "rules", "closest", "facts", "paths"] == list(body)[:7]
    assert {"acts_for", "hangs_on", "complete"} == set(list(body)[7:])
    rule = body["rules"][0]
    assert ("conversation.polar", True) == (rule["file"], rule["line"] > 1)
    assert rule["comment"].startswith("Users work on the conversations")


def test_every_answer_is_as_the_document_describes_it(http):
    """Whatever is said is described: no member that the document does not know."""
    schemas = http.get("/openapi.json").json()["components"]["schemas"]
    bodies = [
        ("Account", http.post("/explain", json=LUKAS).json()),
        ("Account", http.post("/explain", json={**LUKAS, "subject": DORA["subject"]}).json()),
        ("Account", http.post("/explain", json={**LUKAS, "action": {"name": "fly"}}).json()),
        ("Simulation", http.post("/simulate", json={"requests": [DORA]}).json()),
    ]

    for name, body in bodies:
        assert_described(body, schemas[name], schemas)


def assert_described(value, schema_, schemas):
    reference = schema_.get("$ref") or next(
        (each["$ref"] for each in schema_.get("allOf", ()) if "$ref" in each), None
    )
    if reference is not None:
        schema_ = schemas[reference.rsplit("/", 1)[1]]
    if isinstance(value, dict) and "properties" in schema_:
        assert set(schema_.get("required", ())) <= value.keys() <= schema_["properties"].keys()
        for name, inner in value.items():
            assert_described(inner, schema_["properties"][name], schemas)
    elif isinstance(value, list) and "items" in schema_:
        for inner in value:
            assert_described(inner, schema_["items"], schemas)


def test_an_explanation_needs_a_key_where_decisions_do(locked):
    with locked.client() as client:
        for path in ("/explain", "/simulate"):
            assert (401, "not-authenticated") == problem_of(client.post(path, json=LUKAS))


# The command line


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """An environment in which nothing is set."""
    for name in list(os.environ):
        if name.startswith("WATERSHED_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)


def run(*arguments, status=0):
    result = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


EXPLAIN = ("explain", "--world", BRAND, "--now", "2026-12-01")


def test_explain_tells_what_a_person_wants_to_know():
    told = run(*EXPLAIN, "user:dora", "read", "conversation:winter-tyres")

    for said in (
        "deny  user:dora read conversation:winter-tyres",
        "meridian > corvane > graz (holds the resource)",
        "Rules that came closest",
        "conversation.polar:",
        "✗ user.role_over(conversation.organization) in roles",
        "dora holds no role over graz",
        "→ make dora guest of graz, and switch to organization graz",
    ):
        assert said in told


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("user:dora", "read", "conversation:winter-tyres"), "none was found so far"),
        (("user:lukas", "read", "conversation:recall-linz"), "more may take it away"),
    ],
)
def test_explain_says_on_the_terminal_that_not_all_was_tried(monkeypatch, asked, said):
    assert said not in run(*EXPLAIN, *asked)

    monkeypatch.setenv("WATERSHED_EXPLAIN_LIMIT_MILLISECONDS", "0")

    assert said in run(*EXPLAIN, *asked)


def test_simulate_says_what_to_do_where_it_takes_too_long(monkeypatch):
    monkeypatch.setenv("WATERSHED_SIMULATE_LIMIT_MILLISECONDS", "0")

    refused = run("simulate", "[]", json.dumps([DORA]), "--world", BRAND, status=2)

    assert "ask for fewer at once" in refused


def test_explain_as_json_is_what_http_says():
    told = json.loads(run(*EXPLAIN, "user:lukas", "read", "conversation:recall-linz", "--json"))

    assert told["decision"] is True
    assert told["now"] == "2026-12-01T00:00:00Z"


def test_an_explanation_is_coloured_on_a_terminal_and_nowhere_else(tmp_path):
    command = [sys.executable, "-m", "service", *map(str, EXPLAIN)]
    command += ["user:dora", "read", "conversation:winter-tyres"]
    piped = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    parent, child = pty.openpty()
    shown = subprocess.Popen(command, env=environment(TERM="xterm"), stdout=child)
    os.close(child)
    told = b""
    try:
        while part := os.read(parent, 65536):
            told += part
    except OSError:  # how Linux says that nobody writes any more
        pass
    os.close(parent)

    assert shown.wait() == 0
    assert b"\x1b[" in told
    assert "\x1b" not in piped.stdout


@pytest.mark.parametrize("verb", ["explain", "simulate", "impact", "verify"])
def test_no_name_of_a_person_leaves_by_any_verb(tmp_path, verb):
    proof = tmp_path / "proof.json"
    proof.write_text(run(*EXPLAIN, "user:otto", "view", "user:emil", "--proof"))
    arguments = {
        "explain": [
            (*EXPLAIN, "user:otto", "view", "user:emil"),
            (*EXPLAIN, "user:bruno", "view", "user:emil", "--json"),
            (*EXPLAIN, "user:night-shift", "view", "user:otto", "--json"),
        ],
        "simulate": [("simulate", json.dumps([MOVE]), json.dumps([DORA]), "--world", BRAND)],
        "impact": [("impact", json.dumps([MOVE]), "--world", BRAND, "--json")],
        "verify": [("verify", proof, "--world", BRAND)],
    }

    for each in arguments[verb]:
        told = run(*each)
        assert not any(name in told for name in NAMES), each


def test_a_proof_is_verified_and_a_forged_one_is_not(tmp_path):
    proof = tmp_path / "proof.json"
    proof.write_text(run(*EXPLAIN, "user:lukas", "read", "conversation:recall-linz", "--proof"))
    verify = ("verify", proof, "--world", BRAND)

    assert run(*verify).startswith("proven: allow  granted  by users-work-on-conversations")
    assert json.loads(run(*verify, "--json"))["proven"] is True

    proof.write_text(proof.read_text().replace('"recall-linz"', '"winter-tyres"'))
    refused = run(*verify, status=2)
    assert refused.startswith("error: this is no proof: ")


def test_there_is_no_proof_of_a_request_that_no_rule_was_asked():
    refused = run(*EXPLAIN, "user:nobody", "read", "conversation:recall-linz", "--proof", status=2)

    assert "`unknown-subject`" in refused


def test_simulate_reads_files_and_says_what_differs(tmp_path):
    made, asked = tmp_path / "changes.json", tmp_path / "requests.json"
    made.write_text(json.dumps([MOVE]))
    asked.write_text(json.dumps([DORA, LUKAS]))

    told = run("simulate", made, asked, "--world", BRAND)

    assert "allow  =  allow  user:dora reply conversation:test-drive" in told
    assert "allow  →  deny   user:lukas read conversation:recall-linz" in told
    assert told.endswith("1 of 2 differ\n")


def test_impact_says_who_loses_what():
    told = run("impact", json.dumps([MOVE]), "--world", BRAND, "--now", "2026-12-01")
    body = json.loads(
        run("impact", json.dumps([MOVE]), "--world", BRAND, "--now", "2026-12-01", "--json")
    )

    assert f"{body['lost']} decisions become deny\n" in told
    assert f"{body['gained']} decisions become allow\n" in told
    assert (
        "  36  user:lukas, user:night-shift for corvane\n"
        "      read, accept, join, reply, notify, close\n"
        "      conversation:first-drive, conversation:recall-linz, conversation:test-drive\n"
    ) in told
    assert "need parameters: organization.move, " in told
    turned = body["gained"] + body["lost"]
    assert told.endswith(f"\n{turned} of {body['questions']:,} decisions turn\n")
    assert body["lost"] == sum(
        each["count"] for each in body["differences"] if not each["decision"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("impact", '[{"op": "raze"}]'),
        ("impact", '{"op": "raze"}'),
        ("impact", "no-such-file.json"),
        ("simulate", "[]", "[]"),
        ("verify", "no-such-file.json"),
    ],
)
def test_what_cannot_be_weighed_is_refused_with_a_reason(arguments):
    refused = run(*arguments, "--world", BRAND, status=2)

    assert refused.startswith("error: ")
