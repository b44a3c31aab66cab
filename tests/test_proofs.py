"""A proof convinces a checker that shares nothing with the engine, and a forged one does not."""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from worlds import NOW, POLICIES, directory_of, engine, examples, scenes

from service import checker
from service.checker.proofs import read_law, refusal, verify
from service.domain.changes import apply_changes
from service.domain.identifiers import parse_moment
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world, write_world
from service.errors import InvalidWorld, NoProof
from service.explain.lawbook import Law
from service.explain.proof import prove
from service.explain.words import Speaker
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.policy_set import policy_set, read_policy_set
from service.policy.tables import read_table

FIXTURES = Path(__file__).parent.parent / "fixtures"
BRAND = FIXTURES / "brand-dealers.world.toml"


@lru_cache
def speaker(law):
    return Speaker(Law(law.policies))


@lru_cache
def sources(law):
    """The policies as the checker reads them."""
    return read_law({**dict(law.policies.sources), **law.policies.tables})


def proof_of(directory, request, now=NOW, law=None):
    """The proof, as it is written down, and the world document that it speaks of."""
    law = law or engine()
    world = json.dumps(write_world(directory)).encode()
    moment = Moment(directory, now, law.vocabulary)
    return json.loads(json.dumps(prove(law, request, moment, world, speaker(law)))), world


def holds(proof, world, law=None):
    try:
        verify(proof, world, False, sources(law or engine()))
    except Exception:
        return False
    return True


@examples(30)
@given(scenes())
def test_the_proof_of_every_decision_that_rules_make_is_accepted(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)

    for request in asked:
        try:
            proof, world = proof_of(directory, request)
        except NoProof:
            continue
        verify(proof, world, False, sources(engine()))
        assert not holds({**proof, "decision": not proof["decision"]}, world)
        assert not holds({**proof, "rules": proof["rules"][1:]}, world) or not proof["rules"]
        assert not holds({**proof, "reads": proof["reads"][:-1]}, world) or not proof["reads"]


def tables():
    for folder in (POLICIES, FIXTURES / "documents"):
        for path in sorted(folder.rglob("*.cases.toml")):
            yield pytest.param(folder, path, id=path.stem)


@lru_cache
def law_of(folder):
    return engine() if folder == POLICIES else Engine(read_policy_set(folder))


@pytest.mark.parametrize(("folder", "path"), list(tables()))
def test_the_proofs_of_cases_in_every_table_are_accepted(folder, path):
    law, table = law_of(folder), read_table(path.read_bytes(), path.name)
    source = path.parent / table.world
    known = read_world(parse_world(source.read_bytes(), source.name), law.policies.schema)

    for case in table.cases[::6]:
        directory = apply_changes(known, case.after, law.policies.schema)
        try:
            proof, world = proof_of(directory, case.request, case.now or NOW, law)
        except NoProof:
            continue
        verify(proof, world, False, sources(law))
        assert proof["decision"] == (case.expected == "allow")


# Forgeries

FLIPPED = {True: False, False: True, "none": "owner", "agent": "owner", "active": "suspended"}


def flipped(value):
    """Another value of the same form."""
    if isinstance(value, (bool, str)) and value in FLIPPED:
        return FLIPPED[value]
    if isinstance(value, str):
        return (parse_moment(value) and "2031-01-01T00:00:00Z") or value + "x"
    return value + 1 if isinstance(value, int | float) else ["x"]


def forgeries(proof, path=()):
    """The proof with one thing in it changed, left out or said twice, in every way."""
    inner = proof
    for step in path:
        inner = inner[step]
    if isinstance(inner, dict | list):
        for step in inner if isinstance(inner, dict) else range(len(inner)):
            yield from forgeries(proof, (*path, step))
            without = deepcopy(proof)
            del at(without, path)[step]
            yield without
        if isinstance(inner, list) and inner:
            twice = deepcopy(proof)
            at(twice, path).append(inner[0])
            yield twice
    else:
        changed = deepcopy(proof)
        at(changed, path[:-1])[path[-1]] = flipped(inner)
        yield changed


def at(value, path):
    for step in path:
        value = value[step]
    return value


