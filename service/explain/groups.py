"""Subjects, or resources, put together because rules cannot tell them apart."""

from itertools import chain, repeat
from typing import Any

from service.domain.identifiers import Key
from service.explain.questions import Resource, Subject


class Group:
    """Subjects, or resources, that rules cannot tell apart; each is made when somebody asks."""

    __slots__ = ("_members", "keys", "makes", "places")

    def __init__(self, makes: type[Any], keys: list[Key], places: list[str] | None = None):
        """`places` are what each acts for, or where it is described; None if it is neither."""
        self.makes = makes
        self._members: tuple[Any, ...] | None = None
        self.keys = keys
        self.places = places

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def first(self) -> Any:
        """One of them."""
        return self.makes(self.keys[0], self.places[0] if self.places else None)

    @property
    def members(self) -> tuple[Any, ...]:
        """Each of them."""
        if self._members is None:
            self._members = tuple(map(self.makes, self.keys, self.places or repeat(None)))
        return self._members


def of_one(member: Subject | Resource) -> Group:
    """The group of one subject, or resource."""
    key, place = member
    return Group(type(member), [key], None if place is None else [place])


def joined(groups: list[Group]) -> Group:
    """The members of all of these, which are of one kind."""
    if len(groups) == 1:
        return groups[0]
    places = None
    if groups[0].places is not None:
        places = list(chain.from_iterable(each.places or () for each in groups))
    keys = list(chain.from_iterable(each.keys for each in groups))
    return Group(groups[0].makes, keys, places)
