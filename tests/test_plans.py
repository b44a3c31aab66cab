"""Compiled plans equal oso, hold no facts, stay small, and a fault in them does not stay hidden."""

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import pytest

from service.domain.changes import apply_changes
from service.domain.moment import Moment
from service.domain.world import read_world
from service.explain.account import Explainer
from service.policy import compiled, function_source, inlining
from service.policy import plan as plan_module
from service.policy import plans as plans_module
from service.policy.compiled import compile_plan
from service.policy.decision import MISSING_ATTRIBUTE, POLICY_ERROR, AccessRequest, Failure, settled
from service.policy.engine import Engine
from service.policy.entrance import Words
from service.policy.pdp import FixedFacts, PolicyDecisionPoint, clock
from service.policy.plan import (
    EDGES_LIMIT,
    NODES_LIMIT,
    Contradiction,
    Node,
    Plan,
    Step,
    Tape,
    edge_key,
)
from service.policy.plans import Plans
from service.policy.policy_set import policy_set
from service.policy.question import resolve
from tests.differential import Difference, Totals, differences
from tests.test_policies import cases_of, engine_of

ROOT = Path(__file__).resolve().parent.parent


def requests(name="policies"):
    """Every request of the tables, and the moment at which it is asked."""
    engine = engine_of(name)
    for case, directory in cases_of(name):
        if case.after:
            directory = apply_changes(directory, case.after, engine.policies.schema)
        yield case.request, Moment(directory, case.now or clock(), engine.vocabulary)


def questions(name="policies"):
    """Every question of the tables, as far as it comes to the rules."""
    resolved = (resolve(request, moment) for request, moment in requests(name))
    return (question for question in resolved if not isinstance(question, Failure))


@pytest.mark.parametrize("name", ["policies", "documents"])
@pytest.mark.parametrize("settled_walks", [1, 10_000], ids=["compiled", "walked"])
def test_plans_find_what_oso_finds_in_every_table(name, settled_walks):
    engine = engine_of(name)
    plans = Plans(engine.ask)
    plans.settled_walks = settled_walks
    asked = list(requests(name))

    oracle = Engine(engine.policies, plans=False)
    expected = [oracle.settle(request, moment) for request, moment in asked]
    for _ in range(3):
        before = plans.counts().asked_oso
        assert expected == [plans.settle(request, moment) for request, moment in asked]
    counts = plans.counts()
    failed = sum(
        each.findings.failure is not None
        and each.findings.failure.reason in (MISSING_ATTRIBUTE, POLICY_ERROR)
        for each in expected
    )

    assert counts.asked_oso - before == failed, "oso is asked again only for what ends in an error"
    assert (counts.contradictions, counts.kept_out, counts.not_compiled) == (0, 0, 0)
    assert (counts.compiled > 0) == (settled_walks == 1)


def test_plans_find_what_oso_finds_over_random_laws_facts_and_changes():
    *found, totals = differences(decisions=20_000, seed=2026)

    assert [] == found
    assert totals.decisions == 20_000
    assert totals.from_plans > 5_000
    assert totals.compiled > 100
    assert totals.allowed > 1_000
    assert totals.failures > 1_000


class MixedUpRegisters(Plan):
    """A fault: two objects of one class change places."""

    def walk(self, *first_registers):
        node, registers = self.root, list(first_registers)
        while type(node) is Node:
            value = node.step.perform(registers)
            node = node.edges.get(edge_key(value))
            if plan_module.is_object(value):
                registers.append(value)
                if type(registers[-2]) is type(value):
                    registers[-2:] = reversed(registers[-2:])
        return node


class GraftedErrors(Plans):
    """A fault: what ended in an error becomes a branch."""

    def _asked(self, question, shape):
        tape = Tape(question)
        findings = self._oracle(question, tape)
        if tape.usable:
            with suppress(Contradiction):
                shape.plan._graft(tape.steps, findings)
        return findings


def plans_with(plan_class):
    class Faulty(Plans):
        def settle(self, request, moment):
            found = super().settle(request, moment)
            for shape in self._shapes.values():
                shape.settling = 1 << 30  # walked, and never compiled
                if type(shape.plan) is not plan_class:
                    shape.plan = plan_class()
            return found

    return Faulty


