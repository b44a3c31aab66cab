"""Reports: which organizations one covers. What stands in it, its maker knows (S1-12, S1-39)."""

from collections.abc import Sequence
from typing import NamedTuple

from service.domain.accounts import organization_record
from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.errors import InvalidRequest, Problem


class Scope(NamedTuple):
    """An exact filter of rows: those of these organizations and of no other."""

    organization: str
    organizations: tuple[str, ...]
    account: str | None
    """The one account in which all of them lie; None where it is a platform's own level."""


def report(directory: Directory, organization: str, wanted: Sequence[str] | None) -> Scope:
    """What a report of `organization` covers: itself and all below, or exactly those `wanted`.

    An organization that is wanted stands for itself alone, not for what lies below it, so that the
    reports of single organizations add up to the whole one. None wants the whole. The order is that
    of the tree, or that of the filter without repetitions.

    Raises:
        UnknownEntity: there is no such organization.
        InvalidRequest: one of those wanted lies outside, or they lie in two accounts, or none is
            named. The whole is refused: what is left would look complete (DC-9b).
    """
    organization_record(directory, organization)
    if wanted is None:
        names = tuple(directory.subtree(organization))
    else:
        names = tuple(dict.fromkeys(wanted))
        _refuse_outside(directory, organization, wanted)
    return Scope(organization, names, _one_account(directory, names))


def _refuse_outside(directory: Directory, organization: str, wanted: Sequence[str]) -> None:
    problems = [] if wanted else [Problem("filter", None, "names nothing; leave it out for all")]
    for index, name in enumerate(wanted):
        record = directory.get(("organization", name))
        if record is None or organization not in record.path:
            reason = f"does not lie in `{organization}`, so that nothing is reported"
            problems.append(Problem(f"filter[{index}]", name, reason))
    if problems:
        raise InvalidRequest(problems)


def _one_account(directory: Directory, names: Sequence[str]) -> str | None:
    accounts = dict.fromkeys(
        path[ACCOUNT_LEVEL - 1]
        for path in (organization_record(directory, name).path for name in names)
        if len(path) >= ACCOUNT_LEVEL
    )
    if len(accounts) > 1:
        first, second, *_ = accounts
        reason = f"reaches into two accounts, `{first}` and `{second}`; ask for each by itself"
        raise InvalidRequest([Problem("filter", None, reason)])
    return next(iter(accounts), None)
