"""A plan rendered to Python: the same reads in the same order, without a walker between them.

The function of a plan takes a moment and a request. It begins with the way in (`entrance.py`), and
goes on in a straight line: read, compare with the first answer that was ever seen here, go on. What
follows from another answer stands below its comparison; an answer that nobody knows leads out. The
walker in `plan.py` is the reference that says what this code means, and tests hold the two
together.

    def plan(m, request):
        ...
        v_record = m_organizations.get(r1_record.organization)
        if v_record is None: return None
        r4_record = v_record
        v = r0_record.archived
        if v is not False:
            if v is True:
                ...
                return leaf1
            return None
        ...
        return leaf2

What a fact does stands in the place of its call (`inlining.py`). A register is the parts of which
its value consists; the value is made where something is called that wants all of it. All of them
see one moment, `m`.

Only names that stand on an allow-list get here (a recording holds nothing else), and they are
checked again to be identifiers; every value is passed in by name, none is spelled into the code.
"""

from collections.abc import Callable, Hashable, Mapping
from keyword import iskeyword
from threading import Lock
from typing import Any, NamedTuple

from service.domain.moment import Moment, Vocabulary
from service.policy.decision import AccessRequest, Findings, Settled, settled
from service.policy.entrance import RESOURCE, Words, entrance, is_stored
from service.policy.function_source import ANSWER, MOMENT, function_of, is_truth, part
from service.policy.inlining import inline
from service.policy.plan import Constant, Node, Plan, Step, edge_key
from service.policy.reads import END, element, equal

Compiled = Callable[[Moment, AccessRequest], Settled | None]
"""What the rules say to a request of one shape. Where it returns None, or raises anything, somebody
else has to say it."""

INLINED_LINES_LIMIT = 20_000
"""Of a plan so large that it has more, the rest calls what it reads: compiling takes time too."""
HELD = {
    f"{MOMENT}_organizations": f"{MOMENT}.directory.kinds['organization']",
    f"{MOMENT}_kinds": f"{MOMENT}.directory.kinds",
    f"{MOMENT}_closed": f"{MOMENT}.directory.marks.closed",
    f"{MOMENT}_gated": f"{MOMENT}.directory.marks.gated",
}
"""The variables that hold what facts look into again and again, from the beginning on."""
NESTING_LIMIT = 12
"""How many comparisons stand within each other; Python takes no more than a hundred."""
_ONE_AT_A_TIME = Lock()


def compile_plan(plan: Plan, words: Words, vocabulary: Vocabulary) -> Compiled:
    """A function that equals `resolve` and then `plan.walk`, on the tree as it is now."""
    # Python counts how deep a tree of syntax is for all threads together: where two make trees at
    # once, one of them may fail with a SystemError.
    with _ONE_AT_A_TIME:
        return _Renderer(words, vocabulary).function(plan.root)


class _Register(NamedTuple):
    """What is known of a register where a line of code stands."""

    cls: type
    in_parts: bool
    """Whether its parts are at hand, or the value itself."""

    def names(self, number: int) -> list[str]:
        """The variables that hold it."""
        if not self.in_parts:
            return [f"r{number}"]
        return [part(f"r{number}", field) for field in self.cls.FIELDS if field != "_moment"]


_Registers = tuple[_Register, ...]


