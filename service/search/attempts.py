"""One candidate put to the rules in place of many, with what its answer hung on.

The rules are asked as ever: the plan is walked, and where it has no branch oso is asked and the
branch grafted. What differs is the tape between them and the facts. A read of the place is noted as
a query. A read of the candidate itself that says yes or no is *supposed*: an attempt takes what a
candidate without anything would answer, and says what else there is to try.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.policy.decision import combine
from service.policy.engine import Engine
from service.policy.plan import NODES_LIMIT, Step, Tape
from service.policy.question import Question
from service.policy.reads import Refused
from service.search.notes import Notes, Undecided
from service.search.places import Name
from service.search.queries import Path
from service.search.regions import Region
from service.search.stand_ins import CandidateName, DescribedName, Role

ATTEMPTS_LIMIT = 2000
"""After so many, whatever region is left is decided candidate by candidate."""

Supposed = dict[Hashable, Any]


class Area(NamedTuple):
    """A region in which candidates are allowed: those of whom `fields` are so."""

    region: Region
    fields: tuple[tuple[str, str], ...] = ()
    """What the record of a candidate must say: (("status", "active"), ("role", "agent"))."""
    certain: bool = True
    """Otherwise each candidate is yet to be decided by itself."""


class Areas(NamedTuple):
    """Where candidates may be allowed. Everywhere else every one of them is denied."""

    areas: list[Area]
    singled: frozenset[str]
    """Ids of candidates that are to be decided by themselves, wherever they are."""
    read_of_request: frozenset[str]


class _SupposingTape(Tape):
    """A recording in which reads of the candidate are suppositions."""

    # Suppositions may be such as no candidate ever fulfils: half of a plan is kept for questions.
    room = NODES_LIMIT // 2

    def __init__(self, question: Question, notes: Notes):
        super().__init__(question)
        self._notes = notes
        self.undecided = False

    def perform(self, step: Step) -> Any:
        notes = self._notes
        touched = notes.touched
        try:
            value = step.perform(self.registers)
            if type(value) is Role:
                return value.value()
            if type(value) is DescribedName:
                notes.read_of_request.add("id")
                return str.__str__(value)
        except Refused:
            if notes.touched > touched:
                raise self._leave() from None
            raise
        except Exception:
            # INVARIANT (nothing unnoticed): what a watched value cannot do, it does not guess.
            raise self._leave() from None
        if type(value) in (Name, CandidateName):
            raise self._leave()
        if notes.touched == touched:
            return value
        if type(value) is not bool:
            raise self._leave()
        return notes.choose(step, (value, not value))

    def _leave(self) -> Undecided:
        self.undecided = True
        return Undecided()


def attempt(engine: Engine, ask: Callable[[Notes], Question], notes: Notes) -> tuple[bool, bool]:
    """Whether the candidate that `ask` makes of the notes is allowed; whether it stays open."""
    question = ask(notes)
    tape = _SupposingTape(question, notes)
    try:
        allowed = combine(engine.explored(question, tape)).allowed
    except (Refused, Undecided):
        allowed = False
    return allowed, tape.undecided


def find_areas(
    engine: Engine,
    directory: Directory,
    ask: Callable[[Notes], Question],
    start: Region,
    imagined: bool = False,
) -> Areas:
    """Where candidates may be allowed: from one attempt for all places that answer alike.

    With `imagined`, also where there is no organization yet.

    An attempt holds for the part of its region that gives the same answers to all that was asked;
    the rest is attempted anew. What was supposed of a candidate is then supposed otherwise.
    """
    found: dict[Region, set[Area] | None] = {}
    singled: set[str] = set()
    read: set[str] = set()
    pending: list[tuple[Region, Supposed, Path | None]] = [(start, {}, None)]
    attempts = 0
    while pending:
        # What stood for a region once stands for it whatever else is supposed.
        region, supposed, path = pending.pop()
        if path is None:
            path = region.some(directory)
        if path is None and imagined:
            path = region.imagined(directory)
        if path is None:
            found.setdefault(region, None)
            continue
        attempts += 1
        if attempts > ATTEMPTS_LIMIT:
            found.setdefault(region, set()).add(Area(region, (), False))
            continue
        notes = Notes(directory, path, supposed)
        allowed, undecided = attempt(engine, ask, notes)
        singled |= notes.singled
        read |= notes.read_of_request
        known = region.known()
        for query, answer in notes.answers.items():
            if query not in known:
                pending.append((region.apart(query, answer), supposed, None))
                region = region.narrowed(query, answer)
        verdict = found.setdefault(region, set())
        if undecided:
            verdict.add(Area(region, (), False))
            continue
        chosen = {**supposed, **{what: value for what, value, _ in notes.choices}}
        if allowed:
            fields = tuple(each for each in chosen.items() if isinstance(each[0], str))
            verdict.add(Area(region, fields, len(fields) == len(chosen)))
            if len(fields) < len(chosen):
                continue
        pending.extend((region, other, path) for other in _others(notes, supposed))
    return Areas(_joined(found), frozenset(singled), frozenset(read))


def _others(notes: Notes, supposed: Supposed) -> Iterator[Supposed]:
    """What else could be supposed where this attempt chose."""
    before = dict(supposed)
    for what, value, rest in notes.choices:
        for other in rest:
            yield {**before, what: other}
        before[what] = value


def _joined(found: dict[Region, set[Area] | None]) -> list[Area]:
    """The areas, where two halves of a region came to the same put together again.

    A half without any organization (None) comes to the same as the other.
    """
    verdicts = {
        region: None
        if areas is None
        else frozenset(area._replace(region=Region()) for area in areas)
        for region, areas in found.items()
    }
    for region in sorted(verdicts, key=lambda each: -len(each.constraints)):
        while region.constraints and region in verdicts:
            other, whole = region.other_half(), region.before_last()
            if other not in verdicts or whole in verdicts:
                break
            mine, theirs = verdicts[region], verdicts[other]
            if None not in (mine, theirs) and mine != theirs:
                break
            del verdicts[region], verdicts[other]
            verdicts[whole] = theirs if mine is None else mine
            region = whole
    return [
        area._replace(region=region)
        for region, areas in verdicts.items()
        for area in sorted(areas or ())
    ]