def first_difference(plans_of):
    found = (item for item in differences(8_000, seed=4, plans_of=plans_of))
    return next((item for item in found if isinstance(item, Difference)), None)


def test_a_fault_is_found_when_edges_forget_their_type(monkeypatch):
    def without_type(value):
        return value if isinstance(value, bool | int | float | str) else edge_key(value)

    monkeypatch.setattr(plan_module, "edge_key", without_type)

    assert first_difference(plans_with(Plan)) is not None


def test_a_fault_is_found_when_registers_are_mixed_up():
    assert first_difference(plans_with(MixedUpRegisters)) is not None


def test_a_fault_is_found_when_errors_are_grafted():
    assert first_difference(GraftedErrors) is not None


def test_a_fault_is_found_when_branches_outlive_their_policy():
    shapes = {}

    def shared(oracle):
        plans = Plans(oracle)
        plans._shapes = shapes
        return plans

    assert first_difference(shared) is not None


def test_a_fault_is_found_when_inlined_code_runs_on_where_its_function_returned(monkeypatch):
    class RunningOn(function_source._Leaving):
        def visit_Return(self, node):
            return super().visit_Return(node)[:1]

    monkeypatch.setattr(function_source, "_Leaving", RunningOn)
    # What is inlined with the fault must not be found by others, nor what was inlined without it.
    of_its_own = lru_cache(inlining._inlined.__wrapped__)
    monkeypatch.setattr(inlining, "_inlined", of_its_own)

    assert first_difference(Plans) is not None


def test_without_a_fault_the_same_search_finds_nothing():
    assert first_difference(Plans) is None
    assert first_difference(plans_with(Plan)) is None


@pytest.mark.parametrize(
    ("left", "right"), [(True, 1), (1, 1.0), (0.0, -0.0), ("1", 1), (False, 0), ("", False)]
)
def test_edges_tell_apart_what_python_takes_for_equal(left, right):
    assert edge_key(left) != edge_key(right)


@pytest.mark.parametrize("value", [float("nan"), "x" * 257, ["y" * 257], list("abc" * 50)])
def test_what_no_edge_can_stand_for_has_no_key(value):
    assert edge_key(value) is None


def test_a_plan_takes_no_more_edges_and_nodes_than_its_limits():
    plan, step = Plan(), Step("read", "s", (2,), False)
    findings = engine_of("policies").ask(next(questions()))
    for number in range(EDGES_LIMIT + 5):
        tape = Tape.__new__(Tape)
        tape.usable, tape.steps = True, [(step, f"answer {number}")]
        plan.graft(tape, findings)

    assert len(plan.root.edges) == EDGES_LIMIT
    assert plan.nodes <= NODES_LIMIT
    assert plan.wide_steps() == [step]


def test_a_recording_that_contradicts_the_plan_is_not_taken():
    plan, findings = Plan(), engine_of("policies").ask(next(questions()))
    for name in ("s", "t"):
        tape = Tape.__new__(Tape)
        tape.usable, tape.steps = True, [(Step("read", name, (2,), False), "x")]
        if name == "s":
            plan.graft(tape, findings)

    with pytest.raises(Contradiction):
        plan.graft(tape, findings)


def test_threads_that_ask_while_plans_grow_all_get_what_oso_says():
    engine = engine_of("policies")
    asked = list(requests())
    oracle = Engine(engine.policies, plans=False)
    expected = [oracle.settle(request, moment) for request, moment in asked]
    plans = Plans(engine.ask)
    plans.settled_walks = 3

    def ask_all(seed):
        order = list(range(len(asked)))
        random.Random(seed).shuffle(order)
        return all(plans.settle(*asked[each]) == expected[each] for each in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask_all, range(8)))
    assert plans.counts().contradictions == 0


