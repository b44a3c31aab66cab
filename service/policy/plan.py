"""Compiled plans: what oso would ask, and what it would answer, without asking oso.

oso evaluates rules in a machine of its own and asks this process for every fact it needs: read an
attribute, call a predicate, compare two entities, take the next element of a list. Given the same
answers it always asks the same things and ends with the same rules. So one evaluation, written
down, is a program: perform these reads, in this order; if the answers are these, those rules match.

The recordings of one *shape* (class of subject, action, class of resource) grow a tree:

        read organization of the resource          r1 subject, r2 resource, r3 request, r4 context
                  │ an Organization: r5            every object that comes back gets the next number
        read suspended of r5
          │ False         │ True
        call role_over    read is_platform ...     a node is a read, an edge an answer,
        of r1 with r5                              a leaf the rules that matched
          │ "agent"  │ "none"
        {allow: …}  {}

A question walks the tree over the facts as they are *now*: it performs the same reads and follows
the answers. Where no edge fits, oso is asked and the new branch is grafted.

Why nothing can go stale: a plan holds no fact. Edges hold answers that were once seen, and a
walk compares them with what the facts say at this moment. What a plan knows is the policy, and it
is made, kept and dropped together with the engine of one policy revision.

Why it equals oso: oso is a function of the answers, and an edge is taken only for an answer that
oso cannot tell from the recorded one. So an edge is keyed by type and value (True, 1 and 1.0 are
equal to Python, not to Polar); an object is keyed by its class and named by its register, since
oso sees only that it is some object of this class and must come back to ask more. What oso asks
twice of the same objects is read once: facts do not change within a question. A read that failed
ends a question with an error and is never grafted.

Why it stays small: a shape is made of names that the policies declare, never of what callers send.
A node takes only so many edges, a plan only so many nodes, and no edge holds a long string; beyond
that oso is asked, which is slower and just as right.
"""

from collections.abc import Hashable, Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple

from service.policy.decision import Findings
from service.policy.question import Question
from service.policy.reads import END, element, equal, read

EDGES_LIMIT = 64
NODES_LIMIT = 4096
STRING_LIMIT_CHARACTERS = 256
FIRST_REGISTERS = ("subject", "resource", "request", "context")

Register = int


class Constant(NamedTuple):
    """A native value handed to a predicate: written in the policy, or an earlier answer."""

    kind: type
    value: Hashable


class Step(NamedTuple):
    """One thing asked of the values at hand; `operands` are registers and constants."""

    how: str
    """ "read", "element" or "equal"."""
    name: str
    operands: tuple[Register | Constant, ...]
    called: bool
    """Whether a read is a call of a predicate."""

    def perform(self, registers: Sequence[Any]) -> Any:
        """The answer, from the facts of this moment. Raises Refused as `reads` does."""
        first, *rest = (
            registers[operand] if type(operand) is int else operand.value
            for operand in self.operands
        )
        if self.how == "read":
            return read(first, self.name, rest if self.called else None)
        return element(first, rest[0]) if self.how == "element" else equal(first, rest[0])


class Node:
    """A step, and where each answer to it leads: to another node, or to findings."""

    __slots__ = ("edges", "step", "wide")

    def __init__(self, step: Step):
        self.step = step
        self.edges: dict[Hashable, Node | Findings] = {}
        self.wide = False


class Contradiction(Exception):
    """Two recordings of one shape took the same answers to different questions."""


def edge_key(value: Any) -> Hashable | None:
    """What tells this answer from every other that oso would take differently.

    None for an answer that no edge may stand for: NaN, which equals nothing, or a string so long
    that callers could fill the memory with it.
    """
    kind = type(value)
    if kind is bool:
        return value
    if kind is str:
        return value if len(value) <= STRING_LIMIT_CHARACTERS else None
    if kind is int:
        return (int, value)
    if kind is float:
        return None if value != value else (float, repr(value))
    if kind is list:
        if len(value) > EDGES_LIMIT:
            return None
        keys = tuple(edge_key(item) for item in value)
        return None if None in keys else (list, keys)
    return END if value is END else kind


def is_object(value: Any) -> bool:
    """Whether oso sees of this answer only that it is there, and asks again for what it is like."""
    return type(value) not in (bool, str, int, float, list) and value is not END


