"""The nearest allow: the smallest sets of changes after which a denied request is allowed.

Every set that is named has been tried, by the engine itself, on the facts as they would be. And
every smaller set of the candidate space has been tried and denies: sets are tried by size, all of
one size before any of the next. A search that ends before its time says so, and up to which size it
came: of larger sets it claims nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from service.domain.records import UserRecord
from service.explain.neighbourhood import Neighbourhood
from service.explain.trials import Option, Trial, ordered

LARGEST_SET = 3


class Nearest(NamedTuple):
    """The smallest sets that allow, those that give away least before others."""

    sets: tuple[tuple[Option, ...], ...]
    searched: int
    """Every set of at most so many options has been tried, or needs none that has."""
    trials: int
    complete: bool = True
    """Otherwise some sets of the next size have not been tried, and may allow as well."""


def nearest(
    trial: Trial,
    near: Neighbourhood,
    options: Sequence[Option],
    largest: int = LARGEST_SET,
) -> Nearest:
    """The smallest sets of `options` under which the request is allowed.

    Of sets that differ only by a higher role, only the one with the lowest is named. A size that
    the trial is exhausted in the midst of counts as not searched.
    """
    slots: dict[object, list[Option]] = {}
    for option in options:
        slots.setdefault(option.slot, []).append(option)
    held = set()
    if isinstance(near.subject, UserRecord):
        held = {name for name, _ in near.subject.memberships}
    for size in range(1, largest + 1):
        found = []
        for chosen in _sets(list(slots.values()), size):
            if not _is_possible(chosen, held, near):
                continue
            if trial.exhausted:
                return Nearest(tuple(_least(found)), size - 1, trial.count, complete=False)
            if trial.allows(chosen):
                found.append(chosen)
        if found:
            return Nearest(tuple(_least(found)), size, trial.count)
    return Nearest((), largest, trial.count)


def _sets(slots: Sequence[Sequence[Option]], size: int) -> Iterator[tuple[Option, ...]]:
    """Every set of so many options, no two of one slot."""
    for chosen in combinations(slots, size):
        yield from _choices(chosen)


def _choices(slots: Sequence[Sequence[Option]]) -> Iterator[tuple[Option, ...]]:
    if not slots:
        yield ()
        return
    for first in slots[0]:
        for rest in _choices(slots[1:]):
            yield (first, *rest)


def _is_possible(chosen: tuple[Option, ...], held: set[str], near: Neighbourhood) -> bool:
    """Whether nobody would act for an organization of which he is no member.

    Such a request is denied whatever else is changed (`not-a-member`), so it need not be tried.
    """
    wanted = next((each.acts_for for each in chosen if each.acts_for is not None), None)
    if wanted is None or wanted in held or near.subject is None:
        return True
    return any(
        each.slot == ("member", near.subject.key[1]) and each.change["organization"] == wanted
        for each in chosen
    )


def _least(found: Sequence[tuple[Option, ...]]) -> list[tuple[Option, ...]]:
    """The sets in order, each without those that differ from it by a higher role alone."""
    kept: dict[object, tuple[Option, ...]] = {}
    for chosen in ordered(found):
        kept.setdefault(frozenset(map(_but_for_the_role, chosen)), chosen)
    # First what is changed, then what is asked otherwise: nobody switches before he is a member.
    return [tuple(sorted(each, key=lambda option: option.change is None)) for each in kept.values()]


def _but_for_the_role(option: Option) -> object:
    if option.change is not None and option.change["op"] == "grant_membership":
        return option.slot, option.change["organization"]
    return option.slot, option.words
