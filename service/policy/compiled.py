"""A plan rendered to Python: the same reads in the same order, without a walker between them.

Each function is a straight line: read, compare with the first answer that was ever seen here, go
on. Another answer goes to another function, one that nobody knows goes back to oso. The walker in
`plan.py` is the reference that says what this code means, and tests hold the two together.

    def f0(r0, r1, r2, r3):
        r4 = r1.organization
        if type(r4) is not k0: return None
        v = r4.suspended
        if v is not False:
            if v is True: return f1(r0, r1, r2, r3, r4)
            return None
        ...
        return leaf2

Only names that stand on an allow-list get here (a recording holds nothing else), and they are
checked again to be identifiers; every value is passed in by name, none is spelled into the code.
"""

from collections.abc import Callable, Hashable
from keyword import iskeyword
from typing import Any

from service.domain.reading import Readable
from service.policy.decision import Findings
from service.policy.inlining import function_of, inline
from service.policy.plan import Constant, Node, Plan, Step, edge_key
from service.policy.reads import END, element, equal

Compiled = Callable[..., Findings | None]
Classes = tuple[type[Readable], ...]
"""The class of each register."""

INLINED_LINES_LIMIT = 20_000
"""Of a plan so large that it has more, the rest calls what it reads: compiling takes time too."""


def compile_plan(plan: Plan, classes: Classes) -> Compiled:
    """A function of the first registers that equals `plan.walk` on the tree as it is now.

    `classes` are those of FIRST_REGISTERS, in all questions of the plan's shape.
    """
    return _Renderer().function(plan.root, classes)


class _Renderer:
    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            "END": END,
            "element": element,
            "equal": equal,
            "edge_key": edge_key,
        }
        self.lines: list[str] = []
        self.pending: list[tuple[str, Node | Findings, Classes]] = []

    def function(self, root: Node | Findings | None, classes: Classes) -> Compiled:
        self.pending.append(("plan", root, classes))
        while self.pending:
            self._render(*self.pending.pop())
        exec(compile("\n".join(self.lines), "<plan>", "exec"), self.names)
        return self.names["plan"]

    def _render(self, name: str, node: Node | Findings, classes: Classes) -> None:
        self._line(0, f"def {name}({_registers(classes)}):")
        while isinstance(node, Node):
            edges = list(node.edges.items())
            key, following = edges[0]
            self._read(node.step, classes)
            self._line(1, f"if {self._test(key, negated=True)}:")
            for other, target in edges[1:]:
                self._line(
                    2, f"if {self._test(other)}: return {self._after(other, target, classes)}"
                )
            self._line(2, "return None")
            if isinstance(key, type):
                self._line(1, f"r{len(classes)} = v")
                classes = (*classes, key)
            node = following
        self._line(1, f"return {self._name('leaf', node)}")

    def _read(self, step: Step, classes: Classes) -> None:
        """Lines that leave the answer to `step` in `v`."""
        operands = [
            f"r{operand}" if isinstance(operand, int) else self._constant(operand)
            for operand in step.operands
        ]
        if step.how != "read":
            self._line(1, f"v = {step.how}({', '.join(operands)})")
            return
        if not step.name.isidentifier() or step.name.startswith("_"):
            raise ValueError(f"`{step.name}` is no name that a rule could have read")
        if len(self.lines) < INLINED_LINES_LIMIT:
            owner = classes[step.operands[0]]
            function, given = function_of(owner, step.name), operands
            if step.name == "has" and isinstance(step.operands[1], Constant):
                is_present = owner.present.get(step.operands[1].value)
                if is_present is not None:
                    function, given = is_present, operands[:1]
            inlined = inline(owner, function, given, "v", str(len(self.names)))
            if inlined is not None:
                self.names.update(inlined.names)
                self.lines.extend(f"    {line}" for line in inlined.lines)
                return
        first, *rest = operands
        # A policy may call an attribute what Python reserves: `request.with`.
        read = f"{first}.{step.name}"
        if iskeyword(step.name):
            read = f"getattr({first}, {self._name('n', step.name)})"
        self._line(1, f"v = {read}" + (f"({', '.join(rest)})" if step.called else ""))

    def _constant(self, constant: Constant) -> str:
        return self._name("c", constant.value)

    def _test(self, key: Hashable, negated: bool = False) -> str:
        """Whether `v` is the answer of this key: type and value, as `plan.edge_key` tells them."""
        no, un = ("not ", "!") if negated else ("", "=")
        if key is END or key is True or key is False:
            return f"v is {no}{'END' if key is END else key}"
        if isinstance(key, type):
            return f"type(v) is {no}{self._name('k', key)}"
        if isinstance(key, str):
            # Nothing but a string equals a string.
            return f"v {un}= {self._name('s', key)}"
        return f"edge_key(v) {un}= {self._name('s', key)}"

    def _after(self, key: Hashable, target: Node | Findings, classes: Classes) -> str:
        """Where an answer other than the first leads: findings, or a function of its own."""
        if not isinstance(target, Node):
            return self._name("leaf", target)
        name, passed = self._name("f", None), _registers(classes)
        if isinstance(key, type):
            classes, passed = (*classes, key), f"{passed}, v"
        self.pending.append((name, target, classes))
        return f"{name}({passed})"

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)


def _registers(classes: Classes) -> str:
    return ", ".join(f"r{number}" for number in range(len(classes)))
