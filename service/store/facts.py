"""The facts in the database: read whole, read as of a revision, brought forward, written."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

import sqlalchemy as sa

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.records import OrganizationRecord, Record
from service.domain.schema import Schema
from service.errors import InvalidWorld, Problem, UnusableStore
from service.store.database import Database, Row
from service.store.rows import RowReader
from service.store.tables import facts, history

ROWS_AT_ONCE = 5_000
_NO_ROW = (ValueError, TypeError, LookupError, AttributeError)

_STREAM = {"yield_per": ROWS_AT_ONCE}

Rows = Mapping[Key, str]


def read(
    connection: sa.Connection, schema: Schema, levels: int, revision: int
) -> dict[Key, Record]:
    """The records of all facts at `revision`, which has been written.

    Raises:
        InvalidWorld: the policies, or the number of levels, no longer fit what is stored.
    """
    current = sa.select(facts.c.kind, facts.c.id, facts.c.document).where(facts.c.since <= revision)
    earlier = (
        sa.select(history.c.kind, history.c.id, history.c.document)
        .where(history.c.until > revision)
        .where(history.c.since <= revision)
    )
    records: dict[Key, Record] = {}
    for query in (current, earlier):
        for record in _records(connection, query, schema, levels):
            records[record.key] = record
    return records


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Millions of values are made here and none is garbage: looking for it only takes time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def changed_since(connection: sa.Connection, directory: Directory, schema: Schema) -> Directory:
    """The facts as they are now, made from those at an earlier revision; its number is unchanged.

    Costs in proportion to how many entities have changed, however often each of them did.
    """
    put = sa.select(facts.c.kind, facts.c.id, facts.c.document).where(
        facts.c.since > directory.revision
    )
    gone = (
        sa.select(history.c.kind, history.c.id)
        .distinct()
        .where(history.c.until > directory.revision)
        .where(~sa.exists().where(facts.c.kind == history.c.kind).where(facts.c.id == history.c.id))
    )
    for kind, name in connection.execute(gone).all():
        if directory.get((kind, name)) is not None:  # else it came and went in the meantime
            directory = directory.remove((kind, name))
    return directory.put(list(_records(connection, put, schema, directory.levels)))


def mostly_changed(connection: sa.Connection, directory: Directory) -> bool:
    """Whether so much has changed since these facts that to read all anew costs less."""
    limit = max(len(directory.records) // 2, ROWS_AT_ONCE)
    for moved in (facts.c.since, history.c.until):
        some = sa.select(moved).where(moved > directory.revision).limit(limit).subquery()
        if connection.scalar(sa.select(sa.func.count()).select_from(some)) == limit:
            return True
    return False


def _records(
    connection: sa.Connection, query: sa.Select, schema: Schema, levels: int
) -> Iterator[Record]:
    reader = RowReader(schema)
    found = connection.execute(query, execution_options=_STREAM)
    for kind, name, document in found:
        try:
            record = reader.record(kind, name, document)
        except _NO_ROW:
            raise UnusableStore(f"the row of {kind} `{name}` is damaged") from None
        if record is None:
            continue
        if type(record) is OrganizationRecord and len(record.path) > levels:
            reason = f"stands at level {len(record.path)}; the last level is {levels}"
            reader.problems.append(Problem(f"organizations.{name}", None, reason))
        yield record
    if reader.problems:
        raise InvalidWorld(reader.problems)


def write(database: Database, connection: sa.Connection, revision: int, before: Rows, after: Rows):
    """Put the rows `after` in the place of the rows `before`, as of `revision`.

    Both hold only what differs: a key of both is an entity that changed.

    Raises:
        UnusableStore: the database does not hold what `before` says.
    """
    for part in _parts(before):
        old = database.staged(part)
        here = (facts.c.kind == old.c.kind) & (facts.c.id == old.c.id)
        was = sa.select(
            facts.c.kind, facts.c.id, facts.c.since, sa.literal(revision), facts.c.document
        ).select_from(old.join(facts, here))
        columns = ["kind", "id", "since", "until", "document"]
        _expect(connection.execute(sa.insert(history).from_select(columns, was)), part)
        named = sa.tuple_(facts.c.kind, facts.c.id).in_(sa.select(old.c.kind, old.c.id))
        _expect(connection.execute(sa.delete(facts).where(named)), part)
    for part in _parts(after):
        new = database.staged(part)
        is_now = sa.select(new.c.kind, new.c.id, sa.literal(revision), new.c.document)
        columns = ["kind", "id", "since", "document"]
        _expect(connection.execute(sa.insert(facts).from_select(columns, is_now)), part)


def _parts(rows: Rows) -> Iterator[list[Row]]:
    """The rows in the order of their key, so many at a time that no limit of a driver is near.

    A large world is thereby written from front to back.
    """
    ordered = ((kind, name, row) for (kind, name), row in sorted(rows.items()))
    while part := list(islice(ordered, ROWS_AT_ONCE)):
        yield part


def _expect(result: sa.CursorResult, part: list[Row]) -> None:
    # A write that reached fewer rows than it was given must never pass for one that succeeded.
    if result.rowcount != len(part):
        raise UnusableStore(f"a write reached {result.rowcount} rows instead of {len(part)}")
