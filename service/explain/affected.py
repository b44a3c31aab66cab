"""What a change of the facts can be felt by: everything in whose support something has changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.layers import may_differ
from service.domain.records import OrganizationRecord, Record, SubscriptionRecord, UserRecord
from service.domain.schema import ANY_KIND, PLAIN_KINDS, Schema


def affected(before: Directory, after: Directory, schema: Schema) -> set[Key]:
    """The keys of all entities whose support differs between two directories, and some more."""
    found = set(_differing(before, after))
    _spread(found, (before, after), schema, None)
    return found


def reaching(
    places: Iterable[str], directory: Directory, schema: Schema, limit: int
) -> frozenset[Key] | None:
    """The keys of all entities that can reach one of these organizations, and some more; None if
    they are more than `limit`."""
    found = {("organization", name) for name in places}
    return frozenset(found) if _spread(found, (directory,), schema, limit) else None


def _spread(
    found: set[Key], directories: Sequence[Directory], schema: Schema, limit: int | None
) -> bool:
    """Add whatever can reach what is found; False if that was given up at the limit."""
    relations = _relations(schema)
    pending = list(found)
    while pending:
        if limit is not None and len(found) > limit:
            return False
        key = pending.pop()
        for directory in directories:
            for other in _feeling(directory, key, relations.get(key[0], relations[ANY_KIND])):
                if other not in found:
                    found.add(other)
                    pending.append(other)
    return True


def _differing(before: Directory, after: Directory) -> Iterator[Key]:
    for kind in {**before.kinds, **after.kinds}:
        old, new = before.kinds.get(kind, {}), after.kinds.get(kind, {})
        if old is new:  # as all kinds are of which no record was put or removed
            continue
        for name in may_differ(old, new):
            was, record = old.get(name), new.get(name)
            if was is record:
                continue
            if was is None or record is None or _seen(was) != _seen(record):
                yield kind, name


def _seen(record: Record) -> Record:
    """The record without what no rule can read: names are for people."""
    named = isinstance(record, OrganizationRecord | UserRecord)
    return replace(record, name="") if named else record


def _feeling(directory: Directory, key: Key, relations: Sequence[str]) -> Iterator[Key]:
    """Whatever points to this record, and the account that has bought it."""
    for relation in relations:
        yield from directory.linked(key, relation)
    if key[0] == "subscription":
        record = directory.get(key)
        if isinstance(record, SubscriptionRecord):
            yield "organization", record.organization


def _relations(schema: Schema) -> dict[str, list[str]]:
    """As what anything can point to an entity, by its kind."""
    named = attribute_relations(schema)
    holds = [f"holds {kind}" for kind in schema.types]
    tree = ["parent", "member", "partner", "subscription", "share target"]
    return {
        "organization": [*tree, *holds, *named],
        "subscription": ["mapped", *named],
        ANY_KIND: named,
    }


def attribute_relations(schema: Schema) -> list[str]:
    """As what a resource points to those whom its attributes name."""
    names = {
        attribute.name
        for known in schema.types.values()
        for attribute in known.attributes.values()
        if attribute.kind not in PLAIN_KINDS
    }
    return [f"attribute {name}" for name in sorted(names)]
