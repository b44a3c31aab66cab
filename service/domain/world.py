"""The world document: all facts in one object, read whole or not at all, and written back."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from service.domain import entries
from service.domain.directory import Directory, directory_of
from service.domain.entries import TERMS, Entry
from service.domain.identifiers import Key, id_problem, reference, spell_moment
from service.domain.organizations import DEFAULT_LEVELS, paths
from service.domain.records import ALL, Record, Share
from service.domain.schema import Schema
from service.domain.strict_json import read_json
from service.errors import InvalidWorld, MalformedDocument, Problem

SECTIONS = ("organizations", "users", "resources", "shares", "subscriptions", "partners")

Progress = Callable[[str, int], None]
"""Called with what is being read and how many entries of it are done."""


def parse_world(body: bytes, name: str = "world.json") -> dict[str, Any]:
    """The document that `body` spells: TOML if `name` ends in .toml, else JSON.

    Raises:
        MalformedDocument: it is not what it claims to be.
        RequestTooLarge: it is nested deeper than a world can be.
    """
    if name.endswith(".toml"):
        try:
            document: Any = tomllib.loads(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise MalformedDocument(f"not UTF-8 at byte {error.start}") from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise MalformedDocument(f"not TOML: {error}") from None
    else:
        # Every entry is read field by field, so no depth that the reader survives can hurt.
        document = read_json(body, depth_levels=None)
    if not isinstance(document, dict):
        raise MalformedDocument("a world document is one object of sections")
    return document


def read_world(
    document: Mapping[str, Any],
    schema: Schema,
    levels: int = DEFAULT_LEVELS,
    revision: int = 1,
    progress: Progress = lambda what, done: None,
) -> Directory:
    """The directory of all that the document says.

    Raises:
        InvalidWorld: with every problem, as (path, value, reason); nothing is half read.
    """
    problems: list[Problem] = []
    for section in document.keys() - set(SECTIONS):
        known = ", ".join(SECTIONS)
        problems.append(Problem(str(section), None, f"is not a section; known are {known}"))
    records: dict[Key, Record] = {}
    shares = _shares(document.get("shares"), schema, problems)
    for section, read in _readers(document, schema, levels, shares, problems).items():
        for count, (name, fields) in enumerate(_table(document, section, problems).items()):
            if count % 10_000 == 0:
                progress(section, count)
            entry = Entry(fields, f"{section}.{name}", problems)
            record = read(name, entry)
            if record is not None:
                entry.finish()
                records[record.key] = record
    _check_references(records, shares, problems)
    for key, positions in shares.items():
        if key not in records:
            for position, _ in positions:
                place = f"shares[{position}].resource"
                problems.append(Problem(place, reference(key), "is not in the world"))
    if problems:
        raise InvalidWorld(problems)
    progress("links", len(records))
    return directory_of(records, levels, revision)


Shares = dict[Key, list[tuple[int, Share]]]
Reader = Callable[[str, Entry], Record | None]


def _readers(
    document: Mapping[str, Any],
    schema: Schema,
    levels: int,
    shares: Shares,
    problems: list[Problem],
) -> dict[str, Reader]:
    def named(read: Callable[[str, Entry], Record]) -> Reader:
        def checked(name: str, entry: Entry) -> Record | None:
            if reason := id_problem(name):
                entry.problem("", name, f"{reason}, so it is no id")
                return None
            return read(name, entry)

        return checked

    places = _paths(document, levels, problems)

    def organization(name: str, entry: Entry) -> Record | None:
        entry.take("parent")
        return entries.organization(name, entry, places.get(name, (name,)))

    def resource(name: str, entry: Entry) -> Record | None:
        if reason := entries.resource_key_problem(name, schema):
            entry.problem("", name, reason)
            return None
        kind, _, rest = name.partition(":")
        own = tuple(share for _, share in shares.get((kind, rest), ()))
        return entries.resource((kind, rest), entry, schema, own)

    return {
        "organizations": named(organization),
        "subscriptions": named(entries.subscription),
        "users": named(entries.user),
        "partners": named(entries.partner),
        "resources": resource,
    }


def _paths(
    document: Mapping[str, Any], levels: int, problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    """Where each organization stands; those whose parent is unknown stand at level 1 meanwhile."""
    table = _table(document, "organizations", [])
    parents: dict[str, str | None] = {}
    for name, fields in table.items():
        entry = Entry(fields, f"organizations.{name}", problems if _is_table(fields) else [])
        parent = entries.parent_of(entry)
        if parent is not None and parent not in table:
            entry.problem("parent", parent, "is not an organization of this world")
            parent = None
        parents[name] = parent
    found, tree_problems = paths(parents, levels)
    problems += tree_problems
    return found


def _is_table(fields: Any) -> bool:
    return isinstance(fields, Mapping)


def _table(document: Mapping[str, Any], section: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = document.get(section)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.append(Problem(section, value, "is not a table of entries by id"))
        return {}
    return value


def _shares(rows: Any, schema: Schema, problems: list[Problem]) -> Shares:
    if rows is None:
        return {}
    if not isinstance(rows, list):
        problems.append(Problem("shares", rows, "is not a list"))
        return {}
    result: Shares = {}
    for position, fields in enumerate(rows):
        entry = Entry(fields, f"shares[{position}]", problems)
        key = entries.resource_key(entry, "resource", schema)
        share = entries.share(entry)
        entry.finish()
        if key is None:
            continue
        if not schema.types[key[0]].shareable:
            entry.problem("resource", reference(key), entries.not_shareable(key, schema))
        result.setdefault(key, []).append((position, share))
    return result


def _check_references(
    records: Mapping[Key, Record], shares: Shares, problems: list[Problem]
) -> None:
    sections = {kind: section for kind, (section, _) in _WRITERS.items()}
    for key, record in records.items():
        section = sections.get(key[0])
        if section == "organizations":
            continue  # its one link is its parent, which `_paths` has judged
        place = f"{section}.{key[1]}" if section else f"resources.{reference(key)}"
        for field, value, reason in entries.dangling(record, records.get):
            if not value:
                continue  # a field that could not be read has its own problem
            if field == "with":
                problems += [
                    Problem(f"shares[{position}].with", value, reason)
                    for position, share in shares[key]
                    if value in (share.targets or ())
                ]
            else:
                problems.append(Problem(f"{place}.{field}", value, reason))


def write_world(directory: Directory) -> dict[str, Any]:
    """The document of which `read_world` makes an equal directory; entries in order of their id."""
    document: dict[str, Any] = {section: {} for section in SECTIONS}
    document["shares"] = []
    for section, name, entry in world_entries(directory):
        if name is None:
            document[section].append(entry)
        else:
            document[section][name] = entry
    return document


def world_entries(directory: Directory) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Every entry of the world document as (section, name, entry), a section after the other.

    The name of a share is None. Large worlds are written this way without standing in memory
    twice.
    """
    for kind, (section, _) in _WRITERS.items():
        for record in sorted(directory.of_kind(kind), key=_key):
            yield section, record.key[1], entry_of(record)
    kinds = sorted(kind for kind in directory.kinds if kind not in _WRITERS)
    resources = [each for kind in kinds for each in sorted(directory.of_kind(kind), key=_key)]
    for record in resources:
        entry = {"organization": record.organization, **record.attributes}
        yield "resources", reference(record.key), entry
    for record in resources:
        for share in record.shares:
            yield "shares", None, share_entry(record.key, share)


