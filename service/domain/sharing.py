"""Downstream sharing: when a share is in force, and whom it reaches (requirements 2.6)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from service.domain.records import OrganizationRecord, Share


def in_force(share: Share, now: datetime) -> bool:
    """Whether the share has begun and has not ended; its end is exclusive."""
    begun = share.valid_from is None or share.valid_from <= now
    return begun and (share.valid_until is None or now < share.valid_until)


def reached_through(share: Share, owner: str, path: tuple[str, ...]) -> str | None:
    """Through whom a share of `owner` reaches exactly the last one of `path`; None if it does not.

    That is the owner where it is shared with all, else the organization that the share names: the
    last one of the path itself, or the nearest above it whose descendants have part in it.
    """
    above = path[:-1]
    if owner not in above:
        # INVARIANT (shares flow down): nothing beside or above its owner has part in it.
        return None
    if share.targets is None:
        return owner if share.descendants or owner == above[-1] else None
    between = path[above.index(owner) + 1 :] if share.descendants else path[-1:]
    for name in reversed(between):
        if name in share.targets:
            return name
    return None


def names_one_below(
    shares: Iterable[Share],
    name: str,
    organizations: Mapping[str, OrganizationRecord],
    lies_in: Callable[[datetime | None, datetime | None], bool],
) -> bool:
    """Whether a share in force lists an organization below the one of this name.

    What reaches one below by `all` reaches this one too, so that only lists are asked.
    """
    for share in shares:
        if share.targets and lies_in(share.valid_from, share.valid_until):
            for target in share.targets:
                if name in organizations[target].path[:-1]:
                    return True
    return False
