"""Whether a proof holds: what rules and facts come to, compared with each thing that it says."""

import hashlib
import json
import tomllib

from .facts import Facts, spelled
from .law import Law, read_clauses

TABLES = ("types.toml", "changes.toml", "billing.toml")


def members(pairs):
    """An object of a JSON text: what is null is absent, and nothing may be said twice."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError(f"one object says a thing twice: {[name for name, _ in pairs]}")
    return {name: value for name, value in pairs if value is not None}


def noted(read):
    """A read as a text. An answer that is a text counts by its hash: a proof may keep it back."""
    answer = read["answer"]
    if isinstance(answer, str):
        answer = {"sha256": hashlib.sha256(answer.encode()).hexdigest()}
    return spelled(read | {"answer": answer})


def read_law(files):
    """The digest of policy files by name, the types that they declare, and their clauses."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    rules = {name: content.decode() for name, content in files.items() if name.endswith(".polar")}
    return digest.hexdigest(), tomllib.loads(files["types.toml"].decode()), read_clauses(rules)


def verify(proof, body, is_toml, law):
    """Raise an error unless the proof holds of the document `body` and of what `read_law` gave."""
    digest, schema, clauses = law
    text = json.dumps(tomllib.loads(body.decode()), default=str) if is_toml else body
    world = json.loads(text, object_pairs_hook=members)
    facts = Facts(world, schema, proof["request"], proof["now"], proof["levels"])
    rules = Law(clauses, facts)
    denies, allows = rules.matching("deny"), rules.matching("allow")
    allowed = bool(allows) and not denies
    mine = {
        "world": hashlib.sha256(body).hexdigest(),
        "policy": digest,
        "decision": allowed,
        "reason": "prohibited" if denies else "granted" if allowed else "no-grant",
        "rules": denies + allows + (rules.matching("obligation") if allowed else []),
        "reads": sorted({noted(read) for read in facts.reads}),
    }
    said = proof | {"reads": sorted(noted(read) for read in proof["reads"])}
    for name in (said.keys() | mine.keys()) - {"request", "now", "levels"}:
        if spelled(mine[name]) != spelled(said[name]):
            raise ValueError(f"by this world and these policies, its `{name}` is {mine[name]}")


def refusal(proof, world, policies):
    """Why the proof in a file does not hold of a world and of the policies in a folder, or None."""
    try:
        files = {
            file.name: file.read_bytes()
            for file in policies.iterdir()
            if file.suffix == ".polar" or file.name in TABLES
        }
        known = json.loads(proof.read_bytes(), object_pairs_hook=members)
        verify(known, world.read_bytes(), world.suffix == ".toml", read_law(files))
    except Exception as wrong:  # whatever a proof makes fail shows nothing
        return f"{wrong}" if type(wrong) is ValueError else f"{type(wrong).__name__}: {wrong}"
    return None
