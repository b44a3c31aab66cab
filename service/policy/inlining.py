"""The bodies of facts and predicates, as statements that stand where they would be called.

A fact is written once, in `domain`, as a function of the value it is read from. Reading it costs a
call, and a decision is some fifteen of them: more than the facts themselves cost. A compiled plan
knows the class of each of its registers, so it knows which function a read would call, and may
have what that function does instead of the call:

    @fact("boolean")                            v = r0_record.archived
    def archived(self) -> bool:
        return self._record.archived

Values are in parts: of `r0` there are `r0_record` and `r0_acts_for`, and `r0` itself only where a
function wants it whole. A function that makes a value leaves its parts. All values of a question
see one moment, `m`.

Nothing is evaluated differently: the same statements run on the same values. Where a function
raises, the plan returns None, and oso meets the same failure. A function that is written in a way
this module does not know is called as before; a test reads every fact both ways.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from service.domain.moment import Moment
from service.domain.reading import Readable
from service.policy.decision import Failure
from service.policy.function_source import (
    ANSWER,
    MOMENT,
    NotInlinable,
    Translation,
    breaks,
    ends,
    function_of,
    leaving,
    part,
    returns,
    written,
)

_OPEN = "_OPEN_"
"""In names: where that comes which makes them unique."""
_WORD = re.compile(r"\w+")

LEVELS_LIMIT = 4
"""How deep calls within calls are followed."""


class Inlined(NamedTuple):
    """Statements that leave what a function returns in ANSWER."""

    lines: list[str]
    names: dict[str, Any]
    """The values that the statements name."""
    wanted: set[str]
    """The values in parts that they want whole."""
    cls: type[Readable] | None
    """If they leave parts: of what."""

    def ending_in(self, unique: str) -> "Inlined":
        """The same with names that no other statements bind."""
        end = f"_{unique}_"
        return self._replace(
            lines=[line.replace(_OPEN, end) for line in self.lines],
            names={name.replace(_OPEN, end): value for name, value in self.names.items()},
        )


def inline(
    cls: type[Readable],
    function: Callable,
    operands: Sequence[str],
    in_parts: Mapping[str, type[Readable]],
    unique: str,
) -> Inlined | None:
    """What calling this function of the class does. None where it has to be called.

    `operands` spell the value that it is called on and what it is called with; those `in_parts`
    are there as their parts, by their class. `unique` ends every name that the statements bind.
    """
    known = tuple((name, in_parts[name]) for name in operands if name in in_parts)
    made = _inlined(cls, function, tuple(operands), known)
    return None if made is None else made.ending_in(unique)


@lru_cache(maxsize=64)
def inlined_function(function: Callable, operands: tuple[str, ...], target: str) -> Inlined | None:
    """What calling this function does, with its result in `target`; as `inline` otherwise.

    Where it would return a Failure, the statements return None.
    """
    writer = _Writer({})
    try:
        body = writer.body(function, object, operands, target)
        return _spelled(writer, body, None).ending_in(target)
    except NotInlinable:
        return None


@lru_cache(maxsize=4096)  # INVARIANT (no data): made of classes, and of names of registers
def _inlined(
    cls: type[Readable],
    function: Callable,
    operands: tuple[str, ...],
    in_parts: tuple[tuple[str, type[Readable]], ...],
) -> Inlined | None:
    writer = _Writer(dict(in_parts))
    try:
        statements = writer.body(function, cls, operands, ANSWER)
        (left,) = set(writer.left)  # every way through it leaves the same
    except (NotInlinable, ValueError):
        return None
    return _spelled(writer, statements, left)


def _spelled(writer: "_Writer", statements: list[ast.stmt], left: type | None) -> Inlined:
    module = ast.fix_missing_locations(ast.Module(statements, []))
    text = ast.unparse(module)
    wanted = writer.in_parts.keys() & set(_WORD.findall(text))
    return Inlined(text.splitlines(), writer.names, wanted, left)


class _Writer:
    """Writes one read: the function itself, and the methods of its own that it calls."""

    def __init__(self, in_parts: Mapping[str, type[Readable]]):
        self.in_parts = in_parts
        self.names: dict[str, Any] = {}
        self.left: list[type[Readable] | None] = []
        """What each way through leaves: a value, or the parts of one of this class."""
        self._bound = 0
        self._level = 0

    def body(
        self, function: Callable, cls: type, operands: Sequence[str], target: str
    ) -> list[ast.stmt]:
        """The statements of `function` called with these operands, its result in `target`."""
        source = written(function)
        parameters = source.parameters
        if len(parameters) != len(operands) or self._level == LEVELS_LIMIT:
            raise NotInlinable
        self._level += 1
        spelled = dict(zip(parameters, operands, strict=True))
        translated = Translation(self, function, source, spelled).statements()
        result = self._settled(translated, target, operands[0], cls)
        self._level -= 1
        return result

    def fresh(self, name: str) -> str:
        """A name like this one that nothing else binds."""
        self._bound += 1
        return f"{name}{_OPEN}{self._bound}"

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
                case ast.Return(value=value) if self._is_failure(value):
                    return result + [ast.Return(ast.Constant(None))]
                case ast.Return(value=ast.expr() as value):
                    return result + self._assigned(target, value, owner, cls)
                case ast.Raise():
                    return result + [ast.Return(ast.Constant(None))]
                case ast.If() if returns(statement):
                    branches = (
                        self._settled(inner if ends(inner) else inner + rest, target, owner, cls)
                        for inner in (statement.body, statement.orelse)
                    )
                    return result + [ast.If(statement.test, *branches)]
                case ast.For() if returns(statement):
                    if statement.orelse or breaks(statement) or self._fails_within(statement):
                        raise NotInlinable
                    body = [leaving(inner, target) for inner in statement.body]
                    if target == ANSWER:
                        self.left.append(None)
                    otherwise = self._settled(rest, target, owner, cls)
                    return result + [ast.For(statement.target, statement.iter, body, otherwise)]
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                    result += self._assigned(name, value, owner, cls)
                case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.If() | ast.For():
                    result.append(statement)
                case _:
                    raise NotInlinable
        raise NotInlinable  # it ends without a result

    def _is_failure(self, value: ast.expr | None) -> bool:
        """Whether this is a call of what always makes a Failure."""
        match value:
            case ast.Call(func=ast.Name(id=name)):
                called = self.names.get(name)
                said = getattr(called, "__annotations__", {}).get("return")
                return called is Failure or said is Failure
        return False

    def _fails_within(self, loop: ast.For) -> bool:
        returned = (node.value for node in ast.walk(loop) if isinstance(node, ast.Return))
        return any(map(self._is_failure, returned))

    def _assigned(self, target: str, value: ast.expr, owner: str, cls: type) -> list[ast.stmt]:
        """`target = value`, where a call of a method of its own becomes that method's body, and
        of a value that is made for the answer only the parts are left."""
        before = len(self.left), self._level
        try:
            return self._called(target, value, owner, cls)
        except NotInlinable:
            del self.left[before[0] :]
            self._level = before[1]
        if target != ANSWER:
            return [ast.Assign([ast.Name(target)], value)]
        made, parts = self._parts(value)
        self.left.append(made)
        return [
            ast.Assign([ast.Name(part(target, field) if made else target)], each)
            for field, each in parts
            if field != "_moment"
        ]

    def _parts(self, value: ast.expr) -> tuple[type[Readable] | None, list[tuple[str, ast.expr]]]:
        """The class of what is made here and its parts; without a class it is the value itself."""
        match value:
            case ast.Name(id=name) if name in self.in_parts:
                made = self.in_parts[name]
                return made, [(field, ast.Name(part(name, field))) for field in made.FIELDS]
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]):
                made = self.names.get(name)
                if isinstance(made, type) and issubclass(made, Readable) and made.FIELDS:
                    # What is left out is None: who acts, of a user of whom something is asked.
                    absent = [ast.Constant(None)] * (len(made.FIELDS) - len(given))
                    return made, list(zip(made.FIELDS, [*given, *absent], strict=True))
        return None, [("", value)]

    def _called(self, target: str, value: ast.expr, owner: str, cls: type) -> list[ast.stmt]:
        match value:
            case ast.Call(func=ast.Attribute(ast.Name(id=name), method), keywords=[]) if name in (
                owner,
                MOMENT,
            ):
                receiver: ast.expr = ast.Name(name)
                cls = Moment if name == MOMENT else cls
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
            if self._is_field(operand):
                operands.append(ast.unparse(operand))
                continue
            held = self.fresh("given")
            before.append(ast.Assign([ast.Name(held)], operand))
            operands.append(held)
        return before + self.body(function, cls, operands, target)

    def _is_field(self, value: ast.expr) -> bool:
        """Whether this is a field of a part, which is as good as a name: nothing changes it."""
        match value:
            case ast.Attribute(ast.Name(id=name)):
                return any(
                    name == part(known, field)
                    for known, cls in self.in_parts.items()
                    for field in cls.FIELDS
                    if field != "_moment"
                )
        return False