class Tape:
    """The recording of one evaluation: its steps with their answers, as oso asks for them."""

    room = NODES_LIMIT
    """A plan that has more nodes than this does not take the recording."""

    def __init__(self, question: Question):
        self.registers: list[Any] = registers_of(question)
        self.steps: list[tuple[Step, Hashable]] = []
        self.usable = True
        self._answers: dict[Step, tuple[Any, Register | None]] = {}

    def constant(self, value: Any) -> Constant:
        """A native operand; one that no edge could tell from others spoils the recording."""
        if edge_key(value) is None or type(value) is list or is_object(value):
            self.usable = False
        return Constant(type(value), value)

    def perform(self, step: Step) -> Any:
        """What the facts answer. Raises Refused."""
        return step.perform(self.registers)

    def answer(self, step: Step) -> tuple[Any, Register | None]:
        """The answer to `step`, and its register if it is an object. Raises Refused."""
        if self.usable and step in self._answers:
            return self._answers[step]
        value = self.perform(step)
        register = None
        if is_object(value):
            register = len(self.registers)
            self.registers.append(value)
        key = edge_key(value)
        self.usable = self.usable and key is not None
        if self.usable:
            self.steps.append((step, key))
            self._answers[step] = value, register
        return value, register


def registers_of(question: Question) -> list[Any]:
    """The objects that a question begins with, in the order of FIRST_REGISTERS."""
    return [question.subject, question.resource, question.request, question.context]


class Plan:
    """The tree of one shape. Any thread may walk it while another grafts."""

    def __init__(self) -> None:
        self.root: Node | Findings | None = None
        self.nodes = 0
        self._lock = Lock()

    def walk(self, *first_registers: Any) -> Findings | None:
        """What the rules say, or None where the tree has no branch for these answers yet.

        Takes the objects of FIRST_REGISTERS. Raises Refused where a read fails.
        """
        node = self.root
        registers = list(first_registers)
        while type(node) is Node:
            value = node.step.perform(registers)
            node = node.edges.get(edge_key(value))
            if is_object(value):
                registers.append(value)
        return node

    def follow(self, tape: Tape) -> Findings | None:
        """As `walk`, with the answers that the tape gives."""
        node = self.root
        while type(node) is Node:
            value, _ = tape.answer(node.step)
            node = node.edges.get(edge_key(value))
        return node

    def graft(self, tape: Tape, findings: Findings) -> bool:
        """Add the branch that was recorded; False where a limit keeps it out.

        Raises:
            Contradiction: the recording does not fit the tree. The plan must not be used again.
        """
        # INVARIANT (no grafted error): what ended in a failure is no branch of anything.
        if not tape.usable or findings.failure is not None:
            return False
        with self._lock:
            if self.nodes + len(tape.steps) > tape.room:
                return False
            return self._graft(tape.steps, findings)

    def _graft(self, steps: Sequence[tuple[Step, Hashable]], findings: Findings) -> bool:
        if self.root is None:
            self.root = self._branch(steps, findings)
            return True
        node = self.root
        for index, (step, key) in enumerate(steps):
            if not isinstance(node, Node) or node.step != step:
                raise Contradiction(f"step {index} of a recording is another than the plan's")
            child = node.edges.get(key)
            if child is not None:
                node = child
                continue
            if len(node.edges) >= EDGES_LIMIT:
                node.wide = True
                return False
            node.edges[key] = self._branch(steps[index + 1 :], findings)
            return True
        if node != findings:
            raise Contradiction("one path leads to two findings")
        return True

    def _branch(
        self, steps: Sequence[tuple[Step, Hashable]], findings: Findings
    ) -> "Node | Findings":
        # Built from its leaf upwards, so that a walker in another thread meets it whole or not.
        branch: Node | Findings = findings
        for step, key in reversed(steps):
            node = Node(step)
            node.edges[key] = branch
            branch = node
        self.nodes += len(steps)
        return branch

    def wide_steps(self) -> list[Step]:
        """The steps that have met more answers than a node has edges for."""
        return [node.step for node in self.every_node() if node.wide]

    def every_node(self) -> Iterator[Node]:
        """Every node, each before those that follow from it."""
        pending = [self.root]
        while pending:
            node = pending.pop()
            if isinstance(node, Node):
                yield node
                pending.extend(node.edges.values())
