"""What rules come to, given answers: which of them match a question, and by which reads.

Taken for granted are the answers. `facts.read(owner, name, given)` gives what a word of a value
means, or an error; `facts.is_a(value, name)` whether a value is of a class; `facts.question` and
`facts.names` are what was asked, and what `request` and `context` stand for. Of values, nothing is
known here but how they compare: neither the world document nor what types declare.

Polar is read by Python's parser, one file as one list of `(head, condition)`, and never run: what
follows knows each form that a rule may have, and whatever has another ends in an error. Conditions
are tried from left to right, as the engine tries them, and what a name stands for, it keeps.
"""

import ast
import operator
import re

PREDICATES = ("deny", "allow", "obligation")
WORD = re.compile(r'#.*|"(?:[^"\\\n]|\\.)*"|[A-Za-z_]\w*|:=|[=!<>]=|[=:;]')
PYTHON = {"if": ",", ";": "),(", "=": "==", ":=": "==", ":": "@", "true": "True", "false": "False"}
PYTHON |= {word: word for word in ("and", "or", "not", "in")}


def python(found):
    """A word of Polar for Python's parser. Names end in `_` there, so that none is a keyword."""
    word = found[0]
    return PYTHON.get(word) or (word + "_" if word.isidentifier() else word.partition("#")[0])


def read_clauses(files):
    """Each clause of files of rules, as (parameters, condition, place), by its name and size."""
    clauses = {(name, 4): [] for name in PREDICATES}
    for file, text in sorted(files.items()):
        rules = WORD.sub(python, "\n".join(text.splitlines()))
        for clause in ast.parse(f"[({rules} None)]", mode="eval").body.elts[:-1]:
            head, body = getattr(clause, "elts", (clause, ast.Constant(True)))
            known = clauses.setdefault((head.func.id[:-1], len(head.args)), [])
            known.append((head.args, body, {"file": file, "line": head.lineno}))
    return clauses


def same(one, other):
    """Whether two values are one; true and 1 are two."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


COMPARED = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: same,
    ast.NotEq: lambda one, other: not same(one, other),
    ast.In: lambda one, values: any(same(one, each) for each in values),
}


class Law:
    """Clauses before facts: each way in which something holds, as what the names stand for then."""

    def __init__(self, clauses, facts):
        self.clauses, self.facts = clauses, facts
        self.known = {f"{name}_": value for name, value in facts.names.items()}

    def matching(self, kind):
        """Each rule of a kind that matches the question, and where it stands, by name."""
        names = {found[3] for found in self.ask(kind, [*self.facts.question, None])}
        rules = {name.value: place for (*_, name), _, place in self.clauses[kind, 4]}
        return [{"predicate": kind, "name": name, **rules[name]} for name in sorted(names)]

    def ask(self, name, given):
        """What stands in each place whenever a predicate holds; a given None is to be found."""
        for parameters, body, _ in self.clauses[name, len(given)]:
            for env in self.fitted(parameters, given, self.known):
                for way in self.ways(body, env):
                    names = way | {"__": None}  # what takes anything says nothing
                    yield [
                        self.value(each, names) if one is None else one
                        for each, one in zip(parameters, given, strict=True)
                    ]

    def fitted(self, terms, values, env):
        """What the names stand for once each term stands for its value, if each can."""
        env = dict(env)
        pairs = zip(terms, values, strict=True)
        if all(value is None or self.takes(term, value, env) for term, value in pairs):
            yield env

    def takes(self, term, value, env):
        """Whether a term can stand for a value; a name does so from then on."""
        match term:
            case ast.BinOp(name, ast.MatMult(), ast.Name(known)):  # `name: Class`
                return self.facts.is_a(value, known[:-1]) and self.takes(name, value, env)
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
                return self.facts.read(self.value(owner, env), name[:-1], given)
            case ast.Compare(left, [op], [right]):
                return COMPARED[type(op)](self.value(left, env), self.value(right, env))
        return ast.literal_eval(term)
