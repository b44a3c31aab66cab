"""What a change of the facts can be felt by: everything in whose support something has changed."""

from collections.abc import Iterator

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import SubscriptionRecord
from service.domain.schema import PLAIN_KINDS, Schema


def affected(before: Directory, after: Directory, schema: Schema) -> set[Key]:
    """The keys of all entities whose support differs between two directories, and some more."""
    relations = tuple(_relations(schema))
    found = set(_differing(before, after))
    pending = list(found)
    while pending:
        key = pending.pop()
        for directory in (before, after):
            for other in _feeling(directory, key, relations):
                if other not in found:
                    found.add(other)
                    pending.append(other)
    return found


def _differing(before: Directory, after: Directory) -> Iterator[Key]:
    old, new = before.records, after.records
    for key, record in new.items():
        known = old.get(key)
        if known is not record and known != record:
            yield key
    yield from (key for key in old if key not in new)


def _feeling(directory: Directory, key: Key, relations: tuple[str, ...]) -> Iterator[Key]:
    """Whatever points to this record, and the account that has bought it."""
    for relation in relations:
        yield from directory.linked(key, relation)
    record = directory.records.get(key)
    if isinstance(record, SubscriptionRecord):
        yield "organization", record.organization


def _relations(schema: Schema) -> Iterator[str]:
    yield from ("parent", "member", "partner", "subscription", "mapped", "share target")
    yield from (f"holds {kind}" for kind in schema.types)
    names = {
        attribute.name
        for known in schema.types.values()
        for attribute in known.attributes.values()
        if attribute.kind not in PLAIN_KINDS
    }
    yield from (f"attribute {name}" for name in sorted(names))
