"""Checks the proof of a decision with nothing of the engine: one file, Python's own library alone.

    python checker.py PROOF.json WORLD POLICIES

It reads the world document and the policy files itself, has Python evaluate every rule, and answers
every read from the document by definitions of its own. What passes shows: under these very policies
and facts (both hashed) and this clock, the deny and allow rules that match are those named; each
read listed is needed and has this answer, and no other is; so the decision is right by the five
lines. It does not show that the world is well formed, that values are of the kinds declared, or
that a server uses these facts and policies: compare the hashes with what the server says.
"""

import ast
import hashlib
import json
import re
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

# fmt: off
MEMBERS = {"request", "now", "levels", "world", "policy", "decision", "reason", "rules", "reads"}
TABLES = ("organization", "user", "partner", "subscription")
STANDINGS = ("active", "suspended", "archived", "invited")
CALLED = {"has", "within", "below", "shares_account_with", "has_member", "role_over", "role_at",
          "assists", "works_within", "subscribed", "lasts", "shared_with", "usable_in",
          "all_within", "all_below", "in_one_account", "bound_to_another_type"}
WORD = re.compile(r'\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|[\d.]*\d|[A-Za-z_]\w*|:=|==|!=|<=|>=|.)')
PYTHON = {"and": "and", "or": "or", "not": "not", "in": "in", "true": "True", "false": "False",
          "=": "==", ":=": "==", ":": "@"}


class Wrong(Exception):
    """Why a proof is none."""


class Seen:
    """A value as a rule sees it: an entity by `type:id`, the request or the context, a list."""

    def __init__(self, check, ref, names=None):
        self.check, self.ref, self.names = check, ref, names
        self.kind, _, self.key = check.real.get(ref, ref).partition(":")

    def __getattr__(self, name):  # every name of a rule ends in `_` here
        if name[:-1] in CALLED:
            return lambda *given: self.check.read(self, name[:-1], given)
        return self.check.read(self, name[:-1], ())

    def __eq__(self, other):
        return isinstance(other, Seen) and (self.kind, self.key) == (other.kind, other.key)

    def is_a(self, known):
        shared = self.check.types.get(self.kind, {}).get("shareable", False)
        return {"Entity": True, "Item": self.kind not in TABLES, "Shareable": shared,
                "Placed": self.kind not in ("user", "subscription"),
                self.kind.title().replace("_", ""): True}.get(known, False)


def instant(value):
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    value = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def sha256(content):
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def spell(value):
    """A value as the proof spells it."""
    if isinstance(value, list | tuple):
        return [spell(each) for each in value]
    if not isinstance(value, Seen):
        return value
    return {"is": value.ref} if value.names is None else {"these": value.names}


def clauses(file, text):
    """Each clause as (head, conditions, where it stands), spelled so that Python can parse it."""
    words, begin = [], None
    for match in (m for m in WORD.finditer(text) if m[1]):
        begin = match.start() if begin is None else begin
        if match[1] != ";":
            name = re.match("[A-Za-z_]", match[1]) and match[1] not in PYTHON
            words.append(match[1] + "_" if name else PYTHON.get(match[1], match[1]))
            continue
        cut = words.index("if_") if "if_" in words else len(words)
        parts = (words[:cut], words[cut + 1:] or ["True"])
        head, body = (ast.parse(" ".join(part), mode="eval").body for part in parts)
        line, source = text.count("\n", 0, begin) + 1, text[begin:match.end()]
        parts = body.values if isinstance(getattr(body, "op", None), ast.And) else [body]
        yield head, parts, {"file": file, "line": line, "sha256": sha256(source)}
        words, begin = [], None


