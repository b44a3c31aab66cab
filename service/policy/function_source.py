"""A function of the house as statements that may stand somewhere else, under other names.

Knows Python and how plans spell values; what the statements are for is `inlining.py`'s business.
"""

import ast
import builtins
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple, Protocol

from service.domain.reading import Readable

ANSWER = "v"
"""The variable that holds what was read, or begins the names of its parts."""
MOMENT = "m"


class NotInlinable(Exception):
    """The function is written in a way that has no place between other statements."""


def part(name: str, field: str) -> str:
    """The variable in which this part of a value stands: r4 and _record make r4_record."""
    return MOMENT if field == "_moment" else name + field


def function_of(cls: type, name: str) -> Callable:
    """The function behind a fact, a predicate or a method."""
    member = inspect.getattr_static(cls, name)
    return member.fget if isinstance(member, property) else member


class Written(NamedTuple):
    """A function as it is written."""

    parameters: tuple[str, ...]
    bound: frozenset[str]
    """The names that it binds."""
    body: str
    """Its statements, without what documents it."""


def written(function: Callable) -> Written:
    """How this function is written. Raises NotInlinable.

    It is found by the code that the function runs: where a file has changed since it was loaded,
    nothing in it is mistaken for what runs.
    """
    if not inspect.isfunction(function):
        raise NotInlinable
    return _written(function.__code__)


@lru_cache(maxsize=1024)  # of the functions of this house
def _written(code: CodeType) -> Written:
    definition = _definitions(code.co_filename).get(code)
    if definition is None:
        raise NotInlinable
    body = definition.body
    if ast.get_docstring(definition) is not None:
        body = body[1:]
    names = (node for node in ast.walk(definition) if isinstance(node, ast.Name))
    return Written(
        tuple(argument.arg for argument in definition.args.args),
        frozenset(name.id for name in names if isinstance(name.ctx, ast.Store)),
        "\n".join(map(ast.unparse, body)),
    )


@lru_cache
def _definitions(file: str) -> dict[CodeType, ast.FunctionDef]:
    """Every function of a source file, by what it compiles to; none if there is no such file."""
    try:
        with open(file, encoding="utf-8") as lines:
            source = lines.read()
        pending = [compile(source, file, "exec", dont_inherit=True)]
        module = ast.parse(source)
    except (OSError, SyntaxError, ValueError):  # a service that is shipped without its source
        return {}
    by_line = {
        min((node.lineno, *(each.lineno for each in node.decorator_list))): node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef)
    }
    found: dict[CodeType, ast.FunctionDef] = {}
    while pending:
        code = pending.pop()
        pending.extend(each for each in code.co_consts if isinstance(each, CodeType))
        node = by_line.get(code.co_firstlineno)
        if node is not None and node.name == code.co_name:
            found[code] = node
    return found


class Names(Protocol):
    """Where the statements will stand: what is there already, and what they bring."""

    in_parts: Mapping[str, type[Readable]]
    """The values that are there as their parts, and their classes."""

    def fresh(self, name: str) -> str:
        """A name like this one that nothing else binds."""
        ...

    def constant(self, name: str, value: Any) -> str:
        """The name under which the statements find this value."""
        ...


class Translation(ast.NodeTransformer):
    """A function's statements under names that mean the same where they will stand."""

    def __init__(
        self,
        names: Names,
        function: Callable,
        source: Written,
        spelled: Mapping[str, str],
    ):
        self._body = source.body
        self._spelled = dict(spelled)
        if source.bound & self._spelled.keys():
            raise NotInlinable  # it binds one of its own parameters anew
        self._spelled.update((name, names.fresh(name)) for name in sorted(source.bound))
        outside = inspect.getclosurevars(function)
        self._outside = {**outside.globals, **outside.nonlocals}
        self._fixed = outside.nonlocals
        self._names = names

    def statements(self) -> list[ast.stmt]:
        # Parsed anew each time, since the transformer changes nodes in place.
        return [self.visit(statement) for statement in ast.parse(self._body).body]

    def visit_Name(self, node: ast.Name) -> ast.Name:
        spelled = self._spelled.get(node.id)
        if spelled is None:
            if node.id in self._outside:
                spelled = self._names.constant(node.id, self._outside[node.id])
                self._spelled[node.id] = spelled
            elif hasattr(builtins, node.id):
                spelled = node.id
            else:
                raise NotInlinable
        return ast.Name(spelled, node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name):
            name = self._spelled.get(node.value.id)
            cls = self._names.in_parts.get(name)
            if cls is not None and node.attr in cls.FIELDS:
                return ast.Name(part(name, node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        match node:
            case ast.Subscript(ast.Name(id=table), ast.Name(id=key)):
                fixed = self._fixed
                if table in fixed and key in fixed:
                    # The class of a declared type, which is declared once and for all.
                    return ast.Name(self._names.constant(table, fixed[table][fixed[key]]))
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        raise NotInlinable

    visit_FunctionDef = visit_Try = visit_With = visit_Yield = visit_Await = visit_Lambda


def is_truth(expression: str) -> bool:
    """Whether this is either true or false, whatever it compares: values of ours compare so."""

    def compares(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            return all(map(compares, node.values))
        return isinstance(node, ast.Compare)

    return compares(ast.parse(expression, mode="eval").body)


def returns(statement: ast.stmt) -> bool:
    """Whether the function may end within this statement."""
    return any(isinstance(node, ast.Return | ast.Raise) for node in ast.walk(statement))


def breaks(loop: ast.For) -> bool:
    """Whether the loop is left or gone through in a way that cannot be followed."""
    inner = (node for statement in loop.body for node in ast.walk(statement))
    return any(isinstance(node, ast.Break | ast.For | ast.While) for node in inner)


def ends(statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing can follow these statements."""
    if not statements:
        return False
    last = statements[-1]
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


class _Leaving(ast.NodeTransformer):
    """Within a loop: to return is to hold the result and leave the loop."""

    def __init__(self, target: str):
        self._target = target

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is None:
            raise NotInlinable
        return [ast.Assign([ast.Name(self._target)], node.value), ast.Break()]

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.Return(ast.Constant(None))


def leaving(statement: ast.stmt, target: str) -> ast.stmt:
    """A statement of a loop that holds the result in `target` and leaves, where it returned."""
    return _Leaving(target).visit(statement)