class _Renderer:
    def __init__(self, words: Words, vocabulary: Vocabulary):
        self.words, self.vocabulary = words, vocabulary
        classes = vocabulary.entity_classes
        self.first = (
            _Register(classes[words.subject_type], True),
            _Register(classes[words.resource_type], True),
            _Register(vocabulary.request_class, True),
            _Register(vocabulary.context_class, True),
        )
        self.names: dict[str, Any] = {
            "END": END,
            "element": element,
            "equal": equal,
            "edge_key": edge_key,
        }
        self.lines: list[str] = []
        self.written = 0
        self.pending: list[tuple[str, Node | Findings | None, _Registers]] = []
        self.made: frozenset[int] = frozenset()
        """Of which registers in parts the value is at hand where the next line will stand."""

    def function(self, root: Node | Findings | None) -> Compiled:
        body = self._rendered(root, self.first)
        way_in = entrance(self.words, self.vocabulary, "r1_record" in body)
        self.names |= way_in.names
        functions = [_defined(f"plan({MOMENT}, request)", [*way_in.lines, *body.splitlines()])]
        while self.pending:
            name, node, registers = self.pending.pop()
            body = self._rendered(node, registers)
            functions.append(_defined(f"{name}({self._passed(registers)})", body.splitlines()))
        exec(compile("\n".join(functions), "<plan>", "exec"), self.names)
        return self.names["plan"]

    def _rendered(self, node: Node | Findings | None, registers: _Registers) -> str:
        self.lines, self.made = [], frozenset()
        self._body(0, node, registers)
        body = "\n".join(self.lines)
        return body if is_stored(self.words) else _with(RESOURCE, body)

    def _passed(self, registers: _Registers) -> str:
        parts = (name for number, each in enumerate(registers) for name in each.names(number))
        return ", ".join((MOMENT, *parts, *(() if is_stored(self.words) else RESOURCE)))

    def _body(self, depth: int, node: Node | Findings | None, registers: _Registers) -> None:
        while isinstance(node, Node):
            key, following = next(iter(node.edges.items()))
            cls = self._read(depth, node.step, registers)
            if cls is None:
                self._others(depth, node, registers)
            elif cls is not key:
                break  # no walk comes here: what was recorded is of another class
            if isinstance(key, type):
                register = _Register(key, cls is not None)
                for name in register.names(len(registers)):
                    found = f"{ANSWER}{name.removeprefix(f'r{len(registers)}')}"
                    self._line(depth, f"{name} = {found}")
                registers = (*registers, register)
            node = following
        found = None if isinstance(node, Node) else self._leaf(node)
        self._line(depth, f"return {found}")

    def _others(self, depth: int, node: Node, registers: _Registers) -> None:
        """Where answers other than the first lead."""
        # A copy, which no other thread can graft to while it is gone through.
        (key, _), *others = node.edges.copy().items()
        made = self.made
        condition = self._condition(depth) if isinstance(key, bool) else None
        if condition is not None:  # the answer is either true or false
            self.lines.pop()
            self._line(depth, f"if {f'not ({condition})' if key else condition}:")
            if others:
                self._after(depth + 1, *others[0], registers)
                self.made = made
            else:
                self._line(depth + 1, "return None")
            return
        self._line(depth, f"if {self._test(key, negated=True)}:")
        for other, target in others:
            self._line(depth + 1, f"if {self._test(other)}:")
            self._after(depth + 2, other, target, registers)
            self.made = made
        self._line(depth + 1, "return None")

    def _condition(self, depth: int) -> str | None:
        """What the last line compares, if it does nothing else: then it can be tested there."""
        start, line = "    " * depth + f"{ANSWER} = ", self.lines[-1]
        compared = line.removeprefix(start)
        return compared if compared != line and is_truth(compared) else None

    def _after(
        self, depth: int, key: Hashable, target: Node | Findings, registers: _Registers
    ) -> None:
        if isinstance(key, type):
            register = _Register(key, False)
            self._line(depth, f"r{len(registers)} = {ANSWER}")
            registers = (*registers, register)
        if depth < 2 * NESTING_LIMIT:
            self._body(depth, target, registers)
        else:
            name = self._name("f", None)
            self._line(depth, f"return {name}({self._passed(registers)})")
            self.pending.append((name, target, registers))

    def _leaf(self, findings: Findings | None) -> str:
        return "None" if findings is None else self._name("leaf", settled(findings))

    def _read(self, depth: int, step: Step, registers: _Registers) -> type | None:
        """Write lines that leave the answer to `step` in ANSWER; or its parts, and their class."""
        operands = [
            f"r{operand}" if isinstance(operand, int) else self._constant(operand)
            for operand in step.operands
        ]
        if step.how == "read":
            if not step.name.isidentifier() or step.name.startswith("_"):
                raise ValueError(f"`{step.name}` is no name that a rule could have read")
            if self.written < INLINED_LINES_LIMIT:
                inlined = self._inlined(step, operands, registers)
                if inlined is not None:
                    self._make(depth, inlined.wanted, registers)
                    self.names.update(inlined.names)
                    for line in inlined.lines:
                        self._line(depth, line)
                    return inlined.cls
        self._make(depth, operands, registers)
        self._line(depth, f"{ANSWER} = {self._called(step, operands)}")
        return None

    def _inlined(self, step: Step, operands: list[str], registers: _Registers):
        owner = registers[step.operands[0]].cls
        function = function_of(owner, step.name)
        if step.name == "has" and isinstance(step.operands[1], Constant):
            is_present = owner.PRESENT.get(step.operands[1].value)
            if is_present is not None:
                function, operands = is_present, operands[:1]
        in_parts = {f"r{n}": each.cls for n, each in enumerate(registers) if each.in_parts}
        return inline(owner, function, operands, in_parts, str(len(self.names)))

    def _called(self, step: Step, operands: list[str]) -> str:
        first, *rest = operands
        if step.how != "read":
            return f"{step.how}({first}, {rest[0]})"
        # A policy may call an attribute what Python reserves: `request.with`.
        read = f"{first}.{step.name}"
        if iskeyword(step.name):
            read = f"getattr({first}, {self._name('n', step.name)})"
        return read + (f"({', '.join(rest)})" if step.called else "")

    def _make(self, depth: int, wanted, registers: _Registers) -> None:
        """Write lines that make the values of these registers, where only their parts are there."""
        for number, register in enumerate(registers):
            if register.in_parts and number not in self.made and f"r{number}" in wanted:
                self.made |= {number}
                given = ", ".join((MOMENT, *register.names(number)))
                self._line(depth, f"r{number} = {self._name('k', register.cls)}({given})")

    def _constant(self, constant: Constant) -> str:
        return self._name("c", constant.value)

    def _test(self, key: Hashable, negated: bool = False) -> str:
        """Whether `v` is the answer of this key: type and value, as `plan.edge_key` tells them."""
        no, un = ("not ", "!") if negated else ("", "=")
        if key is END or key is True or key is False:
            return f"{ANSWER} is {no}{'END' if key is END else key}"
        if isinstance(key, type):
            return f"type({ANSWER}) is {no}{self._name('k', key)}"
        if isinstance(key, str):
            # Nothing but a string equals a string.
            return f"{ANSWER} {un}= {self._name('s', key)}"
        return f"edge_key({ANSWER}) {un}= {self._name('s', key)}"

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)
        self.written += 1


def _defined(head: str, body: list[str]) -> str:
    text = _with(HELD, "\n".join(f"    {line}" for line in body))
    held = [f"    {name} = {facts}" for name, facts in HELD.items() if name in text]
    return "\n".join((f"def {head}:", *held, text))


def _with(spelled: Mapping[str, str], body: str) -> str:
    """The body with these variables in place of what they hold."""
    for name, facts in spelled.items():
        body = body.replace(facts, name)
    return body
