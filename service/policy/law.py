"""What makes a clause a rule of the law: a name, a typed head, one sentence above, one condition.

Knows clauses, not files: it points at offsets, and its reader turns them into lines.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from service.policy.clauses import Clause
from service.policy.tokens import STRING, Flaw, Places, Token, value_of

KINDS = ("allow", "deny", "obligation")

_KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FORM = '(subject: Class, action: String, resource: Class, "name-of-the-rule")'


class Entry(NamedTuple):
    """A clause in its file; `comment` is the block of comment lines directly above it."""

    file: str
    clause: Clause
    comment: str
    begins_line: bool


def entry_of(file: str, clause: Clause, places: Places, lines: Sequence[str]) -> Entry:
    """The clause of a file whose `lines` these are, with what stands around it."""
    line, column = places.of(clause.head.at)
    begins_line = not lines[line - 1][: column - 1].strip()
    first = line - 1
    # Rules that shared a line would share a comment, and take quadratic time to read it.
    while begins_line and first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    words = (above.strip().lstrip("#").strip() for above in lines[first : line - 1])
    return Entry(file, clause, " ".join(filter(None, words)), begins_line)


def name_of(clause: Clause) -> str | None:
    """The name of a rule of the law; none for a predicate, and for a rule that has no name."""
    if clause.head.text not in KINDS or len(clause.parameters) != 4:
        return None
    return clause.parameters[3].string


def actions_of(clause: Clause) -> tuple[str, ...]:
    """The actions that a rule with four parameters lists; empty when it may be any."""
    action = clause.parameters[1]
    if action.string is not None:
        return (action.string,)
    return _listed(action.name, clause.body) if action.name else ()


def _listed(name: str, body: tuple[Token, ...]) -> tuple[str, ...]:
    """The strings of `name in ["…", …]`, where that is a condition which must hold."""
    depth, before = 0, "and"
    for i, token in enumerate(body):
        opens = tuple(t.text for t in body[i : i + 3]) == (name, "in", "[")
        if depth == 0 and before == "and" and opens:
            end = next(j for j in range(i, len(body)) if body[j].text == "]")
            parts = body[i + 3 : end : 2]
            if all(part.kind == STRING for part in parts):
                return tuple(value_of(part) for part in parts)
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        before = token.text
    return ()


def _keywords(word: str, body: tuple[Token, ...]) -> Iterator[Token]:
    before = ""
    for token in body:
        if token.text == word and before != ".":
            yield token
        before = token.text


def flaws_of_rule(entry: Entry) -> Iterator[Flaw]:
    """Whatever keeps an allow, deny or obligation rule from being read, cited and trusted."""
    clause = entry.clause
    head, parameters = clause.head, clause.parameters
    if not entry.begins_line:
        yield Flaw(head.at, head.text, "a rule begins on a line of its own")
    elif not any(character.isalpha() for character in entry.comment):
        reason = "no sentence stands above this rule: say in a comment what it means"
        yield Flaw(head.at, head.text, reason)
    for token in _keywords("or", clause.body):
        yield Flaw(token.at, "or", "that is a second rule: write it with its own name")
    if head.text != "deny":
        for token in _keywords("not", clause.body):
            reason = "a missing attribute would satisfy it: only deny rules may use `not`"
            yield Flaw(token.at, "not", reason)
    if len(parameters) != 4:
        reason = f"has {len(parameters)} parameters: write `{head.text}{_FORM}`"
        yield Flaw(head.at, head.text, reason)
        return
    for i in (0, 2):
        if parameters[i].specializer is None:
            first = parameters[i].tokens[0]
            yield Flaw(first.at, first.text, "holds for everything: give it a class, `name: Class`")
    yield from _flaws_of_action(clause)
    yield from _flaws_of_name(clause)


def _flaws_of_action(clause: Clause) -> Iterator[Flaw]:
    action = clause.parameters[1]
    first = action.tokens[0]
    if action.string is not None:
        return
    if action.name is None or action.specializer not in (None, "String"):
        yield Flaw(first.at, first.text, "an action is a string, or a name that stands for one")
    elif clause.head.text == "allow" and not (actions_of(clause) or action.name in clause.passed):
        reason = (
            f'covers every action: list them with `{action.name} in ["…"]`, or hand the action to '
            "a predicate"
        )
        yield Flaw(first.at, first.text, reason)


def _flaws_of_name(clause: Clause) -> Iterator[Flaw]:
    name, first = name_of(clause), clause.parameters[3].tokens[0]
    if name is None:
        yield Flaw(first.at, first.text, "the fourth parameter is the rule's name, a string")
    elif not _KEBAB_CASE.fullmatch(name):
        yield Flaw(first.at, first.text, "a name is small words joined by hyphens: `users-read`")


def reused_names(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Flaw]]:
    """Each rule whose name another rule of its kind bore before it."""
    seen: dict[tuple[str, str], str] = {}
    for entry in entries:
        name, kind = name_of(entry.clause), entry.clause.head.text
        if name is None:
            continue
        if (kind, name) in seen:
            reason = f"another {kind} rule in {seen[kind, name]} bears this name: find its own"
            yield entry, Flaw(entry.clause.parameters[3].tokens[0].at, name, reason)
        seen.setdefault((kind, name), entry.file)


def misdirected_calls(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Flaw]]:
    """Calls of a predicate with a number of arguments that no rule of it takes.

    Polar says nothing and fails; under `not` it says nothing and holds.
    """
    entries = tuple(entries)
    arities: dict[str, set[int]] = {}
    for entry in entries:
        clause = entry.clause
        arities.setdefault(clause.head.text, set()).add(len(clause.parameters))
    for entry in entries:
        for call in entry.clause.calls:
            defined = arities.get(call.name.text)
            if defined and call.arity not in defined:
                takes = " or ".join(str(arity) for arity in sorted(defined))
                reason = f"is given {call.arity} arguments and takes {takes}"
                yield entry, Flaw(call.name.at, call.name.text, reason)


def recursions(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Flaw]]:
    """Each predicate that depends on itself: it may never end, and depth is Python's to climb."""
    entries = tuple(entries)
    callees = _callees(entries)
    # Whatever calls nothing that is left ends; what remains at last goes round in circles.
    while ending := {name for name, called in callees.items() if not called & callees.keys()}:
        callees = {name: called for name, called in callees.items() if name not in ending}
    for entry in entries:
        head = entry.clause.head
        if head.text in callees and any(call.name.text in callees for call in entry.clause.calls):
            reason = "depends on itself: a tree is climbed by a predicate such as `within`"
            yield entry, Flaw(head.at, head.text, reason)


def reached_negations(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Flaw]]:
    """Each `not` in a predicate that an allow or obligation rule depends on, however far away."""
    entries = tuple(entries)
    callees = _callees(entries)
    waiting = [name for kind in ("allow", "obligation") for name in callees.get(kind, ())]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(callees.get(name, ()))
    for entry in entries:
        if entry.clause.head.text in reached - {"allow", "obligation"}:
            for token in _keywords("not", entry.clause.body):
                reason = "an allow or obligation rule depends on it: only deny rules may use `not`"
                yield entry, Flaw(token.at, "not", reason)


def _callees(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """The predicates that the clauses of each name ask."""
    callees: dict[str, set[str]] = {}
    for entry in entries:
        called = {call.name.text for call in entry.clause.calls}
        callees.setdefault(entry.clause.head.text, set()).update(called)
    return callees
