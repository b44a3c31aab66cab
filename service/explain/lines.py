"""The forms of organizations: each with all above it, and with what its account has bought."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.domain.records import SubscriptionRecord

Names = dict[Hashable, int]
"""What has been met so far, numbered in the order in which it was."""


class Lines:
    """The lines of a directory beside these fixed organizations, which alone keep their ids."""

    def __init__(
        self, directory: Directory, fixed: frozenset[str], numbers: dict[Hashable, int] | None
    ):
        self._directory = directory
        self._tree = directory.organizations
        self._fixed = fixed
        self._numbers = {} if numbers is None else numbers
        self._numbered: dict[str, int] = {}

    def number(self, name: str) -> int:
        """A number for the form of an organization and all above it, met before anything else."""
        number = self._numbered.get(name)
        if number is None:
            place = self._tree[name]
            at_account = len(place.path) == ACCOUNT_LEVEL
            form = (
                self.number(place.path[-2]) if len(place.path) > 1 else None,
                name if name in self._fixed else None,
                (place.kind, place.status, place.subscription_required),
                self._bought(place.path, {}) if at_account else None,
            )
            number = self._numbered[name] = self._numbers.setdefault(form, len(self._numbers))
        return number

    def met(self, name: str, names: Names) -> Hashable:
        """The form of an organization and all above it, met after `names`, which grow by them."""
        path = self._tree[name].path
        line = [self._tree[each] for each in path]
        places = tuple(
            (self._name(each.key[1], names), each.kind, each.status, each.subscription_required)
            for each in line
        )
        return places, self._bought(path, names)

    def term(self, record: SubscriptionRecord, names: Names) -> Hashable:
        """The form of a subscription without the account that has bought it."""
        number = names.setdefault(record.key, len(names))
        return number, replace(record, key=("", ""), organization="", entitlements=0)

    def spelled(self, name: str, known: Sequence[str]) -> Hashable:
        """An organization, by its id or by its place among what is known."""
        return name if name in self._fixed else known.index(name)

    def _name(self, name: str, names: Names) -> Hashable:
        return name if name in self._fixed else names.setdefault(name, len(names))

    def _bought(self, path: tuple[str, ...], names: Names) -> Hashable:
        if len(path) < ACCOUNT_LEVEL:
            return ()
        keys = self._directory.linked(("organization", path[ACCOUNT_LEVEL - 1]), "subscription")
        found = [self._directory.records[key] for key in keys]
        found.sort(key=lambda record: (record.starts, record.key))
        return tuple(self.term(record, names) for record in found)
