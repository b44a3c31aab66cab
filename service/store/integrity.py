"""Whether a database holds what a store would have written: for operators, and after a crash."""

from collections.abc import Iterator

import sqlalchemy as sa

from service.store import log
from service.store.tables import facts, head, history


def problems(connection: sa.Connection) -> Iterator[str]:
    """Everything that no sequence of writes could have left behind; nothing when all is well."""
    yield from _of_file(connection)
    yield from _of_log(connection)
    newest = sa.select(head.c.revision).scalar_subquery()
    for what, wrong in (
        ("facts from no revision that was written", (facts.c.since < 1) | (facts.c.since > newest)),
        ("history that ends before it begins", history.c.until <= history.c.since),
        ("history from no revision that was written", history.c.since < 1),
        ("history that ends in the future", history.c.until > newest),
    ):
        if count := connection.scalar(sa.select(sa.func.count()).where(wrong)):
            yield f"{count} rows of {what}"
    if count := connection.scalar(_overlaps()):
        yield f"{count} entities that were two things at one revision"


def _of_file(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield line


def _of_log(connection: sa.Connection) -> Iterator[str]:
    newest = log.newest(connection)
    revision, mark = 0, newest.epoch
    for row in log.rows(connection):
        if row["revision"] != revision + 1:
            yield f"the log has {row['revision']} after {revision}"
        mark = log.marked(mark, row)
        if row["mark"] != mark:
            yield f"the entry of revision {row['revision']} is not what was written"
            mark = row["mark"]  # so that the entries after it are judged by themselves
        revision = row["revision"]
    if (revision, mark) != (newest.revision, newest.mark):
        yield f"the head is at {newest.revision}, and the log ends at {revision}"


def _overlaps() -> sa.Select:
    """How many rows, past or present, hold on after the entity's next row has begun."""
    rows = sa.union_all(
        sa.select(history.c.kind, history.c.id, history.c.since, history.c.until),
        sa.select(facts.c.kind, facts.c.id, facts.c.since, sa.null()),
    ).subquery()
    following = sa.func.lead(rows.c.since).over(
        partition_by=(rows.c.kind, rows.c.id), order_by=rows.c.since
    )
    each = sa.select(rows.c.until, following.label("following")).subquery()
    ends_late = (each.c.until > each.c.following) | (each.c.until.is_(None))
    return (
        sa.select(sa.func.count())
        .select_from(each)
        .where(each.c.following.is_not(None))
        .where(ends_late)
    )
