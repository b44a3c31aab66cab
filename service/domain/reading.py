"""What a policy may read, and how: the allow-list stands on the values themselves.

A policy file is text from outside the house. It reaches nothing of a value but what is marked here
with `fact` (read without a call) or `predicate` (called), and every read either has a value or
raises. There is no silent None: under `not`, Polar would take it for a permission.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple


class MissingAttribute(Exception):
    """A policy read something that this value does not have, or that points to nothing.

    `dangling` tells the two apart: a value is there, but names nothing in the world.
    """

    def __init__(self, owner: "Readable", name: str, dangling: bool = False):
        what = "names nothing in the world" if dangling else "is absent"
        super().__init__(f"`{name}` of {owner!r} {what}")
        self.owner = owner
        self.name = name
        self.dangling = dangling


class Read(NamedTuple):
    """One entry of an allow-list."""

    name: str
    kind: str
    """What comes back: "boolean", "string", a type of entity, or "any"."""
    called: bool
    sentence: str
    parameters: tuple[str, ...] = ()
    """The class of each value that a call takes, by name."""
    says: str = ""
    """An answer in words: `{it}` is whose it is, `{0}` what a call was given, `{value}` the answer.
    """
    otherwise: str = ""
    """The words where the answer is false, or the name of nothing; empty: `says` speaks of all."""
    foreign: bool = False
    """Whether the answer is text that callers or customers write, and may speak of people."""


def fact(kind: str, says: str, otherwise: str = "") -> Callable[[Callable], property]:
    """Let policies read this as an attribute of the given kind; see Read for the words."""

    def mark(function: Callable) -> property:
        function.polar_read = Read(
            function.__name__, kind, False, _first_sentence(function), (), says, otherwise
        )
        return property(function)

    return mark


def predicate(
    says: str, otherwise: str = "", kind: str = "boolean"
) -> Callable[[Callable], Callable]:
    """Let policies call this; what comes back is of the given kind. See Read for the words."""

    def mark(function: Callable) -> Callable:
        sentence, classes = _first_sentence(function), _classes(function)
        function.polar_read = Read(
            function.__name__, kind, True, sentence, classes, says, otherwise
        )
        return function

    return mark


def _classes(function: Callable) -> tuple[str, ...]:
    given = {name: kind for name, kind in function.__annotations__.items() if name != "return"}
    return tuple(kind if isinstance(kind, str) else kind.__name__ for kind in given.values())


def _first_sentence(function: Callable) -> str:
    return " ".join((function.__doc__ or "").split("\n\n")[0].split())


class Readable:
    """A value that policies may read, by the names in `READS` and no others.

    Policies declare names of their own on values, in small letters. So what belongs to a class
    stands in capitals here, and what belongs to a value behind an underscore, out of their way.
    """

    __slots__ = ()
    READS: ClassVar[Mapping[str, Read]] = {}
    PRESENT: ClassVar[Mapping[str, Callable[[Any], bool]]] = {}
    """For some of these names, a quicker way to see whether reading would find a value."""
    FIELDS: ClassVar[tuple[str, ...]] = ()
    """What it consists of, in the order in which its class takes it. Compiled plans keep the parts
    at hand, and make the value only for those who ask for all of it."""

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        own = {}
        for name, member in vars(cls).items():
            function = member.fget if isinstance(member, property) else member
            marked = getattr(function, "polar_read", None)
            if marked is not None:
                own[name] = marked._replace(name=name)
        cls.READS = {**cls.READS, **own}

    @predicate("{it} has a {0}", "{it} has no {0}")
    def has(self, name: str) -> bool:
        """Whether it has a value for the optional attribute of this name."""
        if name not in type(self).READS:
            raise MissingAttribute(self, name)
        is_present = type(self).PRESENT.get(name)
        if is_present is not None:
            return is_present(self)
        try:
            getattr(self, name)
        except MissingAttribute as missing:
            return missing.dangling
        return True


Readable.READS = {"has": Readable.has.polar_read}