class Check:
    """A request before the facts and the law; `used` holds the answer of each read needed."""

    def __init__(self, proof, world, rules, types):
        ask, self.world, self.rules, self.types = proof["request"], world, rules, types["types"]
        self.now, self.levels, self.used, self.real = instant(proof["now"]), proof["levels"], {}, {}
        kind, self.action = ask["resource"]["type"], ask["action"]["name"]
        known = self.types[kind]["actions"][self.action]
        self.given = {"request": (known, ask["action"]["properties"]),
                      "context": (types.get("context", {}), ask["context"])}
        stored, self.items = world.get("resources", {}), {}
        for end in ("subject", "resource"):
            name, said = f"{ask[end]['type']}:{ask[end]['id']}", ask[end]["properties"]
            self.items[name], self.real[end] = stored.get(name, said), name
            known = ("organization", *self.types.get(ask[end]["type"], {}).get("attributes", ()))
            if any(said.get(each) not in (None, self.items[name].get(each)) for each in known):
                raise Wrong("the request contradicts what is stored")
        self.items = stored | self.items
        # Only a user is another as the one who acts than as the one acted upon.
        subject = "subject" if ask["subject"]["type"] == "user" else self.real["subject"]
        self.ends = [Seen(self, subject), self.action, Seen(self, self.real.pop("resource"))]
        user, chosen = self.entry(self.ends[0]), ask["context"].get("organization")
        alone = {} if subject == "subject" else {user["organization"]: ""}
        held = user.get("memberships", alone)
        self.at = chosen or user.get("selected") or (next(iter(held)) if len(held) == 1 else None)
        if self.at not in held:
            raise Wrong("the subject does not belong to the organization acted for")
        self.names = {f"{name}_": Seen(self, name) for name in self.given}
        self.names |= {name: lambda *given, name=name: any(True for _ in self.ask(name, given, {}))
                       for name, _ in rules}

    # The law: each way in which conditions hold together, as what their names stand for then

    def solve(self, parts, env):
        if not parts:
            yield env
            return
        scope = {**self.names, **env}
        match parts[0]:
            case ast.Call(func=ast.Name(id=name), args=given):
                ways = self.ask(name, given, env)
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[right]) if (
                    name not in scope and isinstance(op, ast.In | ast.Eq)):
                values = self.value(right, env)
                values = values if isinstance(op, ast.In) else [values]
                ways = ({**env, name: each} for each in values)
            case condition:
                ways = [env] if self.value(condition, env) is True else []
        for way in ways:
            yield from self.solve(parts[1:], way)

    def value(self, term, env):
        if not isinstance(term, ast.expr):
            return term
        # The words of a rule and nothing else: there are no builtins to call.
        scope = {"__builtins__": {}, **self.names, **env}
        return eval(compile(ast.Expression(term), "law", "eval"), scope)

    def ask(self, predicate, given, env):
        """Each way in which a predicate holds; names among `given` that are free are found."""
        free = {i: one.id for i, one in enumerate(given) if isinstance(one, ast.Name)
                and one.id not in env and one.id not in self.names}
        given = {i: self.value(one, env) for i, one in enumerate(given) if i not in free}
        for head, body, _ in self.rules.get((predicate, len(given) + len(free)), ()):
            inner = {}
            for i, one in given.items():
                term = head.args[i]
                name = term.left if isinstance(term, ast.BinOp) else term
                fits = name is term or (isinstance(one, Seen) and one.is_a(term.right.id[:-1]))
                if not fits or not (isinstance(name, ast.Name) or self.value(name, {}) == one):
                    break
                inner |= {name.id: one} if isinstance(name, ast.Name) else {}
            else:
                for solved in self.solve(body, inner):
                    yield env | {n: self.value(head.args[i], solved) for i, n in free.items()}

    def matching(self, kind):
        found = self.ask(kind + "_", [*self.ends, ast.Name("rule", ast.Load())], {})
        return sorted({way["rule"] for way in found})

    def read(self, owner, name, given):
        answer = self.word(owner, name, *given)
        self.used[json.dumps([spell(owner), name, spell(given)])] = answer
        return answer

    # The document, and what each word of the policies means there

    def entry(self, seen):
        table = self.world[seen.kind + "s"] if seen.kind in TABLES else self.items
        return table[seen.key if seen.kind in TABLES else f"{seen.kind}:{seen.key}"]

    def line(self, name):
        above = self.world["organizations"][name].get("parent")
        return [*(self.line(above) if above else ()), name]

    def place(self, name):
        return Seen(self, "organization:" + self.line(name)[-1])

    def bought(self, account):
        mine = [(instant(term["starts"]), name) for name, term in
                self.world.get("subscriptions", {}).items() if term["organization"] == account]
        return [Seen(self, "subscription:" + name) for _, name in sorted(mine)]

    def lasts(self, term, days=0):
        return instant(term["starts"]) <= self.now < instant(term["ends"]) + timedelta(days)

    def shared(self, item, to, above=False):
        """Whether a share in force reaches the end of the path `to`, or only one below it."""
        owner = self.entry(item)["organization"]
        for share in self.world.get("shares", ()) if owner in to[:-1] else ():
            begun = instant(share.get("valid_from", date.min)) <= self.now
            ended = "valid_until" in share and instant(share["valid_until"]) <= self.now
            if share["resource"] == f"{item.kind}:{item.key}" and begun and not ended:
                below, deep = to[to.index(owner) + 1:], share.get("depth") == "descendants"
                below, listed = below if deep else below[-1:], share["with"]
                named = [] if listed == "all" else listed
                if (listed == "all" and (deep or to[-2] == owner)) or set(below) & set(named) or (
                        above and any(to[-1] in self.line(target)[:-1] for target in named)):
                    return True
        return False

    def declared(self, kinds, values, name):
        kind, value = kinds[name].removesuffix("?"), values.get(name)
        if kind in ("organizations", "targets") and (value is not None or kinds[name][-1] == "?"):
            return Seen(self, "list", value or [])
        if value is None or kind in ("string", "strings", "integer", "number", "boolean"):
            return {name: value}[name if value is not None else ...]
        try:
            return self.entry(seen := Seen(self, f"{kind}:{value}")) and seen
        except KeyError:
            raise KeyError(name, "is there, and names nothing") from None

    def word(self, seen, name, other=None):
        """The value of one read, by the document alone. Raises KeyError where there is none."""
        if name == "has":
            try:
                return self.word(seen, other) is not ...
            except KeyError as error:
                return len(error.args) > 1
        kind, towards = seen.kind, getattr(other, "kind", "") == "organization"
        to = self.line(other.key) if towards else []
        if seen.names is not None:
            every, known = seen.names == "all", self.world["organizations"]
            lines = [self.line(n) if n in known else [] for n in (() if every else seen.names)]
            return {"all_within": not every and all(to[-1] in line for line in lines if to),
                    "all_below": len(to) < self.levels if every else all(
                        to[-1] in line[:-1] for line in lines if to),
                    "in_one_account": len({line[1] for line in lines if line[1:]}) < 2}[name]
        if kind in self.given:
            return self.declared(*self.given[kind], name)
        e, key, p = self.entry(seen), seen.key, self.line(seen.key) if kind == TABLES[0] else []
        at, held = [self.at] if seen.ref == "subject" else [], e.get("memberships", {})
        up = [self.world["organizations"][each] for each in p]
        words = {"id": lambda: key, "type": lambda: kind, **({
            "organization": lambda: seen, "kind": lambda: e.get("kind", ""),
            "is_platform": lambda: len(p) == 1, "is_account": lambda: len(p) == 2,
            "level": lambda: len(p), "is_leaf": lambda: len(p) >= self.levels,
            "parent": lambda: self.place(e["parent"]),
            "account": lambda: self.place(dict(enumerate(p))[1]), "within": lambda: to[-1] in p,
            "below": lambda: to[-1] in p[:-1], "subscriptions": lambda: self.bought(key),
            "standing": lambda: max((n.get("status", "active") for n in up), key=STANDINGS.index),
            "subscription_required": lambda: any(n.get("subscription_required") for n in up[1:2]),
            "telephony": lambda: dict(enumerate(t["telephony"] for t in map(self.entry, self.bought(
                key)) if "telephony" in t))[0],
            "bound_to_another_type": lambda: any(
                other != t["type"] and self.now < instant(t["ends"])
                for t in map(self.entry, self.bought(key))),
            "shares_account_with": lambda: len(p) > 1 and p[:2] == to[:2],
            "has_member": lambda: key in self.entry(other).get("memberships", {}),
        } if kind == "organization" else {
            "organization": lambda: self.place(dict(enumerate(at))[0]),
            "role": lambda: held[dict(enumerate(at))[0]], "is_bot": lambda: e.get("type") == "bot",
            "archived": lambda: e.get("status") == "archived",
            "organizations": lambda: [self.place(name) for name in held],
            "role_over": lambda: held[self.at] if at and self.at in to else "none",
            "role_at": lambda: held.get(to[-1], "none"),
            "assists": lambda: len(to) > 1 and to[:1] == at,
            "works_within": lambda: any(to[-1] in self.line(name) for name in held),
            "subscribed": lambda: any(
                self.lasts(term, other) and self.line(at[0])[1] == term["organization"]
                for term in map(self.world.get("subscriptions", {}).get,
                                e.get("subscriptions", ()))),
        } if kind == "user" else {
            "active": lambda: self.lasts(e), "lasts": lambda: self.lasts(e, other),
            "expired": lambda: instant(e["ends"]) <= self.now, "kind": lambda: e["type"],
            "hybrid": lambda: e.get("hybrid", False),
        } if kind == "subscription" else {
            "usable_in": lambda: to[-1] in self.line(e["organization"]) or self.shared(seen, to),
            "shared_with": lambda: self.shared(seen, to, above=True),
        })}
        if name == "organization" and name not in words:
            return self.place(e[name])
        stored = self.types[kind].get("attributes", {}) if kind not in TABLES else None
        if stored is None:
            return words.get(name, lambda: e[name])()
        return words.get(name, lambda: self.declared(stored, e, name))()


