"""The bodies of facts and predicates, as statements that stand where they would be called.

A fact is written once, in `domain`, as a function of the value it is read from. Reading it costs a
call, and a decision is some fifteen of them: more than the facts themselves cost. A compiled plan
knows the class of each of its registers, so it knows which function a read would call, and may
have what that function does instead of the call:

    @fact("boolean")                            v = r0._record.status == "archived"
    def archived(self) -> bool:
        return self._record.status == "archived"

Nothing is evaluated differently: the same statements run on the same values. Where a function
raises, the plan returns None, and oso meets the same failure. A function that is written in a way
this module does not know is called as before; a test reads every fact both ways.
"""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

from service.domain.moment import Moment
from service.domain.reading import Readable

LEVELS_LIMIT = 4
"""How deep calls within calls are followed."""


class Inlined(NamedTuple):
    """Statements that leave what a function returns in `target`, and the values they name."""

    lines: list[str]
    names: dict[str, Any]


class NotInlinable(Exception):
    """The function is written in a way that has no place between other statements."""


def inline(
    cls: type[Readable], function: Callable, operands: Sequence[str], target: str, unique: str
) -> Inlined | None:
    """What calling this function of the class does, with `target` for its result.

    `operands` spell the value that it is called on and what it is called with; `unique` ends every
    name that the statements bind. None where it has to be called.
    """
    writer = _Writer(unique)
    try:
        statements = writer.body(function, cls, operands, target)
    except NotInlinable:
        return None
    module = ast.fix_missing_locations(ast.Module(statements, []))
    return Inlined(ast.unparse(module).splitlines(), writer.names)


def function_of(cls: type, name: str) -> Callable:
    """The function behind a fact, a predicate or a method."""
    member = inspect.getattr_static(cls, name)
    return member.fget if isinstance(member, property) else member


@lru_cache
def _parsed(code: CodeType) -> ast.FunctionDef:
    try:
        source = textwrap.dedent(inspect.getsource(code))
        definition = ast.parse(source).body[0]
    except (OSError, SyntaxError, TypeError):  # a service that is shipped without its source
        raise NotInlinable from None
    if not isinstance(definition, ast.FunctionDef):
        raise NotInlinable
    return definition


class _Writer:
    """Writes one read: the function itself, and the methods of its own that it calls."""

    def __init__(self, unique: str):
        self.names: dict[str, Any] = {}
        self._unique = unique
        self._bound = 0
        self._level = 0

    def body(
        self, function: Callable, cls: type, operands: Sequence[str], target: str
    ) -> list[ast.stmt]:
        """The statements of `function` called with these operands, its result in `target`."""
        if not inspect.isfunction(function):
            raise NotInlinable
        definition = _parsed(function.__code__)
        parameters = [argument.arg for argument in definition.args.args]
        if len(parameters) != len(operands) or self._level == LEVELS_LIMIT:
            raise NotInlinable
        self._level += 1
        spelled = dict(zip(parameters, operands, strict=True))
        translated = _Translation(self, function, definition, spelled).statements()
        result = self._settled(translated, target, operands[0], cls)
        self._level -= 1
        return result

    def fresh(self, name: str) -> str:
        """A name like this one that nothing else binds."""
        self._bound += 1
        return f"{name}_{self._unique}_{self._bound}"

    def constant(self, name: str, value: Any) -> str:
        """The name under which the statements find this value."""
        spelled = self.fresh(name)
        self.names[spelled] = value
        return spelled

    def _settled(
        self, statements: Sequence[ast.stmt], target: str, owner: str, cls: type
    ) -> list[ast.stmt]:
        """The statements with `target = …` for `return …`, and what follows an early return put
        where nothing else was returned. `owner` is the name of the value that they belong to."""
        result: list[ast.stmt] = []
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            match statement:
                case ast.Return(value=ast.expr() as value):
                    return result + self._assigned(target, value, owner, cls)
                case ast.Raise():
                    return result + [ast.Return(ast.Constant(None))]
                case ast.If() if _returns(statement):
                    branches = (
                        self._settled(inner if _ends(inner) else inner + rest, target, owner, cls)
                        for inner in (statement.body, statement.orelse)
                    )
                    return result + [ast.If(statement.test, *branches)]
                case ast.For() if _returns(statement):
                    if statement.orelse or _breaks(statement):
                        raise NotInlinable
                    body = [_leaving(inner, target) for inner in statement.body]
                    otherwise = self._settled(rest, target, owner, cls)
                    return result + [ast.For(statement.target, statement.iter, body, otherwise)]
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                    result += self._assigned(name, value, owner, cls)
                case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.If() | ast.For():
                    result.append(statement)
                case _:
                    raise NotInlinable
        raise NotInlinable  # it ends without a result

    def _assigned(self, target: str, value: ast.expr, owner: str, cls: type) -> list[ast.stmt]:
        """`target = value`, where a call of a method of its own becomes that method's body."""
        try:
            return self._called(target, value, owner, cls)
        except NotInlinable:
            return [ast.Assign([ast.Name(target)], value)]

    def _called(self, target: str, value: ast.expr, owner: str, cls: type) -> list[ast.stmt]:
        match value:
            case ast.Call(func=ast.Attribute(ast.Name(id=name), method), keywords=[]) if (
                name == owner
            ):
                receiver: ast.expr = ast.Name(name)
            case ast.Call(
                func=ast.Attribute(ast.Attribute(ast.Name(id=name), "_moment") as of, method),
                keywords=[],
            ) if name == owner:
                receiver, cls = of, Moment
            case _:
                raise NotInlinable
        function = function_of(cls, method)
        before, operands = [], []
        for operand in (receiver, *value.args):
            if isinstance(operand, ast.Name):
                operands.append(operand.id)
                continue
            held = self.fresh("given")
            before.append(ast.Assign([ast.Name(held)], operand))
            operands.append(held)
        return before + self.body(function, cls, operands, target)


class _Translation(ast.NodeTransformer):
    """A function's statements under names that mean the same where they will stand."""

    def __init__(
        self,
        writer: _Writer,
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
        self._spelled.update((name, writer.fresh(name)) for name in sorted(bound))
        self._outside = inspect.getclosurevars(function)
        self._writer = writer

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
                spelled = self._writer.constant(node.id, outside[node.id])
                self._spelled[node.id] = spelled
            elif hasattr(builtins, node.id):
                spelled = node.id
            else:
                raise NotInlinable
        return ast.Name(spelled, node.ctx)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        raise NotInlinable

    visit_FunctionDef = visit_Try = visit_With = visit_Yield = visit_Await = visit_Lambda


def _returns(statement: ast.stmt) -> bool:
    """Whether the function may end within this statement."""
    return any(isinstance(node, ast.Return | ast.Raise) for node in ast.walk(statement))


def _breaks(loop: ast.For) -> bool:
    inner = (node for statement in loop.body for node in ast.walk(statement))
    return any(isinstance(node, ast.Break | ast.For | ast.While) for node in inner)


def _ends(statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing can follow these statements."""
    if not statements:
        return False
    last = statements[-1]
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
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


def _leaving(statement: ast.stmt, target: str) -> ast.stmt:
    return _Leaving(target).visit(statement)