@pytest.mark.parametrize("nesting", [0, 1, compiled.NESTING_LIMIT])
@pytest.mark.parametrize("name", ["policies", "documents"])
def test_compiled_code_follows_the_walker_on_every_request_of_the_tables(
    name, nesting, monkeypatch
):
    monkeypatch.setattr(compiled, "NESTING_LIMIT", nesting)
    engine = engine_of(name)
    plans = Plans(engine.ask)
    for question in questions(name):
        plans.findings(question)
    functions, followed, refused = {}, 0, 0
    for request, moment in requests(name):
        words = Words(request.subject_type, request.action, request.resource_type)
        question, walked = resolve(request, moment), None
        if not isinstance(question, Failure):
            shape = plans._shape_of(question)
            functions[words] = functions.get(words) or compile_plan(
                shape.plan, words, moment.vocabulary
            )
            walked = shape.walk(question)

        if words in functions:
            found = known(functions[words], moment, request)
            assert found == (None if walked is None else settled(walked))
            followed += found is not None
            refused += isinstance(question, Failure)
    assert followed > 15
    assert refused > 0 or name == "documents"


def spoiled(request):
    """The request with one thing in it after the other said otherwise, mostly wrongly."""
    said, given = request.resource_properties, request.action_properties
    yield request.but(subject_id="nobody")
    yield request.but(resource_id="nothing")
    yield request.but(resource_properties={})
    for place in ("nowhere", 7, None, ["N"]):
        yield request.but(resource_properties={**said, "organization": place})
        yield request.but(context={**request.context, "organization": place})
        yield request.but(subject_properties={"organization": place})
    for name in ("channel", "user", "kind", "classification"):
        for value in (7, "", "nothing", ["x"], None):
            yield request.but(resource_properties={**said, name: value})
    for name in given:
        yield request.but(action_properties={**given, name: 7})
        yield request.but(action_properties={k: v for k, v in given.items() if k != name})


