"""How JSON spells what the service answers. Knows values, not Flask; members come in a fixed order.

A member without a value is left out: nothing here ever writes null.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from service.api.messages import spell
from service.domain.directory import Directory
from service.domain.identifiers import spell_moment
from service.domain.inheritance import Holding
from service.domain.organizations import subtree
from service.domain.records import ALL, OrganizationRecord, UserRecord
from service.domain.world import SECTIONS, world_entries
from service.policy.decision import Decision, Verdict
from service.store.protocol import LogEntry


def decision_body(decision: Decision) -> dict[str, Any]:
    """The decision as an AuthZEN response, with what it was made from in its context."""
    context: dict[str, Any] = {
        "id": decision.id,
        "reason": decision.reason,
        "rules": list(decision.rules),
        "revision": decision.revision,
        "policy": decision.policy,
    }
    if decision.detail is not None:
        context["detail"] = decision.detail
    if decision.obligations:
        context["obligations"] = [{"name": name} for name in decision.obligations]
    if decision.valid_until is not None:
        context["valid_until"] = spell_moment(decision.valid_until)
    return {"decision": decision.allowed, "context": context}


def spell_decision(decision: Decision) -> str:
    """`decision_body` as JSON, put together from pieces that many decisions have in common."""
    verdict, valid_until = decision.verdict, decision.valid_until
    if verdict.detail is not None:
        # It speaks of one request, so it would only fill the memory of pieces.
        return spell(decision_body(decision))
    before = _ALLOWED if verdict.allowed else _DENIED
    spelled = before + decision.id + _after_id(verdict, decision.revision, decision.policy)
    if valid_until is None:
        return spelled
    return f'{spelled.removesuffix("}}")},"valid_until":"{spell_moment(valid_until)}"}}}}'


# The id between these pieces is made of hexadecimal digits: it needs no escapes.
_ALLOWED = '{"decision":true,"context":{"id":"'
_DENIED = '{"decision":false,"context":{"id":"'


@lru_cache(maxsize=4096)  # INVARIANT (no data): made of names in the policies, and of revisions
def _after_id(verdict: Verdict, revision: int, policy: str) -> str:
    spelled = spell(decision_body(Decision(verdict, "", revision, policy)))
    return spelled.removeprefix(_ALLOWED if verdict.allowed else _DENIED)


def spell_world(directory: Directory) -> str:
    """The world document as JSON, its sections and entries in order."""
    sections: dict[str, list[str]] = {section: [] for section in SECTIONS}
    for section, name, entry in world_entries(directory):
        text = spell(entry)
        sections[section].append(text if name is None else f"{spell(name)}:{text}")
    spelled = (
        f"{spell(section)}:{_IN_BRACKETS[section] % ','.join(entries)}"
        for section, entries in sections.items()
    )
    return f"{{{','.join(spelled)}}}"


_IN_BRACKETS = {section: "[%s]" if section == "shares" else "{%s}" for section in SECTIONS}


def log_body(newest: int, entries: Iterable[LogEntry]) -> dict[str, Any]:
    """Part of the change log. `revision` is the newest one that the answer knows of."""
    rows = [
        _present(
            revision=entry.revision,
            at=spell_moment(entry.at),
            caller=entry.caller,
            subject=entry.subject,
            changes=list(entry.changes),
        )
        for entry in entries
    ]
    return {"revision": max([newest, *(row["revision"] for row in rows)]), "entries": rows}


def organization_body(record: OrganizationRecord, directory: Directory) -> dict[str, Any]:
    """One organization with its place in the tree."""
    return _present(
        id=record.key[1],
        name=record.name,
        kind=record.kind or None,
        level=len(record.path),
        path=list(record.path),
        parent=record.parent,
        status=record.status,
        children=len(directory.linked(record.key, "parent")),
    )


def tree_body(root: str, directory: Directory) -> dict[str, Any]:
    """The organization and everything below it, nested, the children in order of their id."""
    places = [directory.records["organization", name] for name in directory.subtree(root)]
    tree = subtree(((place.parent, place.key[1]) for place in places[1:]), root)
    pending = [tree]
    while pending:
        node = pending.pop()
        record = directory.records["organization", node["id"]]
        children = node.pop("children", [])
        node["name"] = record.name
        if record.kind:
            node["kind"] = record.kind
        node["status"] = record.status
        node["level"] = len(record.path)
        node["children"] = children
        pending.extend(children)
    return tree


def holding_body(holding: Holding) -> dict[str, Any]:
    """A resource that an organization owns or has part in, and if so how and until when.

    Of the organizations that a share lists it names only the one through which it came: what else
    the owner shares with whom is not the reader's business.
    """
    share = holding.share
    kind, name = holding.key
    body = {"type": kind, "id": name, "owner": holding.owner, "source": holding.source}
    if share is not None:
        body["share"] = {
            "with": ALL if share.targets is None else [holding.via],
            "depth": "descendants" if share.descendants else "children",
            "via": holding.via,
        }
        for field, moment in (("valid_from", holding.since), ("valid_until", holding.until)):
            if moment is not None:
                body[field] = spell_moment(moment)
    return body


def memberships_body(user: UserRecord, directory: Directory) -> list[dict[str, Any]]:
    """The organizations that a user may switch between; `selected` is the one that counts now."""
    only = user.memberships[0][0] if len(user.memberships) == 1 else None
    acts_for = user.selected or only
    rows = []
    for name, role in sorted(user.memberships):
        record = directory.records["organization", name]
        rows.append(
            {
                "id": name,
                "name": record.name,
                "role": role,
                "level": len(record.path),
                "path": list(record.path),
                "selected": name == acts_for,
            }
        )
    return rows


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
