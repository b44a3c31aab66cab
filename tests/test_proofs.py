"""A proof convinces a checker that shares nothing with the engine, and a forged one does not."""

import ast
import json
import subprocess
import sys
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from worlds import NOW, POLICIES, directory_of, engine, examples, scenes

from service.domain.changes import apply_changes
from service.domain.identifiers import parse_moment
from service.domain.moment import Moment
from service.domain.world import parse_world, read_world, write_world
from service.errors import InvalidWorld, NoProof
from service.explain import checker
from service.explain.checker import read_law, verify
from service.explain.lawbook import Law
from service.explain.proof import prove
from service.explain.words import Speaker
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.policy_set import read_policy_set
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


def test_the_checker_knows_nothing_of_the_house():
    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    imported = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    roots = {
        (alias.name if isinstance(each, ast.Import) else each.module).split(".")[0]
        for each in imported
        for alias in each.names
    }

    assert roots <= sys.stdlib_module_names


@pytest.mark.parametrize("of", ["the world", "a world with a suspended dealer"])
def test_the_checker_runs_by_itself_far_from_the_house(tmp_path, of):
    alone = tmp_path / "checker.py"
    alone.write_bytes(Path(checker.__file__).read_bytes())
    request = AccessRequest("user", "lukas", "reply", "conversation", "recall-linz")
    moment = Moment(brand(), NOW, engine().vocabulary)
    proof = prove(engine(), request, moment, BRAND.read_bytes(), speaker(engine()))
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    world = tmp_path / "brand.world.toml"
    text = BRAND.read_text()
    if of != "the world":
        text = text.replace('kind = "dealer"', 'kind = "dealer", status = "suspended"')
    world.write_text(text)

    run = subprocess.run(
        [sys.executable, "-I", alone, tmp_path / "proof.json", world, POLICIES],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode == 0) == (of == "the world"), run.stderr
    assert run.stdout == ("proven\n" if of == "the world" else "")


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
    forged = {**proof, "world": checker.sha256(spelled)}

    assert holds(proof, body, law)
    assert not holds(forged, spelled, law)
