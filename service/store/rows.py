"""How a record is spelled in a row: one JSON object, what is usual left out.

Rows come from records that were checked when they were written, so reading one is quick and checks
only what may have changed since: whether the types that the policies declare still fit.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from service.domain import entries
from service.domain.directory import Directory
from service.domain.entries import TERMS
from service.domain.identifiers import Key, parse_moment, reference, spell_moment
from service.domain.records import (
    NO_ATTRIBUTES,
    Link,
    OrganizationRecord,
    PartnerRecord,
    Record,
    ResourceRecord,
    Share,
    SubscriptionRecord,
    UserRecord,
)
from service.domain.schema import Schema
from service.errors import Problem

Fields = Mapping[str, Any]


def spelled(record: Record) -> str:
    """The row of a record. Equal rows are equal records."""
    write = _WRITERS.get(type(record), _resource)
    fields = {name: value for name, value in write(record).items() if value or value is False}
    return orjson.dumps(fields).decode()


def _organization(record: OrganizationRecord) -> Fields:
    return {
        "name": record.name,
        "kind": record.kind,
        "status": record.status if record.status != "active" else None,
        "subscription_required": record.subscription_required or None,
        "above": record.path[:-1],
    }


def _user(record: UserRecord) -> Fields:
    return {
        "name": record.name,
        "type": record.type if record.type != "human" else None,
        "status": record.status if record.status != "active" else None,
        "memberships": dict(record.memberships),
        "selected": record.selected,
        "subscriptions": record.subscriptions,
    }


def _subscription(record: SubscriptionRecord) -> Fields:
    return {
        "organization": record.organization,
        "type": record.type,
        "starts": spell_moment(record.starts),
        "ends": spell_moment(record.ends),
        "terms": {term: value for term in TERMS if (value := getattr(record, term)) is not None},
        "hybrid": record.hybrid or None,
        "entitlements": record.entitlements,
    }


def _partner(record: PartnerRecord) -> Fields:
    return {"organization": record.organization, "role": record.role}


def _resource(record: ResourceRecord) -> Fields:
    return {
        "organization": record.organization,
        "attributes": record.attributes,
        "shares": [_share(share) for share in record.shares],
    }


def _share(share: Share) -> Fields:
    row: dict[str, Any] = {"descendants": share.descendants}
    if share.targets is not None:
        row["with"] = sorted(share.targets)
    for field in ("valid_from", "valid_until"):
        if moment := getattr(share, field):
            row[field] = spell_moment(moment)
    return row


_WRITERS: dict[type, Callable[[Any], Fields]] = {
    OrganizationRecord: _organization,
    UserRecord: _user,
    SubscriptionRecord: _subscription,
    PartnerRecord: _partner,
}


class _One(dict):
    """The first of all values that are equal: `one[value]`. Only asked for strings and tuples."""

    def __missing__(self, value: Any) -> Any:
        self[value] = value
        return value


class RowReader:
    """Makes records of rows, with one copy of each id, role and path that stands in many of them.

    What the policies no longer fit is noted in `problems`, and the record left out.
    """

    def __init__(self, schema: Schema):
        self.problems: list[Problem] = []
        self._schema = schema
        self._one = _One()
        self._bare = {
            kind
            for kind, known in schema.types.items()
            if all(attribute.optional for attribute in known.attributes.values())
        }
        self._readers: dict[str, Callable[[Key, Fields], Record]] = {
            "organization": self._organization,
            "user": self._user,
            "subscription": self._subscription,
            "partner": self._partner,
        }

    def record(self, kind: str, name: str, row: str) -> Record | None:
        """The record of a row, or None where the policies do not fit it.

        Raises:
            ValueError, TypeError, LookupError, AttributeError: nobody wrote this row with
                `spelled`.
        """
        one = self._one
        key = (one[kind], one[name])
        return self._readers.get(kind, self._resource)(key, orjson.loads(row))

    def _organization(self, key: Key, fields: Fields) -> OrganizationRecord:
        above = tuple(self._one[name] for name in fields.get("above", ()))
        return OrganizationRecord(
            key=key,
            name=fields.get("name", ""),
            kind=self._one[fields.get("kind", "")],
            status=self._one[fields.get("status", "active")],
            subscription_required=fields.get("subscription_required", False),
            path=(*above, key[1]),
        )

    def _user(self, key: Key, fields: Fields) -> UserRecord:
        one = self._one
        held = tuple(
            one[one[place], one[role]] for place, role in fields.get("memberships", {}).items()
        )
        selected = fields.get("selected")
        return UserRecord(
            key=key,
            name=fields.get("name", ""),
            type=one[fields.get("type", "human")],
            status=one[fields.get("status", "active")],
            memberships=one[held],
            selected=selected if selected is None else one[selected],
            subscriptions=one[tuple(one[name] for name in fields.get("subscriptions", ()))],
        )

    def _subscription(self, key: Key, fields: Fields) -> SubscriptionRecord:
        terms = fields.get("terms", {})
        return SubscriptionRecord(
            key=key,
            organization=self._one[fields["organization"]],
            type=self._one[fields["type"]],
            starts=parse_moment(fields["starts"]),
            ends=parse_moment(fields["ends"]),
            **{term: terms.get(term) for term in TERMS},
            hybrid=fields.get("hybrid", False),
            entitlements=fields.get("entitlements", {}),
        )

    def _partner(self, key: Key, fields: Fields) -> PartnerRecord:
        return PartnerRecord(key, self._one[fields["organization"]], self._one[fields["role"]])

    def _resource(self, key: Key, fields: Fields) -> ResourceRecord | None:
        kind, before = key[0], len(self.problems)
        if kind in self._bare and len(fields) == 1:  # most of a large world
            return ResourceRecord(key, self._one[fields["organization"]], NO_ATTRIBUTES, (), ())
        if kind not in self._schema.types:
            self._unfit(key, None, "has a type that the policies do not know (any more)")
            return None
        stored = fields.get("attributes", NO_ATTRIBUTES)
        links: list[Link] = []
        declared = self._schema.attributes_of(kind)
        for attribute in declared.values():
            value = stored.get(attribute.name)
            if value is None:
                if not attribute.optional:
                    self._unfit(key, attribute.name, "is missing, and the policies require it")
            elif reason := entries.value_problem(attribute.kind, value):
                self._unfit(key, attribute.name, reason)
            else:
                links += entries.references(attribute, value)
        for name in stored.keys() - declared.keys():
            self._unfit(key, name, "is not declared by the policies (any more)")
        shares = tuple(self._share(each) for each in fields.get("shares", ()))
        place = self._one[fields["organization"]]
        if len(self.problems) > before:
            return None
        return ResourceRecord(key, place, stored or NO_ATTRIBUTES, tuple(links), shares)

    def _share(self, fields: Fields) -> Share:
        targets = fields.get("with")
        return Share(
            None if targets is None else frozenset(self._one[name] for name in targets),
            fields["descendants"],
            parse_moment(fields.get("valid_from")),
            parse_moment(fields.get("valid_until")),
        )

    def _unfit(self, key: Key, field: str | None, reason: str) -> None:
        place = f"resources.{reference(key)}"
        self.problems.append(Problem(f"{place}.{field}" if field else place, None, reason))


def digest(directory: Directory) -> str:
    """A name of all facts but their revision: equal digests are equal worlds (SHA-256)."""
    return digest_of_rows((key, spelled(directory.records[key])) for key in directory.records)


def digest_of_rows(rows: Iterable[tuple[Key, str]]) -> str:
    """The digest of the world that these rows spell, in whichever order they come."""
    total = sha256()
    for (kind, name), row in sorted(rows):
        total.update(orjson.dumps([kind, name, row]))
    return total.hexdigest()