def _key(record: Record) -> Key:
    return record.key


def entry_of(record: Record) -> dict[str, Any]:
    """What a world document, or a `put_…` change, says of a record that is no resource."""
    return _without_defaults(_WRITERS[record.key[0]][1](record))


def share_entry(key: Key, share: Share) -> dict[str, Any]:
    """One row of `shares`, as the world document spells it."""
    row: dict[str, Any] = {
        "resource": reference(key),
        "with": ALL if share.targets is None else sorted(share.targets),
        "depth": "descendants" if share.descendants else "children",
    }
    for field in ("valid_from", "valid_until"):
        if moment := getattr(share, field):
            row[field] = spell_moment(moment)
    return row


def _organization(record) -> dict[str, Any]:
    return {
        "name": record.name,
        "kind": record.kind or None,
        "parent": record.parent,
        "status": record.status if record.status != "active" else None,
        "subscription_required": record.subscription_required or None,
    }


def _user(record) -> dict[str, Any]:
    return {
        "name": record.name or None,
        "type": record.type if record.type != "human" else None,
        "status": record.status if record.status != "active" else None,
        "memberships": dict(record.memberships),
        "selected": record.selected,
        "subscriptions": list(record.subscriptions) or None,
    }


def _subscription(record) -> dict[str, Any]:
    return {
        "organization": record.organization,
        "type": record.type,
        "starts": spell_moment(record.starts),
        "ends": spell_moment(record.ends),
        **{term: getattr(record, term) for term in TERMS},
        "hybrid": record.hybrid or None,
        "entitlements": dict(record.entitlements) or None,
    }


def _partner(record) -> dict[str, Any]:
    return {"organization": record.organization, "role": record.role}


_WRITERS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "organization": ("organizations", _organization),
    "user": ("users", _user),
    "subscription": ("subscriptions", _subscription),
    "partner": ("partners", _partner),
}


def _without_defaults(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}