@pytest.mark.parametrize("name", ["policies", "documents"])
def test_plans_settle_what_is_spoiled_as_oso_does(name):
    engine = engine_of(name)
    oracle, plans = Engine(engine.policies, plans=False), Plans(engine.ask)
    plans.settled_walks = 1
    asked = list(requests(name))
    while plans.counts().compiled < plans.counts().shapes or not plans.counts().shapes:
        for request, moment in asked:
            plans.settle(request, moment)
    reasons = set()
    for request, moment in asked[:: 1 + len(asked) // 60]:
        for other in spoiled(request):
            expected = oracle.settle(other, moment)
            assert expected == plans.settle(other, moment)
            reasons.add(expected.verdict.reason)
    assert len(reasons) > 6


def known(follow, *given):
    """What a plan finds; None also where a read failed, since oso is asked in both cases."""
    try:
        return follow(*given)
    except Exception:
        return None


def test_a_plan_that_cannot_be_compiled_is_walked(monkeypatch):
    def failing(*given):
        raise SystemError

    monkeypatch.setattr(plans_module, "compile_plan", failing)
    engine, (request, moment) = engine_of("policies"), next(requests())
    plans = Plans(engine.ask)
    plans.settled_walks = 1
    expected = engine.settle(request, moment)

    for _ in range(100):
        assert expected == plans.settle(request, moment)
    assert (plans.counts().compiled, plans.counts().not_compiled) == (0, 1)
    assert plans.counts().asked_oso == 1


def test_a_plan_beyond_the_limit_is_walked(monkeypatch):
    monkeypatch.setattr(plans_module, "COMPILED_NODES_LIMIT", 1)
    engine, (request, moment) = engine_of("policies"), next(requests())
    plans = Plans(engine.ask)
    plans.settled_walks = 1

    for _ in range(100):
        assert engine.settle(request, moment) == plans.settle(request, moment)
    assert (plans.counts().compiled, plans.counts().asked_oso) == (0, 1)


FLAT = """
import json, resource, sys
sys.path.insert(0, {root!r})
from service.config import Settings
from service.domain.moment import Moment
from service.domain.world import read_world
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set
engine = Engine(read_policy_set(Settings().policies))
world = {{"organizations": {{"W": {{}}, "N": {{"parent": "W"}}}},
         "users": {{"u": {{"memberships": {{"N": "admin"}}}}}}}}
pdp = PolicyDecisionPoint(engine, FixedFacts(read_world(world, engine.policies.schema)))
def ask(n):
    moment = pdp.moment()
    described = {{"organization": "N"}}
    for subject in ("u", f"nobody-{{n}}"):
        pdp.decide(AccessRequest("user", subject, "read", "conversation", f"c-{{n}}",
                                 resource_properties=described), moment)
    if n % 2000 == 0:
        pdp.decide(AccessRequest("user", "u", "add_subscription", "organization", "N",
                                 action_properties={{"type": f"type {{n}}"}}), moment)
        pdp.decide(AccessRequest("user", "u", f"action-{{n}}", f"type-{{n}}", "x"), moment)
def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for n in range(20_000): ask(n)
before = used()
for n in range(20_000, 500_000): ask(n)
print(json.dumps({{"grown_kib": used() - before, "counts": engine.plans.counts()._asdict()}}))
"""


def test_a_million_different_subjects_and_resources_leave_memory_flat():
    command = [sys.executable, "-c", FLAT.format(root=str(ROOT))]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    assert answer["grown_kib"] < 4096
    assert answer["counts"]["shapes"] == 2
    assert answer["counts"]["nodes"] < 500


def test_the_differential_run_is_repeatable():
    first, again = (list(differences(500, seed=11)) for _ in range(2))

    assert first == again
    assert isinstance(first[-1], Totals)


NAMED = """
[types.form.attributes]
{name} = "string?"
[types.form.actions]
fill = {{ {name} = "organization?" }}
[context]
{name} = "organizations?"
"""
NAMED_LAW = """
# Whoever says everything three times may fill a form.
allow(user: User, "fill", form: Form, "whoever-says-all-fills") if
  form.{name} = "x" and
  request.{name} = user.organization and
  context.{name}.all_within(request.{name});
"""


@pytest.mark.parametrize(
    "name", ["fields", "reads", "present", "key", "m", "v", "stored", "r1_record", "with"]
)
def test_an_attribute_may_be_called_whatever_plans_and_python_call_theirs(name):
    law = NAMED_LAW.format(name=name).encode()
    policies = policy_set([("law.polar", law)], NAMED.format(name=name).encode())
    world = {
        "organizations": {"a": {}},
        "users": {"u": {"memberships": {"a": "guest"}}},
        "resources": {"form:f": {"organization": "a", name: "x"}},
    }
    engine, directory = Engine(policies), read_world(world, policies.schema)
    engine.plans.settled_walks = 1
    moment = Moment(directory, clock(), engine.vocabulary)
    explainer = Explainer(PolicyDecisionPoint(engine, FixedFacts(directory)))
    stored = AccessRequest("user", "u", "fill", "form", "f", {}, {name: "a"}, {}, {name: ["a"]})
    said = stored.but(resource_id="g", resource_properties={"organization": "a", name: "x"})

    for request in (stored, said, stored, said):
        account = explainer.explain(request, moment)
        told = {explainer.speaker.sentence(fact) for fact in account.facts}

        assert account.decision
        assert f"the {name} of form:{request.resource_id} is x" in told
    assert engine.plans.counts().compiled == 1


def test_plans_are_compiled_one_at_a_time(monkeypatch):
    at_once, most, render = [], [], compiled._Renderer.function

    def slowly(renderer, root):
        at_once.append(renderer)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.remove(renderer)
        return render(renderer, root)

    engine = Engine(engine_of("policies").policies)
    for request, moment in requests():
        engine.settle(request, moment)
    monkeypatch.setattr(compiled._Renderer, "function", slowly)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(engine.plans.compile, engine.vocabulary) for _ in range(4)]:
            done.result()

    assert max(most) == 1


def test_a_plan_that_was_retired_stays_retired():
    engine, (request, moment) = engine_of("policies"), next(requests())
    plans = Plans(engine.ask)
    plans.settled_walks = 1
    while plans.counts().compiled == 0:
        plans.settle(request, moment)
    (shape,) = plans._shapes.values()
    plans._retire(shape)
    asked_before = plans.counts().asked_oso

    for _ in range(3):
        assert engine.settle(request, moment) == plans.settle(request, moment)
    assert plans.counts().asked_oso == asked_before + 3
