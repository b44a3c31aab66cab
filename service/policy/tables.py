"""Decision tables: decisions written down case by case, and compared with what the law decides.

Opens no file: whoever calls brings the bytes of a table and the facts of its world.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.entries import Entry
from service.domain.identifiers import Key, parse_reference
from service.errors import FactError, InvalidTable, Problem
from service.policy.decision import REASONS, AccessRequest, Decision
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

ALLOW, DENY = "allow", "deny"
_KEYS_OF_A_TABLE = ("world", "case")


class Case(NamedTuple):
    """One decision as it must be, and the circumstances under which it must be so."""

    id: str
    title: str
    source: str
    """The requirement it comes from, which the table calls `from`."""
    request: AccessRequest
    expected: str
    """`allow` or `deny`."""
    rule: str | None
    """The rule that must be among those that decide; None if any may."""
    reason: str | None
    """The reason that the decision must give; None if any may."""
    now: datetime | None
    """The clock of the case; None is the real one."""
    after: tuple[Mapping[str, Any], ...]
    """Changes made to the world before the question."""


class Table(NamedTuple):
    """A decision table: its cases, and the world in which they are asked."""

    name: str
    world: str
    """The world document, relative to the table."""
    cases: tuple[Case, ...]


class Outcome(NamedTuple):
    """What became of a case: the decision, and why it is not the one written down."""

    case: Case
    decision: Decision | None
    """None if the changes of `after` cannot be made, so that nothing could be asked."""
    why: str | None
    """Why the case has failed; None if it has passed."""

    @property
    def passed(self) -> bool:
        return self.why is None

    @property
    def got(self) -> str | None:
        """`allow`, `deny`, or None where nothing could be asked."""
        return None if self.decision is None else ALLOW if self.decision else DENY

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that decided."""
        return () if self.decision is None else self.decision.rules

    def __str__(self) -> str:
        case = self.case
        named = f"{case.id}  {case.title}".rstrip()
        if self.passed:
            return f"{named}  {self.got} as expected"
        expected = case.expected if case.rule is None else f"{case.expected} by {case.rule}"
        by = f" by {', '.join(self.rules)}" if self.rules else ""
        return f"{named}  expected {expected}, got {self.got or 'no decision'}{by}; {self.why}"


def read_table(body: bytes, name: str) -> Table:
    """The decision table that `body` spells; `name` is what problems call it.

    Raises:
        InvalidTable: with every problem. A table without a case is one: it could never fail.
    """
    problems: list[Problem] = []
    document = _document(body, name)
    for key in document.keys() - set(_KEYS_OF_A_TABLE):
        reason = "is not known; a table has a `world` and one [[case]] or more"
        problems.append(Problem(f"{name}: {key}", None, reason))
    world = document.get("world")
    if not isinstance(world, str) or not world:
        reason = "is missing; name a world document, relative to the table"
        problems.append(Problem(f"{name}: world", world, reason))
    rows = document.get("case", [])
    if not isinstance(rows, list) or not rows:
        reason = "has no entry; a table without a [[case]] is a check that cannot fail"
        problems.append(Problem(f"{name}: case", None, reason))
        rows = []
    cases, seen = [], set()
    for index, row in enumerate(rows):
        known = row.get("id") if isinstance(row, Mapping) else None
        label = f"case {known}" if isinstance(known, str) and known else f"case[{index}]"
        case = _case(Entry(row, f"{name}: {label}", problems))
        if case.id and case.id in seen:
            problems.append(
                Problem(f"{name}: {label}.id", case.id, "is the id of another case too")
            )
        seen.add(case.id)
        cases.append(case)
    if problems:
        raise InvalidTable(problems)
    return Table(name, world, tuple(cases))


def _document(body: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 at byte {error.start}"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = f"is not TOML: {error}"
    raise InvalidTable([Problem(name, None, reason)])


def _case(entry: Entry) -> Case:
    """The case that `entry` describes; of no use once the entry has a problem."""
    subject = _reference(entry, "subject")
    resource = _reference(entry, "resource")
    request = AccessRequest(
        *subject,
        _required(entry, "action"),
        *resource,
        subject_properties=_values(entry, "subject_properties"),
        action_properties=_values(entry, "properties"),
        resource_properties=_values(entry, "resource_properties"),
        context=_values(entry, "context"),
    )
    case = Case(
        id=_required(entry, "id"),
        title=entry.text("title", ""),
        source=entry.text("from", ""),
        request=request,
        expected=entry.choice("decision", (ALLOW, DENY)),
        rule=entry.text("rule"),
        reason=entry.choice("reason", tuple(REASONS)) if "reason" in entry.fields else None,
        now=entry.moment("now", optional=True),
        after=_changes(entry),
    )
    entry.finish()
    return case


def _required(entry: Entry, field: str) -> str:
    text = entry.text(field, "")
    if entry.take(field) in (None, ""):
        entry.problem(field, None, "is missing")
    return text


def _reference(entry: Entry, field: str) -> Key:
    text = _required(entry, field)
    key = parse_reference(text)
    if text and key is None:
        entry.problem(field, text, "is not of the form `type:id`")
    return key or ("", "")


def _values(entry: Entry, field: str) -> Mapping[str, Any]:
    value = entry.take(field)
    if value is not None and not isinstance(value, Mapping):
        entry.problem(field, value, "is not a table of values")
        return {}
    return value or {}


def _changes(entry: Entry) -> tuple[Mapping[str, Any], ...]:
    value = entry.take("after")
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(change, Mapping) for change in value):
        return tuple(value)
    entry.problem("after", value, 'is not a list of changes, such as [{ op = "unshare", … }]')
    return ()


def run_case(case: Case, engine: Engine, directory: Directory) -> Outcome:
    """What the law decides in this case, and whether that is what the case says."""
    if case.after:
        try:
            directory = apply_changes(directory, case.after, engine.policies.schema)
        except FactError as error:
            return Outcome(case, None, f"`after` cannot be made: {error}")
    pdp = PolicyDecisionPoint(engine, FixedFacts(directory))
    decision = pdp.decide(case.request, pdp.moment(case.now))
    return Outcome(case, decision, _difference(case, decision))


def _difference(case: Case, decision: Decision) -> str | None:
    if decision.allowed != (case.expected == ALLOW):
        return f"{decision.reason}: {decision.detail or REASONS[decision.reason]}"
    if case.rule not in (None, *decision.rules, *decision.obligations):
        return f"`{case.rule}` is not among the rules that decided"
    if case.reason is not None and case.reason != decision.reason:
        return f"the reason is {decision.reason}, and should be {case.reason}"
    return None
