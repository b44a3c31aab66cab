"""What a compiled plan takes over from a fact is what the fact does."""

import pytest
from differential import differences

from service.domain.reading import MissingAttribute, Readable
from service.policy import compiled
from service.policy.function_source import ANSWER, MOMENT, function_of, part
from service.policy.inlining import inline
from service.policy.plan import Constant, Node, edge_key, is_object, registers_of
from service.policy.plans import Plans
from tests.test_plans import questions
from tests.test_policies import engine_of

FAILED = object()
LIMIT = 3


class Value:
    """Functions in the shapes that facts have, and in some that they must not be taken over in."""

    def __init__(self, number, numbers=()):
        self.number = number
        self.numbers = numbers
        self._moment = None

    def plain(self):
        """One expression."""
        return self.number + LIMIT

    def early(self):
        if self.number > LIMIT:
            return "large"
        doubled = self.number * 2
        if doubled > LIMIT:
            return "middling"
        return "small"

    def nested(self):
        if self.number > 0:
            if self.number > LIMIT:
                return "large"
            kind = "small"
        else:
            kind = "none"
        return kind

    def searched(self, wanted):
        for number in self.numbers:
            if number == wanted:
                return "found"
            if number < 0:
                raise MissingAttribute(self, "number")
        return "absent"

    def summed(self):
        total = 0
        for number in self.numbers:
            if number > 0:
                total += number
        return total

    def listed(self):
        return [number + self.number for number in self.numbers]

    def missing(self):
        if self.number is None:
            raise MissingAttribute(self, "number")
        return self.number

    def calling(self):
        result = self.searched(self.number)
        return result

    def calling_last(self):
        if not self.numbers:
            return "nothing"
        return self.searched(self.number)

    # What stays a call.

    def guarded(self):
        try:
            return self.number + 1
        except TypeError:
            return 0

    def rebinding(self, number):
        number = number + 1
        return number

    def doubly_searched(self):
        for number in self.numbers:
            for other in self.numbers:
                if number + other == self.number:
                    return True
        return False

    def keyed(self):
        return sorted(self.numbers, key=lambda number: -number)

    def silent(self):
        if self.number:
            return self.number


VALUES = [
    Value(0), Value(1), Value(2), Value(7), Value(1, (1, 2)), Value(5, (1, -2, 5)),
    Value(9, (4, 5)), Value(None), Value(-1, (-1,)),
]  # fmt: skip


def called(function, *operands):
    try:
        return function(*operands)
    except MissingAttribute:
        return None
    except Exception as error:
        return type(error)


def run(inlined, **operands):
    """What the statements leave: the answer, or its parts put together."""
    body = "\n".join(f"    {line}" for line in inlined.lines)
    names, left = {**inlined.names, "cls": inlined.cls}, ANSWER
    if inlined.cls is not None:
        left = f"cls({', '.join(part(ANSWER, field) for field in inlined.cls.FIELDS)})"
    exec(f"def run({', '.join(operands)}):\n{body}\n    return {left}", names)
    return called(names["run"], *operands.values())


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.number}-{value.numbers}")
@pytest.mark.parametrize(
    "name",
    ["plain", "early", "nested", "summed", "listed", "missing", "calling", "calling_last"],
)
def test_inlined_statements_leave_what_the_function_returns(name, value):
    inlined = inline(Value, function_of(Value, name), ["r0"], {}, "1")

    assert called(getattr(value, name)) == run(inlined, r0=value)


@pytest.mark.parametrize("wanted", [1, 2, 5, -2])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.number}-{value.numbers}")
def test_a_loop_is_left_where_the_function_returned(value, wanted):
    inlined = inline(Value, Value.searched, ["r0", "r1"], {}, "1")

    assert called(value.searched, wanted) == run(inlined, r0=value, r1=wanted)


@pytest.mark.parametrize("name", ["guarded", "rebinding", "doubly_searched", "keyed", "silent"])
def test_what_is_written_in_another_way_stays_a_call(name):
    operands = ["r0", "r1"] if name == "rebinding" else ["r0"]

    assert inline(Value, function_of(Value, name), operands, {}, "1") is None


def test_a_method_of_its_own_is_taken_over_with_the_function_that_calls_it():
    inlined = inline(Value, Value.calling_last, ["r0"], {}, "1")

    assert not any("searched" in line for line in inlined.lines)


def test_a_function_without_source_stays_a_call():
    names = {}
    exec("def fact(self):\n    return 1", names)

    assert inline(Value, names["fact"], ["r0"], {}, "1") is None


def test_a_function_whose_file_has_changed_since_stays_a_call(tmp_path):
    file = tmp_path / "facts.py"
    file.write_text("def fact(self):\n    return 1\n", encoding="utf-8")
    names = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    file.write_text("def fact(self):\n    return 2\n", encoding="utf-8")

    assert inline(Value, names["fact"], ["r0"], {}, "1") is None


def steps_taken(plan, registers):
    """Each step that a question takes, with the registers as they are then."""
    node, registers = plan.root, list(registers)
    while type(node) is Node:
        yield node.step, list(registers)
        try:
            value = node.step.perform(registers)
        except Exception:
            return
        node = node.edges.get(edge_key(value))
        if is_object(value):
            registers.append(value)


@pytest.mark.parametrize("in_parts", [False, True], ids=["whole", "in-parts"])
def test_every_read_of_the_tables_leaves_the_same_inlined_as_called(in_parts):
    plans = Plans(engine_of("policies").ask)
    plans.settled_walks = 1 << 30
    asked = list(questions())
    for question in asked:
        plans.findings(question)
    inlined_reads = set()
    for question in asked:
        key = (type(question.subject), question.action, type(question.resource))
        for step, registers in steps_taken(plans._shapes[key].plan, registers_of(question)):
            if step.how != "read":
                continue
            owner = registers[step.operands[0]]
            operands = {
                f"x{place}": each.value if isinstance(each, Constant) else registers[each]
                for place, each in enumerate(step.operands)
            }
            parts = {n: type(v) for n, v in operands.items() if in_parts and has_parts(v)}
            function = function_of(type(owner), step.name)
            inlined = inline(type(owner), function, list(operands), parts, "1")
            if inlined is None:
                continue
            inlined_reads.add((type(owner).__name__, step.name))
            given = {MOMENT: question.subject._moment, **operands}
            for name, cls in parts.items():
                value = operands[name]
                if name not in inlined.wanted:
                    del given[name]
                given.update({part(name, f): getattr(value, f) for f in cls.FIELDS[1:]})
            try:
                expected = step.perform(registers)
            except Exception:
                expected = None
            found = run(inlined, **given)

            assert type(expected) is type(found)
            assert repr(expected) == repr(found)
    assert len(inlined_reads) > 25


def has_parts(value):
    return isinstance(value, Readable) and bool(value.FIELDS)


def test_a_plan_beyond_the_limit_calls_and_finds_the_same(monkeypatch):
    monkeypatch.setattr(compiled, "INLINED_LINES_LIMIT", 0)

    *found, totals = differences(2_000, seed=5)

    assert [] == found
    assert totals.compiled > 10