def read_law(sources):
    """The policy files, given by name as bytes: digest, types, clauses, and where each rule is."""
    digest, rules, cited = hashlib.sha256(), {}, {}
    for name, body in sorted(sources.items()):
        for part in (name.encode(), body):
            digest.update(len(part).to_bytes(8, "big") + part)
        for head, parts, place in clauses(name, body.decode()) if name.endswith(".polar") else ():
            rules.setdefault((head.func.id, len(head.args)), []).append((head, parts, place))
            if len(head.args) == 4 and head.func.id in ("allow_", "deny_", "obligation_"):
                cited[head.func.id[:-1], head.args[3].value] = place
    return digest.hexdigest()[:16], tomllib.loads(sources["types.toml"].decode()), rules, cited


def verify(proof, body, is_toml, law):
    """Raise Wrong unless the proof holds of the world document `body` and of what `read_law` gave.
    """
    policy, types, rules, cited = law
    if set(proof) != MEMBERS or [proof["world"], proof["policy"]] != [sha256(body), policy]:
        raise Wrong("it is of another world document or other policies than these, or is no proof")
    world = tomllib.loads(body.decode()) if is_toml else json.loads(body)
    check = Check(proof, world, rules, types)
    denies, allows = check.matching("deny"), check.matching("allow")
    allowed = bool(allows) and not denies
    duties = check.matching("obligation") if allowed else ()
    matched = {"deny": denies, "allow": allows, "obligation": duties}
    found = [{"predicate": kind, "name": name, **cited[kind, name]}
             for kind, names in matched.items() for name in names]
    reason = "prohibited" if denies else "granted" if allowed else "no-grant"
    for name, mine in (("decision", allowed), ("reason", reason), ("rules", found)):
        if json.dumps(proof[name]) != json.dumps(mine):
            raise Wrong(f"the {name} is {mine}")
    for each in proof["reads"]:
        key = json.dumps([each["of"], each["read"], each["with"]])
        if key not in check.used or len(each) != 4:
            raise Wrong(f"no rule needs to read {key}, or it is listed twice")
        answer = check.used.pop(key)
        hidden = {"sha256": sha256(answer)} if isinstance(answer, str) else None
        if json.dumps(each["answer"]) not in (json.dumps(spell(answer)), json.dumps(hidden)):
            raise Wrong(f"{key} has another answer")
    if check.used:
        raise Wrong(f"not listed: {sorted(check.used)}")


def refusal(proof, body, is_toml, sources):
    """Why this proof does not hold, in words; None if it does. All are given as bytes."""
    try:
        return verify(json.loads(proof), body, is_toml, read_law(sources))
    except Exception as wrong:  # whatever a proof makes fail shows nothing
        return str(wrong) or repr(wrong)


def law_files(folder):
    """Every file of the law, of which its digest is made."""
    return [each for each in sorted(folder.iterdir()) if each.suffix == ".polar"
            or each.name in ("types.toml", "changes.toml", "billing.toml")]


def main(*given):
    if len(given) != 3:
        sys.exit("usage: checker.py PROOF WORLD POLICIES (a proof, a world document, a folder)")
    proof, world, policies = given
    sources = {file.name: file.read_bytes() for file in law_files(Path(policies))}
    given, body = Path(proof).read_bytes(), Path(world).read_bytes()
    why = refusal(given, body, world.endswith(".toml"), sources)
    sys.exit(f"no proof: {why}") if why else print("proven")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"no proof: `{error.filename}` cannot be read: {error.strerror}")