def request_of(proof):
    said = proof["request"]
    return AccessRequest(
        *(said["subject"][name] for name in ("type", "id")),
        said["action"]["name"],
        *(said["resource"][name] for name in ("type", "id")),
        said["subject"]["properties"],
        said["action"]["properties"],
        said["resource"]["properties"],
        said["context"],
    )


def is_the_engines_own(directory, proof, law=None):
    """Whether the engine itself gives this very proof for the request and clock that it names."""
    try:
        document = write_world(directory)
        directory = read_world(document, engine().policies.schema, proof["levels"])
        mine, _ = proof_of(directory, request_of(proof), parse_moment(proof["now"]), law)
    except (NoProof, InvalidWorld, LookupError, TypeError):
        return False
    return json.dumps(mine, sort_keys=True) == json.dumps(proof, sort_keys=True)


def brand():
    return read_world(parse_world(BRAND.read_bytes(), BRAND.name), engine().policies.schema)


@pytest.mark.parametrize(
    ("subject", "action", "resource", "more"),
    [
        ("user:lukas", "reply", "conversation:recall-linz", {}),
        ("user:dora", "read", "conversation:winter-tyres", {}),
        ("user:dora", "use", "channel:launch-line", {}),
        ("user:petra", "view", "organization:linz", {}),
        ("user:otto", "view", "organization:linz", {}),
        ("partner:wegweiser", "view", "organization:linz", {}),
        (
            "user:jakob",
            "read",
            "conversation:new",
            {"resource_properties": {"organization": "graz"}, "context": {"organization": "graz"}},
        ),
        ("user:bruno", "view_report", "organization:linz", {"action_properties": {"filter": []}}),
    ],
)
def test_a_forged_proof_is_refused(subject, action, resource, more):
    directory = brand()
    request = AccessRequest(*subject.split(":"), action, *resource.split(":"), **more)
    proof, world = proof_of(directory, request, parse_moment("2026-12-01"))
    assert holds(proof, world)
    count = 0

    for forged in forgeries(proof):
        count += 1
        # What is true of another clock or another resource is no forgery, if the rest fits it.
        assert not holds(forged, world) or is_the_engines_own(directory, forged), forged
    assert count > 40


def test_the_digest_in_a_proof_begins_as_the_revision_that_a_server_names():
    request = AccessRequest("user", "lukas", "reply", "conversation", "recall-linz")
    proof, _ = proof_of(brand(), request)

    assert proof["policy"].startswith(engine().policies.revision)
    assert len(proof["policy"]) == 64


def test_a_proof_of_another_world_or_other_policies_is_refused():
    directory = brand()
    request = AccessRequest("user", "lukas", "reply", "conversation", "recall-linz")
    proof, world = proof_of(directory, request, parse_moment("2026-12-01"))
    documents = Engine(read_policy_set(FIXTURES / "documents"))

    assert holds(proof, world)
    assert not holds(proof, world + b" ")
    assert not holds(proof, world, documents)


def test_no_name_of_a_person_is_in_a_proof():
    proof, _ = proof_of(brand(), AccessRequest("user", "otto", "view", "user", "emil"))

    assert "accountant" not in json.dumps(proof) and "spring" not in json.dumps(proof)


def test_there_is_no_proof_where_no_rule_was_asked():
    with pytest.raises(NoProof):
        proof_of(brand(), AccessRequest("user", "nobody", "view", "user", "emil"))


CHECKER = Path(checker.__file__).parent
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(CHECKER.glob("*.py"))}


def imports(text):
    """Each module that a file imports, with a dot before those of its own folder."""
    for each in ast.walk(ast.parse(text)):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            yield "." * each.level + (each.module or "")


@pytest.mark.parametrize("name", FILES)
def test_the_checker_knows_nothing_of_the_house(name):
    others = {each for each in imports(FILES[name]) if each.split(".")[0]}
    own = set(imports(FILES[name])) - others

    assert {each.split(".")[0] for each in others} <= sys.stdlib_module_names
    assert own <= {f".{each}" for each in FILES}


@pytest.mark.parametrize(
    ("name", "known"), [("law", set()), ("world", set()), ("facts", {".world"})]
)
def test_what_rules_come_to_and_what_words_mean_are_shown_apart(name, known):
    assert {each for each in imports(FILES[name]) if each.startswith(".")} == known


