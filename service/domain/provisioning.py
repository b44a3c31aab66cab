"""Before a subscription is added: what the tenant's earlier ones bind, and what would fit them.

Whether it may be added the policies decide (`add_subscription`). Plan and hybrid bind nobody
(S2-28, S2-29); the type and the telephony option do (S2-19, S2-33).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple

from service.domain.directory import Directory
from service.domain.records import SUBSCRIPTION_TYPES
from service.domain.subscriptions import subscriptions_of

TYPE, TELEPHONY = "type", "telephony"


class Binding(NamedTuple):
    """What every further subscription of a tenant must have, and which earlier ones demand it."""

    field: str
    value: str
    by: tuple[str, ...]
    until: datetime | None
    """When for the last time one of them ends and no longer binds; None: ended ones bind too."""


def bindings(directory: Directory, account: str, now: datetime) -> tuple[Binding, ...]:
    """What the subscriptions of the account bind at that time; empty before there is any.

    The type is bound by those that have not ended, the telephony option by the first that ever
    chose one.
    """
    bought = subscriptions_of(directory, account)
    found = []
    lasting = [record for record in bought if now < record.ends]
    if lasting:
        names = tuple(record.key[1] for record in lasting)
        found.append(Binding(TYPE, lasting[0].type, names, max(each.ends for each in lasting)))
    first = next((record for record in bought if record.telephony is not None), None)
    if first is not None:
        found.append(Binding(TELEPHONY, first.telephony, (first.key[1],), None))
    return tuple(found)


def alternatives(wanted: Mapping[str, Any], bound: tuple[Binding, ...]) -> Iterator[dict[str, Any]]:
    """What could be asked for instead, that which differs least from what is wanted first.

    Each differs in the type, in the telephony option, or in both; nothing else is touched.
    """
    choices: dict[str, list[Any]] = {TYPE: [], TELEPHONY: []}
    for binding in bound:
        choices[binding.field].append(binding.value)
    choices[TYPE] = choices[TYPE] or list(SUBSCRIPTION_TYPES)
    other = {
        field: [value for value in values if value != wanted.get(field)]
        for field, values in choices.items()
    }
    for count in (1, 2):
        for fields in combinations(other, count):
            yield from _changed(wanted, fields, other)


def _changed(
    wanted: Mapping[str, Any], fields: tuple[str, ...], other: Mapping[str, list[Any]]
) -> Iterator[dict[str, Any]]:
    if not fields:
        yield dict(wanted)
        return
    for value in other[fields[0]]:
        yield from _changed({**wanted, fields[0]: value}, fields[1:], other)
