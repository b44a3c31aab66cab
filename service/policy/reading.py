"""Bytes made into policy files that are safe to hand to the engine.

The engine's parser aborts the process on some inputs and runs others as code, so whatever it is
given has passed through here first. Nothing here imports the engine.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from service.errors import Problem
from service.policy import law
from service.policy.clauses import Clause, read_clause
from service.policy.statements import statements
from service.policy.tokens import (
    Flaw,
    Places,
    Token,
    flaws_of_text,
    tokens,
    with_plain_line_ends,
)

FILE_LIMIT = 256 * 1024
TOTAL_LIMIT = 1024 * 1024
RULES_LIMIT = 10_000
ALL_WORDS_LIMIT = 300_000  # far above what a megabyte of readable rules holds
PROBLEMS_LIMIT = 100  # in one file; more than that helps nobody

_FILE_NAME = re.compile(r"\w[\w.-]{0,99}(/\w[\w.-]{0,99}){0,9}", re.ASCII)


class PolicyFile(NamedTuple):
    """A file of the law: its text with plain line ends, and what the engine is given.

    INVARIANT (exact places): `ascii` is as long as `text`, character by character. The engine takes
    byte offsets for character offsets and aborts the process where the two differ.
    """

    name: str
    text: str
    ascii: str


class Reading:
    """The files read so far, and everything found wrong with them."""

    def __init__(self, given: Sequence[tuple[str, bytes]]) -> None:
        self.files: list[PolicyFile] = []
        self.problems: list[Problem] = []
        self._seen: dict[str, str] = {}
        self._places: dict[str, Places] = {}
        self._entries: list[law.Entry] = []
        self._rules = self._words = 0
        if not given:
            reason = "no policy files: without a law nothing can be decided"
            self.problems.append(Problem("policies", None, reason))
        elif sum(len(content) for _, content in given) > TOTAL_LIMIT:
            reason = f"all files together are larger than {TOTAL_LIMIT} bytes: remove some rules"
            self._refuse(given[-1][0], None, reason)
        else:
            self._read(given)

    def _read(self, given: Sequence[tuple[str, bytes]]) -> None:
        for name, content in given:
            self._read_text(name, content)
        for file in self.files:
            if self._rules <= RULES_LIMIT and self._words <= ALL_WORDS_LIMIT:
                self._read_rules(file)
        for entry, flaw in law.reused_names(self._entries):
            self._refuse_flaws(entry.file, [flaw])
        # With a clause missing, these two would blame its neighbours.
        if not self.problems:
            for check in (law.misdirected_calls, law.reached_negations, law.recursions):
                for entry, flaw in islice(check(self._entries), PROBLEMS_LIMIT):
                    self._refuse_flaws(entry.file, [flaw])

    def _read_text(self, name: str, content: bytes) -> None:
        if not _FILE_NAME.fullmatch(name):
            self._refuse(name, None, "no name of a policy file: use letters, digits, `_`, `-`, `.`")
        elif name in self._places:
            self._refuse(name, None, "two files bear this name: rename one")
        elif len(content) > FILE_LIMIT:
            reason = f"is larger than {FILE_LIMIT} bytes: divide the file by resource type"
            self._refuse(name, f"{len(content)} bytes", reason)
        else:
            text, flaws = _decoded(content)
            self._places[name] = Places(text)
            if flaws := flaws or list(islice(flaws_of_text(text), PROBLEMS_LIMIT)):
                self._refuse_flaws(name, flaws)
            else:
                self._keep(PolicyFile(name, text, re.sub(r"[^\x00-\x7f]", "?", text)))

    def _keep(self, file: PolicyFile) -> None:
        # The engine compares what it is given, in which `ä` and `ö` are the same.
        twin = self._seen.setdefault(file.ascii, file.name)
        if twin != file.name:
            self._refuse(file.name, None, f"reads like {twin} to the engine: remove one of the two")
        self.files.append(file)

    def _read_rules(self, file: PolicyFile) -> None:
        lines = file.text.split("\n")
        most = len(self.problems) + PROBLEMS_LIMIT
        for statement in statements(tokens(file.text)):
            self._rules += 1
            self._words += len(statement)
            if self._is_too_much(file, statement[0]):
                return
            clause = read_clause(statement)
            if isinstance(clause, Clause):
                self._judge(law.entry_of(file.name, clause, self._places[file.name], lines))
            else:
                self._refuse_flaws(file.name, clause)
            if len(self.problems) >= most:
                return

    def _judge(self, entry: law.Entry) -> None:
        self._entries.append(entry)
        if entry.clause.head.text in law.KINDS:
            self._refuse_flaws(entry.file, law.flaws_of_rule(entry))

    def _is_too_much(self, file: PolicyFile, first: Token) -> bool:
        for count, limit, what in (
            (self._rules, RULES_LIMIT, "rules"),
            (self._words, ALL_WORDS_LIMIT, "words"),
        ):
            if count > limit:
                reason = f"more than {limit} {what} in all files: give the engine facts instead"
                self._refuse_flaws(file.name, [Flaw(first.at, first.text, reason)])
                return True
        return False

    def _refuse_flaws(self, file: str, flaws: Iterable[Flaw]) -> None:
        for flaw in islice(flaws, PROBLEMS_LIMIT):
            line, column = self._places[file].of(flaw.at)
            self.problems.append(Problem(f"{file}:{line}:{column}", flaw.value, flaw.reason))

    def _refuse(self, file: str, value: str | None, reason: str) -> None:
        self.problems.append(Problem(f"{file}:1:1", value, reason))


def _decoded(content: bytes) -> tuple[str, list[Flaw]]:
    """The text, or as much of it as is UTF-8 and the flaw behind it."""
    try:
        return with_plain_line_ends(content.decode()), []
    except UnicodeDecodeError as error:
        before = with_plain_line_ends(content[: error.start].decode())
        byte = f"0x{content[error.start]:02x}"
        return before, [Flaw(len(before), byte, "is not UTF-8: save the file as UTF-8")]