@pytest.mark.parametrize("name", FILES)
def test_the_checker_runs_nothing_that_it_reads(name):
    called = {each.id for each in ast.walk(ast.parse(FILES[name])) if isinstance(each, ast.Name)}
    running = {"eval", "exec", "compile", "open", "globals", "__import__", "setattr"}

    assert not called & running
    assert not {"importlib", "runpy", "subprocess"} & set(imports(FILES[name]))


def test_every_file_of_the_checker_stays_short():
    """All its lines count, so that each can be read in one sitting."""
    assert {name for name, text in FILES.items() if len(text.splitlines()) > 200} == set()


@pytest.mark.parametrize("of", ["the world", "a world with a suspended dealer"])
def test_the_checker_runs_by_itself_far_from_the_house(tmp_path, of):
    shutil.copytree(CHECKER, tmp_path / "taken", ignore=shutil.ignore_patterns("__pycache__"))
    request = AccessRequest("user", "lukas", "reply", "conversation", "recall-linz")
    moment = Moment(brand(), NOW, engine().vocabulary)
    proof = prove(engine(), request, moment, BRAND.read_bytes(), speaker(engine()))
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    world = tmp_path / "brand.world.toml"
    text = BRAND.read_text()
    if of != "the world":
        text = text.replace('kind = "dealer"', 'kind = "dealer", status = "suspended"')
    world.write_text(text)

    # Without the environment (-E) and without what is installed (-S), there is no house.
    alone = [sys.executable, "-E", "-S"]
    house = subprocess.run([*alone, "-c", "import service"], cwd=tmp_path, capture_output=True)
    run = subprocess.run(
        [*alone, "-m", "taken", "proof.json", world, POLICIES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert house.returncode != 0
    assert (run.returncode == 0) == (of == "the world"), run.stderr
    assert run.stdout == ("proven\n" if of == "the world" else "")


def test_the_checker_runs_where_it_is_and_says_what_it_takes():
    run = subprocess.run(
        [sys.executable, "-m", "service.checker"],
        cwd=CHECKER.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert "PROOF WORLD POLICIES" in run.stderr


def test_nobody_is_proven_to_act_who_acts_for_no_organization():
    law = law_of(FIXTURES / "documents")
    world = {
        "organizations": {"board": {}},
        "users": {"ann": {"memberships": {"board": "agent"}}},
        "resources": {
            "folder:f": {"organization": "board"},
            "document:d": {"organization": "board", "folder": "f", "author": "ann"},
        },
    }
    directory = read_world(world, law.policies.schema)
    proof, body = proof_of(
        directory, AccessRequest("user", "ann", "read", "document", "d"), NOW, law
    )
    without = json.loads(body)
    without["users"]["ann"]["memberships"] = {}
    spelled = json.dumps(without).encode()
    forged = {**proof, "world": hashlib.sha256(spelled).hexdigest()}

    assert holds(proof, body, law)
    assert not holds(forged, spelled, law)


# What policies can say, and what they cannot

TYPES = b"""
[types.organization.actions]
view = {}
[types.user.actions]
view = {}
[types.note]
attributes = { pages = "integer?", author = "user?", sealed = "boolean?" }
[types.note.actions]
read = { copies = "integer?", reader = "user?" }
write = { reason = "string" }
"""
WORLD = {
    "organizations": {"top": {}, "acme": {"parent": "top"}, "left": {"parent": "acme"}},
    "users": {
        "ann": {"memberships": {"acme": "admin"}},
        "bob": {"memberships": {"acme": "agent", "left": "guest"}, "selected": "left"},
    },
    "resources": {"note:n": {"organization": "left", "pages": 1, "author": "bob"}},
}
READ = AccessRequest("user", "ann", "read", "note", "n")


def law_that_says(text):
    return Engine(policy_set([("rules.polar", text.encode())], TYPES))


def proof_by(law, request=READ, world=WORLD):
    return proof_of(read_world(world, law.policies.schema), request, NOW, law)


def rule(condition, kind="allow"):
    note = "note" if "note" in condition else "_"
    head = f'{kind}(_: User, action, {note}: Note, "it") if'
    return f'# Says so.\n{head}\n  action in ["read", "write"] and {condition};\n'


@pytest.mark.parametrize(
    ("condition", "holds_so"),
    [
        ("note.pages = 1", True),
        ("note.pages != 1", False),
        ("note.pages > -1 and note.pages < 2 and note.pages >= 1 and note.pages <= 1", True),
        ("note.pages = true", False),
        ("pages := note.pages and pages in [3, 2, 1]", True),
        ("writes(note, one) and stands(role) and one.role_at(note.organization) = role", True),
        ("between(note.pages, 0, 2)", True),
        ("between(note.pages, 1, 2)", False),
        ("twice(note.pages, note.pages) and not_twice(2)", True),
        ("twice(2, note.pages)", False),
        ("either(note)", True),
        ('named(action, "read")', True),
        ("any_of(_, note)", True),
        ('note.has("sealed") and note.sealed', False),
        ('request.has("reason")', False),
    ],
)
def test_whatever_rules_can_say_is_proven_as_the_engine_decides(condition, holds_so):
    predicates = """
    writes(note: Note, writer) if note.has("author") and writer = note.author;
    stands("guest"); stands("agent");
    between(value, low, high) if value > low and value < high;
    twice(one, one); not_twice(two) if two != 1;
    either(note: Note) if note.pages = 7 or (note.pages = 1 and note.organization.level = 3);
    named(action: String, action); any_of(_, _: Note);
    """.replace("\n    ", "\n")
    law = law_that_says(predicates + rule(condition))

    proof, world = proof_by(law)

    verify(proof, world, False, sources(law))
    assert holds_so == proof["decision"]


def as_it_is(text):
    """The policies as the checker reads them, though the engine would refuse them."""
    return read_law({"rules.polar": text.encode(), "types.toml": TYPES})


@pytest.mark.parametrize(
    "condition",
    [
        "note.__class__",
        "note.__class__.__init__.__globals__",
        "_.__class__",
        '__import__("os").mkdir("made")',
        'open("made", "w")',
        'note.read(note, "id")',
        "note.words",
        "self.world",
        "request.get",
        '"a".upper() = "A"',
        "[].append(1)",
        "(lambda: true)()",
        "[x for x in [1]]",
        'f"{note}"',
        "note.pages + 1 = 2",
        "note.pages if note else note",
        "nobody_defines(note)",
        "not nobody_defines(note)",
        "note.within(note)",
        "note.organization.within(note)",
        'note.has("nothing")',
        "nothing",
        "other != note",
    ],
)
def test_what_no_rule_can_say_is_refused_and_never_run(condition, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    law = law_that_says(rule("note.pages = 1"))
    proof, world = proof_by(law)
    verify(proof, world, False, as_it_is(rule("note.pages = 1")))

    with pytest.raises((LookupError, ValueError, TypeError, AttributeError, SyntaxError)):
        hostile = as_it_is(rule(condition))
        verify({**proof, "policy": hostile[0]}, world, False, hostile)
    assert not list(tmp_path.iterdir())


def test_a_rule_behind_another_end_of_line_is_seen():
    text = rule("note.pages = 1") + "# Hidden.\r" + rule("note.pages = 1", kind="deny")
    law = law_that_says(text)
    proof, world = proof_by(law)

    assert ["deny", "allow"] == [each["predicate"] for each in proof["rules"]]
    assert holds(proof, world, law)
    assert not holds({**proof, "rules": proof["rules"][1:], "decision": True}, world, law)


def test_a_file_that_ends_within_a_rule_proves_nothing():
    law = law_that_says(rule("note.pages = 1"))
    proof, world = proof_by(law)
    text = rule("note.pages = 1") + rule("note.pages = 1", kind="deny").strip()[:-1]

    with pytest.raises(SyntaxError):
        verify(proof, world, False, as_it_is(text))


# Single forgeries, each of its own kind


def denied():
    """A denial by one of several rules, its proof and the document."""
    text = BRAND.read_text().replace('kind = "dealer"', 'kind = "dealer", status = "suspended"')
    directory = read_world(parse_world(text.encode(), BRAND.name), engine().policies.schema)
    request = AccessRequest("user", "lukas", "reply", "conversation", "recall-linz")
    return proof_of(directory, request, parse_moment("2026-12-01"))


def without_its_deny_rules(proof):
    kept = [each for each in proof["rules"] if each["predicate"] != "deny"]
    return {**proof, "rules": kept, "decision": True, "reason": "granted"}


def with_one_more(**changed):
    def forge(proof):
        return {**proof, "reads": [*proof["reads"], {**proof["reads"][0], **changed}]}

    return forge


def with_another(member, value):
    return lambda proof: {**proof, member: value}


def with_a_read_of_another(proof):
    first, *rest = proof["reads"]
    return {**proof, "reads": [{**first, "of": {"type": "user", "id": "dora"}}, *rest]}


def with_another_hidden_text(proof):
    hidden = {"sha256": hashlib.sha256(b"active").hexdigest()}
    reads = [
        {**each, "answer": hidden} if each["answer"] == "suspended" else each
        for each in proof["reads"]
    ]
    return {**proof, "reads": reads}


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(without_its_deny_rules, id="without its deny rules"),
        pytest.param(lambda p: {**p, "rules": p["rules"][::-1]}, id="its rules in another order"),
        pytest.param(with_one_more(read="type", answer="user"), id="a true read that none needs"),
        pytest.param(with_one_more(), id="a read listed twice"),
        pytest.param(with_one_more(answer=False), id="two answers to one read"),
        pytest.param(with_a_read_of_another, id="a read of another entity"),
        pytest.param(with_another_hidden_text, id="the hash of another text"),
        pytest.param(with_another("levels", "3"), id="levels that are no number"),
        pytest.param(with_another("now", "soon"), id="a clock that is none"),
        pytest.param(with_another("policy", "0" * 64), id="the digest of other policies"),
        pytest.param(with_another("more", 1), id="a member that no proof has"),
    ],
)
def test_a_proof_with_one_thing_forged_is_refused(forge):
    proof, world = denied()

    assert len(proof["rules"]) > 1
    assert holds(proof, world)
    assert not holds(forge(proof), world)


@pytest.mark.parametrize(
    "twice",
    ['{"decision": true, ', '{"request": {}, ', '{"more": null, "more": 1, '],
)
def test_a_proof_that_says_a_thing_twice_is_refused(tmp_path, twice):
    proof, world = denied()
    file, facts = tmp_path / "proof.json", tmp_path / "world.json"
    facts.write_bytes(world)

    file.write_text(json.dumps(proof))
    assert refusal(file, facts, POLICIES) is None
    file.write_text(twice + json.dumps(proof)[1:])
    assert "twice" in refusal(file, facts, POLICIES)


def test_what_cannot_be_read_proves_nothing(tmp_path):
    assert "nothing.json" in refusal(tmp_path / "nothing.json", BRAND, POLICIES)


def test_the_order_of_reads_says_nothing_and_a_text_may_be_kept_as_its_hash():
    proof, world = denied()
    reads = [
        {**each, "answer": {"sha256": hashlib.sha256(each["answer"].encode()).hexdigest()}}
        if isinstance(each["answer"], str)
        else each
        for each in reversed(proof["reads"])
    ]

    assert reads != proof["reads"][::-1]
    assert holds({**proof, "reads": reads}, world)


@pytest.mark.parametrize(
    ("end", "member", "value"),
    [
        ("resource", "properties", {"pages": True}),
        ("resource", "properties", {"organization": "acme"}),
        ("resource", "id", "nowhere"),
        ("resource", "type", "document"),
        ("subject", "type", "note"),
        ("subject", "id", "nobody"),
        ("action", "name", "write"),  # which takes a reason
        ("action", "properties", {"reader": "nobody"}),
        ("context", "organization", ""),
        ("context", "organization", "left"),
    ],
)
def test_a_request_that_could_not_be_asked_proves_nothing(end, member, value):
    law = law_that_says(rule("note.pages = 1"))
    proof, world = proof_by(law)
    forged = deepcopy(proof)
    forged["request"][end][member] = value

    assert holds(proof, world, law)
    assert not holds(forged, world, law)
