"""Who pays: the level-2 account of any organization, and everybody who works in it."""

from collections.abc import Iterator

from service.domain.directory import Directory
from service.domain.entities import ACCOUNT_LEVEL
from service.domain.records import OrganizationRecord, UserRecord
from service.errors import NoAccount, NotAnAccount, UnknownEntity


def organization_record(directory: Directory, name: str) -> OrganizationRecord:
    """The organization of this id. Raises UnknownEntity."""
    record = directory.get(("organization", name))
    if not isinstance(record, OrganizationRecord):
        raise UnknownEntity("organization", name)
    return record


def paying_account(directory: Directory, organization: str) -> OrganizationRecord:
    """The account that pays for an organization: at level 2 the organization itself (S1-10).

    Raises:
        UnknownEntity: there is no such organization.
        NoAccount: it stands at level 1, and nobody pays for it.
    """
    path = organization_record(directory, organization).path
    if len(path) < ACCOUNT_LEVEL:
        raise NoAccount(organization)
    return organization_record(directory, path[ACCOUNT_LEVEL - 1])


def account_itself(directory: Directory, organization: str) -> OrganizationRecord:
    """This organization, which is an account. Raises UnknownEntity, NotAnAccount."""
    record = organization_record(directory, organization)
    if len(record.path) != ACCOUNT_LEVEL:
        above = record.path[ACCOUNT_LEVEL - 1] if len(record.path) > ACCOUNT_LEVEL else None
        raise NotAnAccount(organization, above)
    return record


def people_of(directory: Directory, account: str) -> Iterator[tuple[UserRecord, tuple[str, ...]]]:
    """Whoever is a member of the account or of what lies below it, and where; in order of id.

    Each person comes once, however many memberships there are (S1-10).
    """
    places = set(directory.subtree(account))
    found = {
        key[1]
        for place in places
        for key in directory.linked(("organization", place), "member")
        if key[0] == "user"
    }
    for name in sorted(found):
        record = directory.records["user", name]
        yield record, tuple(sorted(place for place, _ in record.memberships if place in places))
