"""The law, compiled: which rules match a question. The only module that imports oso.

oso is asked twice, for `deny` and for `allow`, and never for `allow and not deny`: inside `not`,
Polar takes a missing attribute for falsehood, so a broken deny rule would let the request through.
Every value that a policy reads passes `_GuardedQuery`, which hands out what is on the allow-list of
the value and ends the question at the first read that fails.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

# oso reads the limit from the environment at every query; a policy that runs longer fails closed.
os.environ.setdefault("POLAR_TIMEOUT_MS", "1000")

from oso import Oso, Variable
from oso.exceptions import OsoError
from polar.ffi import PolarSource
from polar.predicate import Predicate
from polar.query import Query

from service.domain.moment import Moment, Vocabulary
from service.domain.reading import Readable
from service.errors import InvalidPolicy, Problem
from service.policy import decision
from service.policy.decision import AccessRequest, Failure, Findings, Settled, settled
from service.policy.plan import Constant, Step, Tape
from service.policy.plans import Plans
from service.policy.policy_set import PolicySet
from service.policy.question import Question, resolve
from service.policy.reads import END, Refused

# The action has no class here, though it is always a string: oso would ask the host, for every rule
# anew, whether it is one.
_SIGNATURES = """
type allow(subject: Entity, action, resource: Entity, rule: String);
type deny(subject: Entity, action, resource: Entity, rule: String);
type obligation(subject: Entity, action, resource: Entity, rule: String);
# A question of which no rule speaks finds no match, instead of an undefined rule.
allow(_: Entity, "", _: Entity, "") if false;
deny(_: Entity, "", _: Entity, "") if false;
obligation(_: Entity, "", _: Entity, "") if false;
"""
_SIGNATURES_FILE = "signatures of the service"
_PLACE = re.compile(r" at line (\d+), column (\d+) of file (.+?):\n")
_ADVERTISEMENT = re.compile(r"\s*Get help with Oso from our engineers: \S+")


class Engine:
    """One policy set, compiled once and never changed. Safe to be asked by several threads."""

    def __init__(self, policies: PolicySet, plans: bool = True):
        """Compile the policy set. Without `plans`, oso itself answers every question.

        Raises:
            InvalidPolicy: oso refuses it, or says anything at all about it: a warning of today is
                a rule that never matches tomorrow.
        """
        self.policies = policies
        self.vocabulary: Vocabulary = policies.vocabulary
        self._oso = Oso()
        said: list[str] = []
        self._oso.ffi_polar.process_messages = lambda: said.extend(_messages(self._oso))
        for name, known in self.vocabulary.by_name.items():
            self._oso.register_class(known, name=name)
        self._oso.register_class(self.vocabulary.request_class, name="Request")
        self._oso.register_class(self.vocabulary.context_class, name="Context")
        self._request_id = self._constant("request", self.vocabulary.request_class)
        self._context_id = self._constant("context", self.vocabulary.context_class)
        sources = [PolarSource(_SIGNATURES, _SIGNATURES_FILE)]
        sources += [PolarSource(file.ascii, file.name) for file in policies.files]
        try:
            self._oso._load_sources(sources)
        except OsoError as error:
            raise InvalidPolicy([_problem(str(error))]) from None
        if said:
            raise InvalidPolicy([_problem(text) for text in said])
        self.plans = Plans(self.ask) if plans else None
        self.settle: Callable[[AccessRequest, Moment], Settled] = (
            self.plans.settle if plans else self._settle
        )
        """All rules that match a request at a moment, and what they come to; a failure if even one
        of them could not be asked."""

    def findings(self, question: Question) -> Findings:
        """All rules that match a question; a failure if even one of them could not be asked."""
        return self.plans.findings(question) if self.plans else self.ask(question)

    def _settle(self, request: AccessRequest, moment: Moment) -> Settled:
        question = resolve(request, moment)
        failed = type(question) is Failure
        return settled(Findings(failure=question) if failed else self.ask(question))

    def _constant(self, name: str, known: type[Readable]) -> int:
        """Make `name` readable in every rule; what it stands for is put in place per question."""
        term = self._oso.host.to_polar(known(None, {}, {}))
        self._oso.ffi_polar.register_constant(term, name)
        return term["value"]["ExternalInstance"]["instance_id"]

    def ask(self, question: Question, tape: Tape | None = None) -> Findings:
        """The findings of oso itself; with a tape, what oso asks on the way is recorded on it."""
        tape = tape or Tape(question)
        try:
            denies = self._matching("deny", question, tape)
            allows = self._matching("allow", question, tape)
            duties = self._matching("obligation", question, tape) if allows and not denies else ()
        except Refused as refused:
            return Findings(failure=refused.failure)
        except Exception as error:
            # INVARIANT (an error never allows): whatever goes wrong in a rule, in oso or in a
            # predicate ends here, and denies. Its text may quote values, so only its kind goes out.
            kind = type(error).__name__
            return Findings(failure=Failure(decision.POLICY_ERROR, f"a rule failed with {kind}"))
        return Findings(denies, allows, duties)

    def explored(self, question: Question, tape: Tape) -> Findings:
        """The findings where the tape gives the answers, as a search supposes them."""
        return (self.plans.explored if self.plans else self.ask)(question, tape)

    def _matching(self, kind: str, question: Question, tape: Tape) -> tuple[str, ...]:
        host = self._oso.host.copy()
        host.instances[self._request_id] = question.request
        host.instances[self._context_id] = question.context
        call = host.to_polar(
            Predicate(
                kind, [question.subject, question.action, question.resource, Variable("rule")]
            )
        )
        subject, _, resource, _ = call["value"]["Call"]["args"]
        ids = (_instance_id(subject), _instance_id(resource), self._request_id, self._context_id)
        ffi_query = self._oso.ffi_polar.new_query_from_term(call)
        ffi_query.process_messages = _nothing_to_print
        query = _GuardedQuery(ffi_query, host=host)
        query.tape = tape
        query.register_of = {instance: register for register, instance in enumerate(ids)}
        return tuple(sorted({result["bindings"]["rule"] for result in query.run()}))


class _GuardedQuery(Query):
    """A query that can read what values offer to policies, and do nothing else.

    All it is asked goes over a tape, so that what is recorded is what was answered.
    """

    tape: Tape
    register_of: dict[int, int]
    """The register of each object that oso has been given, by the id it was given under."""

    def handle_external_call(self, data: dict[str, Any]) -> None:
        if data.get("kwargs"):
            raise Refused(decision.POLICY_ERROR, "a rule calls a predicate with named values")
        called = data["args"] is not None
        operands = [self._operand(term) for term in (data["instance"], *(data["args"] or ()))]
        step = Step("read", data["attribute"], tuple(operands), called)
        self.ffi_query.call_result(data["call_id"], self._answer(step))

    def handle_next_external(self, data: dict[str, Any]) -> None:
        call_id = data["call_id"]
        index = self.calls[call_id] = self.calls.get(call_id, -1) + 1
        operands = (self._operand(data["iterable"]), self.tape.constant(index))
        answer = self._answer(Step("element", "", operands, False))
        self.ffi_query.call_result(call_id, answer)

    def handle_external_op(self, data: dict[str, Any]) -> None:
        if data["operator"] not in ("Eq", "Neq"):
            raise Refused(decision.POLICY_ERROR, "a rule puts things in order that have none")
        operands = tuple(self._operand(term) for term in data["args"])
        equal, _ = self.tape.answer(Step("equal", "", operands, False))
        self.ffi_query.question_result(data["call_id"], equal == (data["operator"] == "Eq"))

    def _operand(self, term: dict[str, Any]) -> int | Constant:
        if "ExternalInstance" in term["value"]:
            return self.register_of[_instance_id(term)]
        return self.tape.constant(self.host.to_python(term))

    def _answer(self, step: Step) -> dict[str, Any] | None:
        """The answer as oso takes it; None for the end of a list."""
        value, register = self.tape.answer(step)
        if value is END:
            return None
        term = self.host.to_polar(value)
        if register is not None:
            self.register_of[_instance_id(term)] = register
        return term

    def _forbidden(self, data: dict[str, Any]) -> None:
        raise Refused(decision.POLICY_ERROR, "a rule does what rules must not")

    handle_make_external = _forbidden
    handle_external_isa_with_path = _forbidden
    handle_debug = _forbidden


def _instance_id(term: dict[str, Any]) -> int:
    return term["value"]["ExternalInstance"]["instance_id"]


def _nothing_to_print() -> None:
    """oso looks for output after every event; a policy that could make any is refused at load."""


def _messages(oso: Oso) -> Iterator[str]:
    """Whatever oso would have printed: only a warning at load, since nothing may print."""
    from polar.ffi import process_messages

    return process_messages(oso.ffi_polar.next_message)


def _problem(text: str) -> Problem:
    """oso's message as a problem: its place, and its first sentence without the source excerpt."""
    place = _PLACE.search(text)
    sentence = _ADVERTISEMENT.sub("", text).removeprefix("[warning] ")
    if place is None:
        return Problem("policies", None, " ".join(sentence.split())[:400])
    line, column, file = place.groups()
    reason = " ".join(sentence[: sentence.index(" at line ")].split())
    return Problem(f"{file}:{line}:{column}", None, reason[:400])
