"""What an organization holds: its own resources, and those whose shares reach it from above.

Found from the links of the directory, in time proportional to the answer: who owns what, who shares
with all below, who is named by a share. The world is never walked.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.domain.records import (
    SHARED_WITH_CHILDREN,
    SHARED_WITH_DESCENDANTS,
    ResourceRecord,
    Share,
)
from service.domain.sharing import in_force, reached_through

OWN, INHERITED, EVERYTHING = "own", "inherited", "all"
SOURCES = (INHERITED, OWN, EVERYTHING)

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)


class Holding(NamedTuple):
    """A resource that an organization owns, or has part in by a share."""

    key: Key
    owner: str
    share: Share | None = None
    """Of the shares in force that reach the organization, the one that lasts longest."""
    via: str | None = None
    """The organization that this share names, or the owner where it is shared with all."""
    since: datetime | None = None
    """Since when a share has reached it without a gap; None if that has no beginning."""
    until: datetime | None = None
    """When for the first time no share will reach it; None if one lasts for ever."""

    @property
    def source(self) -> str:
        """OWN or INHERITED."""
        return OWN if self.share is None else INHERITED


def holdings(
    moment: Moment,
    organization: str,
    source: str = INHERITED,
    kind: str | None = None,
    after: Key | None = None,
) -> Iterator[Holding]:
    """What the organization holds at that moment, by type and id, beginning behind `after`.

    `organization` must be in the world; `source` is one of SOURCES, `kind` a type of resource.
    """
    directory = moment.directory
    path = directory.records["organization", organization].path
    kinds = moment.vocabulary.schema.types if kind is None else (kind,)
    own: set[Key] = set()
    if source in (OWN, EVERYTHING):
        owner = ("organization", organization)
        own.update(chain(*(directory.linked(owner, f"holds {each}") for each in kinds)))
    found = set(own)
    if source in (INHERITED, EVERYTHING):
        found.update(key for key in _shared_above(directory, path) if key[0] in kinds)
    for key in sorted(found if after is None else (key for key in found if key > after)):
        if key in own:
            yield Holding(key, organization)
        elif holding := inherited(moment, directory.records[key], path):
            yield holding


def _shared_above(directory: Directory, path: tuple[str, ...]) -> Iterator[Key]:
    """Every resource with a share that may reach the last organization of `path`, and some more."""
    for name in path[:-1]:
        yield from directory.linked(("organization", name), SHARED_WITH_DESCENDANTS)
    for name in path[-2:-1]:
        yield from directory.linked(("organization", name), SHARED_WITH_CHILDREN)
    # What names an organization in between reaches this one if it is shared with descendants.
    for name in path[1:]:
        yield from directory.linked(("organization", name), "share target")


def inherited(moment: Moment, record: ResourceRecord, path: tuple[str, ...]) -> Holding | None:
    """How the last organization of `path` has part in a resource from above; None if not."""
    reaching = {
        share: via
        for share in record.shares
        if (via := reached_through(share, record.organization, path)) is not None
    }
    stretch = unbroken(reaching, moment.now)
    if stretch is None:
        return None
    now_in_force = (share for share in reaching if in_force(share, moment.now))
    shown = max(now_in_force, key=lambda share: (_end(share), share.targets is None))
    since, until = stretch
    return Holding(
        record.key,
        record.organization,
        shown,
        reaching[shown],
        None if since == _ALWAYS else since,
        None if until == _FOREVER else until,
    )


def unbroken(shares: Iterable[Share], now: datetime) -> tuple[datetime, datetime] | None:
    """The time without a gap, around `now`, in which at least one share is in force; else None.

    A share that begins when another ends, or before, prolongs it.
    """
    since = until = _ALWAYS
    for share in sorted(shares, key=_begin):
        if _begin(share) > until:
            if now < until:
                break
            since = _begin(share)
        until = max(until, _end(share))
    return (since, until) if since <= now < until else None


def _begin(share: Share) -> datetime:
    return share.valid_from or _ALWAYS


def _end(share: Share) -> datetime:
    return share.valid_until or _FOREVER
