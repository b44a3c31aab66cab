"""Checks the proof of a decision: one file, which shares nothing with the engine.

    python checker.py PROOF.json WORLD POLICIES

It reads the world document and the policies itself, tries every rule, and answers every read by
definitions of its own. What passes shows: under these facts and policies (both hashed) and this
clock, the rules that match are those named, each read listed is needed and has this answer, and no
other is; so the decision is right. It does not show that the world is well formed, that values are
of the kinds declared, or that a server uses these files: compare the hashes with what it says.
"""

import ast
import hashlib
import json
import operator
import re
import sys
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

# fmt: off
STANDINGS = ("active", "suspended", "archived", "invited")
PLAIN = ("string", "strings", "integer", "number", "boolean")
STORED = {"organization": {"parent": "organization?"}, "user": {},
          "partner": {"organization": "organization", "role": "string"},
          "subscription": {"organization": "organization", "plan": "string?", "product": "string?",
                           "telephony": "string?", "department": "string?"}}
WORD = re.compile(r'#.*|"(?:[^"\\\n]|\\.)*"|[A-Za-z_]\w*|:=|[=!<>]=|[=:;]')
PYTHON = {"if": ",", ";": "),(", "=": "==", ":=": "==", ":": "@", "true": "True", "false": "False",
          "and": "and", "or": "or", "not": "not", "in": "in"}


@dataclass(frozen=True)
class Entity:
    """Something of the world, the request, the context, or a list of organizations by their ids."""

    type: str
    id: object = None
    acts_for: str | None = field(default=None, compare=False)


def members(pairs):
    """An object of a JSON text: what is null is absent, and nothing may be said twice."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError(f"one object says a thing twice: {[name for name, _ in pairs]}")
    return {name: value for name, value in pairs if value is not None}


def spelled(value):
    """A value as JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, default=lambda it: members([*vars(it).items()]))


def veiled(it):
    """A text as its hash: a proof may tell a text, or keep it to itself."""
    return {"sha256": hashlib.sha256(it.encode()).hexdigest()} if isinstance(it, str) else it


def instant(text):
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def same(one, other):
    """Whether two values are one; true and 1 are two."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


COMPARED = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
            ast.Eq: same, ast.NotEq: lambda one, other: not same(one, other),
            ast.In: lambda one, values: any(same(one, each) for each in values)}


def python(found):
    """A word of Polar for Python's parser. Names end in `_` there, so that none is a keyword."""
    word = found[0]
    return PYTHON.get(word) or (word + "_" if word.isidentifier() else word.partition("#")[0])


