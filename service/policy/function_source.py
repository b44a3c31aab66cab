"""A function of the house as statements that may stand somewhere else, under other names.

Knows Python and how plans spell values; what the statements are for is `inlining.py`'s business.
"""

import ast
import builtins
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, Protocol

from service.domain.reading import Readable

ANSWER = "v"
"""The variable that holds what was read, or begins the names of its parts."""
MOMENT = "m"
ORGANIZATIONS = f"{MOMENT}_organizations"
HELD = {
    ORGANIZATIONS: f"{MOMENT}.directory.kinds['organization']",
    f"{MOMENT}_closed": f"{MOMENT}.directory.marks.closed",
    f"{MOMENT}_gated": f"{MOMENT}.directory.marks.gated",
}
"""The variables that hold what facts look into again and again, from the beginning of a plan on."""


class NotInlinable(Exception):
    """The function is written in a way that has no place between other statements."""


def part(name: str, field: str) -> str:
    """The variable in which this part of a value stands: r4 and _record make r4_record."""
    return MOMENT if field == "_moment" else name + field


def function_of(cls: type, name: str) -> Callable:
    """The function behind a fact, a predicate or a method."""
    member = inspect.getattr_static(cls, name)
    return member.fget if isinstance(member, property) else member


def parsed(function: Callable) -> ast.FunctionDef:
    """The definition of this function. Raises NotInlinable.

    It is found by the code that the function runs: where a file has changed since it was loaded,
    nothing in it is mistaken for what runs.
    """
    if not inspect.isfunction(function):
        raise NotInlinable
    definition = _definitions(function.__code__.co_filename).get(function.__code__)
    if definition is None:
        raise NotInlinable
    return definition


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
        definition: ast.FunctionDef,
        spelled: Mapping[str, str],
    ):
        self._definition = definition
        self._spelled = dict(spelled)
        bound = {
            node.id
            for node in ast.walk(definition)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        if bound & self._spelled.keys():
            raise NotInlinable  # it binds one of its own parameters anew
        self._spelled.update((name, names.fresh(name)) for name in sorted(bound))
        self._outside = inspect.getclosurevars(function)
        self._names = names

    def statements(self) -> list[ast.stmt]:
        body = self._definition.body
        if ast.get_docstring(self._definition) is not None:
            body = body[1:]
        # The transformer changes nodes in place, and the definition serves other reads as well.
        copied = ast.parse("\n".join(ast.unparse(statement) for statement in body)).body
        return [self.visit(statement) for statement in copied]

    def visit_Name(self, node: ast.Name) -> ast.Name:
        spelled = self._spelled.get(node.id)
        if spelled is None:
            outside = {**self._outside.globals, **self._outside.nonlocals}
            if node.id in outside:
                spelled = self._names.constant(node.id, outside[node.id])
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
            if cls is not None and node.attr in cls.fields:
                return ast.Name(part(name, node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        match node:
            case ast.Subscript(ast.Name(id=table), ast.Name(id=key)):
                fixed = self._outside.nonlocals
                if table in fixed and key in fixed:
                    # The class of a declared type, which is declared once and for all.
                    return ast.Name(self._names.constant(table, fixed[table][fixed[key]]))
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        raise NotInlinable

    visit_FunctionDef = visit_Try = visit_With = visit_Yield = visit_Await = visit_Lambda


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


class _Holding(ast.NodeTransformer):
    """What HELD names stands there by that name."""

    _names = {facts: name for name, facts in HELD.items()}

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Attribute | ast.Subscript):
            name = self._names.get(ast.unparse(node))
            if name is not None:
                return ast.Name(name)
        return self.generic_visit(node)


def holding(module: ast.Module) -> ast.Module:
    """The module with the variables of HELD in place of what they hold."""
    return _Holding().visit(module)