def read_law(files):
    """The digest of the policy files, their types, and their clauses by name and size."""
    digest, clauses = hashlib.sha256(), {(kind, 4): [] for kind in ("deny", "allow", "obligation")}
    for file, content in sorted(files.items()):
        for part in (file.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
        # To Python, a file of rules is a list of `(head, condition)`. It is parsed and never run.
        rules = "\n".join(content.decode().splitlines()) if file.endswith(".polar") else ""
        for clause in ast.parse(f"[({WORD.sub(python, rules)} None)]", mode="eval").body.elts[:-1]:
            head, body = getattr(clause, "elts", (clause, ast.Constant(True)))
            known = clauses.setdefault((head.func.id[:-1], len(head.args)), [])
            known.append((head.args, body, {"file": file, "line": head.lineno}))
    return digest.hexdigest(), tomllib.loads(files["types.toml"].decode()), clauses


class Check:
    """A request before the facts and the law; `reads` gathers what had to be read."""

    def __init__(self, proof, world, schema, clauses):
        asked, types = proof["request"], schema["types"]
        action, context = asked["action"], asked["context"]
        self.clauses, self.reads = clauses, set()
        self.now, self.levels = instant(proof["now"]), proof["levels"]
        self.tree, self.shares = world["organizations"], world.get("shares", [])
        self.bought = world.get("subscriptions", {})
        # The kinds of what is said of each type; what only other actions take is known, and absent
        actions = {name: types[name].get("actions", {}) for name in types}
        taken = {name for known in actions.values() for given in known.values() for name in given}
        self.absent = {"context": {}, "request": dict.fromkeys(taken)}
        placed = {"organization": "organization"}
        self.kinds = {name: placed | types[name].get("attributes", {}) for name in types} | STORED
        self.kinds["request"] = actions[asked["resource"]["type"]][action["name"]]
        self.kinds["context"] = schema.get("context", {})
        # What is said of each entity
        self.said = {Entity(*name.split(":", 1)): said
                     for name, said in world.get("resources", {}).items()}
        self.said |= {Entity(kind, name): said for kind in STORED
                      for name, said in world.get(kind + "s", {}).items()}
        self.said |= {Entity("request"): action["properties"], Entity("context"): context}
        # The types for which each class of the rules stands
        every, items = types.keys() | STORED.keys(), types.keys() - STORED.keys()
        self.classes = {name.title().replace("_", ""): {name} for name in every} | {
            "Entity": every, "Placed": every - {"user", "subscription"}, "Item": items,
            "Shareable": {name for name in items if types[name].get("shareable")}, "String": {str}}
        # Who asks for what
        subject, resource = self.found(**asked["subject"]), self.found(**asked["resource"])
        if subject.type not in ("user", "partner") and not types[subject.type].get("subject"):
            raise ValueError(f"`{subject.type}` is no type of subject")
        self.question = [self.acting(subject, context), action["name"], resource, None]
        for named in self.words(Entity("request")).values():
            if isinstance(named, Entity):
                self.words(named)

    def found(self, type, id, properties):
        """What the request names: as it is stored, else as it is described."""
        entity = Entity(type, id)
        if type not in STORED:
            stored = self.said.setdefault(entity, properties)
            for name in properties.keys() & self.kinds[type].keys():
                if spelled(properties[name]) != spelled(stored.get(name)):
                    raise ValueError(f"the request contradicts what is stored: {name}")
        self.words(entity)
        return entity

    def acting(self, subject, context):
        """The subject, for the organization that is chosen, else selected, else the only one."""
        said, user = self.said[subject], subject.type == "user"
        held = said.get("memberships", {}) if user else [said["organization"]]
        alone = next(iter(held)) if len(held) == 1 else None
        at = context.get("organization", said.get("selected", alone) if user else alone)
        if at not in held:
            raise ValueError("the subject does not belong to the organization acted for")
        return Entity("user", subject.id, at) if user else subject

    # The law: each way in which something holds, as what the names stand for then

    def matching(self, kind):
        """Each rule of a kind that matches, and where it stands."""
        names = {found[3] for found in self.ask(kind, self.question)}
        rules = {name.value: place for (*_, name), _, place in self.clauses[kind, 4]}
        return [{"predicate": kind, "name": name, **rules[name]} for name in sorted(names)]

    def ask(self, name, given):
        """What stands in each place whenever a predicate holds; a given None is to be found."""
        for parameters, body, _ in self.clauses[name, len(given)]:
            known = {"request_": Entity("request"), "context_": Entity("context")}
            for env in self.fitted(parameters, given, known):
                for way in self.ways(body, env):
                    names = way | {"__": None}  # what takes anything says nothing
                    yield [self.value(each, names) if one is None else one
                           for each, one in zip(parameters, given, strict=True)]

    def fitted(self, terms, values, env):
        """What the names stand for once each term stands for its value, if each can."""
        env = dict(env)
        pairs = zip(terms, values, strict=True)
        if all(value is None or self.takes(term, value, env) for term, value in pairs):
            yield env

    def takes(self, term, value, env):
        """Whether a term can stand for a value; a name does so from then on."""
        match term:
            case ast.BinOp(name, ast.MatMult(), ast.Name(known)):
                fits = getattr(value, "type", type(value)) in self.classes[known[:-1]]
                return fits and self.takes(name, value, env)
            case ast.Name(name):
                return name == "__" or same(env.setdefault(name, value), value)
        return same(self.value(term, env), value)

    def ways(self, condition, env):
        """Each way in which a condition holds."""
        match condition:
            case ast.BoolOp(ast.And(), [first, *rest]):
                for way in self.ways(first, env):
                    yield from self.ways(ast.BoolOp(ast.And(), rest), way) if rest else [way]
            case ast.BoolOp(ast.Or(), parts):
                for part in parts:
                    yield from self.ways(part, env)
            case ast.UnaryOp(ast.Not(), part):
                yield from [] if any(True for _ in self.ways(part, env)) else [env]
            case ast.Call(ast.Name(name), terms):
                free = [isinstance(each, ast.Name) and each.id not in env for each in terms]
                given = [None if free[i] else self.value(each, env) for i, each in enumerate(terms)]
                for found in self.ask(name[:-1], given):
                    yield from self.fitted(terms, found, env)
            case ast.Compare(ast.Name() as name, [ast.Eq() | ast.In() as op], [right]):
                values = self.value(right, env)
                for each in values if isinstance(op, ast.In) else [values]:
                    yield from self.fitted([name], [each], env)
            case _:
                yield from [env] if self.value(condition, env) is True else []

    def value(self, term, env):
        """What a term stands for. Whatever is no term of a rule ends in an error."""
        match term:
            case ast.Name(name):
                return env[name]
            case ast.List(terms):
                return [self.value(each, env) for each in terms]
            case ast.Attribute(owner, name) | ast.Call(ast.Attribute(owner, name)):
                given = [self.value(each, env) for each in getattr(term, "args", [])]
                return self.read(self.value(owner, env), name[:-1], given)
            case ast.Compare(left, [op], [right]):
                return COMPARED[type(op)](self.value(left, env), self.value(right, env))
        return ast.literal_eval(term)

    # The facts

    def read(self, owner, name, given):
        """The answer of a word, noted. An organization is handed to it as its path."""
        words = self.words(owner)
        answer = words[given[0]] is not None if name == "has" else words[name]
        if callable(answer):
            answer = answer(*[self.path(each.id) if getattr(each, "type", 0) == "organization"
                              else each for each in given])
        if answer is None or (isinstance(answer, Entity) and not self.words(answer)):
            raise ValueError(f"{spelled(owner)} has no {name}")
        found = {"of": owner, "read": name, "with": given, "answer": veiled(answer)}
        self.reads.add(spelled(found))
        return answer

    def path(self, name):
        """The ids from level 1 down to an organization."""
        above = self.tree[name].get("parent")
        return [*(self.path(above) if above else ()), name]

    def lasts(self, starts, ends, days=0):
        """Whether a term has begun, and has not ended more than so many days ago."""
        begun = starts is None or instant(starts) <= self.now
        return begun and (ends is None or self.now < instant(ends) + timedelta(days))

    def declared(self, entity):
        """What is said of an entity, by the names that are declared for it."""
        for name, kind in self.kinds.get(entity.type, {}).items():
            known, value = kind.removesuffix("?"), self.said[entity].get(name)
            if value is None and known == kind:
                raise ValueError(f"{name} is missing")
            if known in ("organizations", "targets"):
                known, value = "organizations", value or []
            yield name, value if value is None or known in PLAIN else Entity(known, value)

    def words(self, entity):
        """What each word of an entity means: a value, or a function of what it is given."""
        kind, key, words = entity.type, entity.id, dict(self.declared(entity))
        if kind in self.absent:
            return self.absent[kind] | words
        if kind == "organizations":
            every = key == "all"
            paths = [self.path(name) if name in self.tree else [] for name in key if not every]
            return {
                "all_within": lambda to: not every and all(to[-1] in path for path in paths),
                "all_below": lambda to: len(to) < self.levels if every else all(
                    to[-1] in path[:-1] for path in paths),
                "in_one_account": None if every else lambda: len(
                    {path[1] for path in map(self.path, key) if path[1:]}) < 2}
        said, words = self.said[entity], words | {"id": key, "type": kind}
        if kind == "organization":
            path = self.path(key)
            line = [self.tree[name] for name in path]
            bought = sorted((instant(term["starts"]), name, term.get("telephony"))
                            for name, term in self.bought.items() if term["organization"] == key)
            return words | {
                "organization": entity, "kind": said.get("kind", ""), "level": len(path),
                "is_platform": len(path) == 1, "is_account": len(path) == 2,
                "is_leaf": len(path) >= self.levels,
                "account": Entity("organization", path[1]) if path[1:] else None,
                "standing": max((n.get("status", "active") for n in line), key=STANDINGS.index),
                "subscription_required": any(n.get("subscription_required") for n in line[1:2]),
                "subscriptions": [Entity("subscription", name) for _, name, _ in bought],
                "telephony": next((each for _, _, each in bought if each is not None), None),
                "within": lambda to: to[-1] in path, "below": lambda to: to[-1] in path[:-1],
                "shares_account_with": lambda to: len(path) > 1 and path[:2] == to[:2],
                "bound_to_another_type": lambda type: any(
                    term["organization"] == key and term["type"] != type
                    and self.now < instant(term["ends"]) for term in self.bought.values()),
                "has_member": lambda user: self.words(user)["role_at"](path) != "none"}
        if kind == "user":
            at, held = entity.acts_for, said.get("memberships", {})
            mapped = [self.bought[name] for name in said.get("subscriptions", [])]
            return words | {
                "organization": Entity("organization", at) if at else None, "role": held.get(at),
                "organizations": [Entity("organization", name) for name in held],
                "is_bot": said.get("type") == "bot", "archived": said.get("status") == "archived",
                "role_over": lambda to: held[at] if at in to else "none",
                "role_at": lambda to: held.get(to[-1], "none"),
                "assists": lambda to: len(to) > 1 and to[0] == at,
                "works_within": lambda to: any(to[-1] in self.path(name) for name in held),
                "subscribed": lambda days: self.path(at)[1] in [
                    term["organization"] for term in mapped
                    if self.lasts(term["starts"], term["ends"], days)]}
        if kind == "subscription":
            starts, ends = said["starts"], said["ends"]
            return words | {
                "kind": said["type"], "hybrid": said.get("hybrid", False),
                "active": self.lasts(starts, ends), "expired": not self.lasts(None, ends),
                "lasts": lambda days: self.lasts(starts, ends, days)}
        owner = self.path(said["organization"])
        return words | {
            "usable_in": lambda to: to[-1] in owner or self.shared(entity, owner, to),
            "shared_with": lambda to: self.shared(entity, owner, to, or_below=True)}

    def shared(self, item, owner, to, or_below=False):
        """Whether a share in force reaches the last of the path `to`, or one below it."""
        below = to[len(owner):] if to[:len(owner)] == owner else []
        for share in self.shares if below else ():
            named = below[:1] if share["with"] == "all" else share["with"]
            reached = below if share.get("depth") == "descendants" else below[-1:]
            further = or_below and any(to[-1] in self.path(name)[:-1] for name in named)
            in_force = self.lasts(share.get("valid_from"), share.get("valid_until"))
            of_this = share["resource"] == f"{item.type}:{item.id}"
            if of_this and in_force and (further or set(named) & set(reached)):
                return True
        return False


def verify(proof, body, is_toml, law):
    """Raise an error unless the proof holds of the document `body` and of what `read_law` gave."""
    policy, schema, clauses = law
    text = json.dumps(tomllib.loads(body.decode()), default=str) if is_toml else body
    check = Check(proof, json.loads(text, object_pairs_hook=members), schema, clauses)
    denies, allows = check.matching("deny"), check.matching("allow")
    allowed = bool(allows) and not denies
    duties = check.matching("obligation") if allowed else []
    reason = "prohibited" if denies else "granted" if allowed else "no-grant"
    mine = {"world": hashlib.sha256(body).hexdigest(), "policy": policy, "decision": allowed,
            "reason": reason, "rules": denies + allows + duties, "reads": sorted(check.reads)}
    listed = [spelled(read | {"answer": veiled(read["answer"])}) for read in proof["reads"]]
    for name in (proof.keys() | mine.keys()) - {"request", "now", "levels"}:
        if spelled(mine[name]) != spelled(sorted(listed) if name == "reads" else proof[name]):
            raise ValueError(f"by this world and these policies, its `{name}` is {mine[name]}")


def refusal(proof, world, policies):
    """Why the proof in a file does not hold of a world and of the policies in a folder, or None."""
    try:
        tables = ("types.toml", "changes.toml", "billing.toml")
        files = {file.name: file.read_bytes() for file in policies.iterdir()
                 if file.suffix == ".polar" or file.name in tables}
        known = json.loads(proof.read_bytes(), object_pairs_hook=members)
        return verify(known, world.read_bytes(), world.suffix == ".toml", read_law(files))
    except Exception as wrong:  # whatever a proof makes fail shows nothing
        return f"{wrong}" if type(wrong) is ValueError else f"{type(wrong).__name__}: {wrong}"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: checker.py PROOF WORLD POLICIES (a proof, a world document, a folder)")
    why = refusal(*map(Path, sys.argv[1:]))
    sys.exit(f"no proof: {why}") if why else print("proven")
