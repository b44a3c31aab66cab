"""Which worlds a benchmark asks about, and what it asks of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from fixtures import traffic
from service.policy.decision import AccessRequest


class Drawn(NamedTuple):
    """One question of the mix."""

    kind: str
    request: AccessRequest
    said: dict[str, Any]
    """The same as AuthZEN spells it."""


def draw(document: dict[str, Any], count: int, seed: int) -> Iterator[Drawn]:
    """So many questions of the mix; the same world and seed give the same ones."""
    for kind, said in traffic.labelled(document, count, seed):
        subject, action, resource = said["subject"], said["action"], said["resource"]
        request = AccessRequest(
            subject["type"],
            subject["id"],
            action["name"],
            resource["type"],
            resource["id"],
            action_properties=action.get("properties", {}),
            resource_properties=resource.get("properties", {}),
            context=said.get("context", {}),
        )
        yield Drawn(kind, request, said)


def cut(document: dict[str, Any], count: int) -> dict[str, Any]:
    """The world with only the first so many organizations, and only what belongs to them.

    A generated world lists each account before its sub-accounts, so none loses its parent.
    """
    kept = dict(islice(document["organizations"].items(), count))
    parents = {entry.get("parent") for entry in kept.values()}
    users = {}
    for user, entry in document["users"].items():
        memberships = {o: role for o, role in entry["memberships"].items() if o in kept}
        if memberships:
            users[user] = {"memberships": memberships}
    resources = {
        reference: entry
        for reference, entry in document["resources"].items()
        if entry["organization"] in kept and entry.get("user", next(iter(users))) in users
    }
    shares = []
    for share in document["shares"]:
        if share["resource"] not in resources:
            continue
        if share["with"] == "all":
            if resources[share["resource"]]["organization"] in parents:
                shares.append(share)
        elif targets := [target for target in share["with"] if target in kept]:
            shares.append({**share, "with": targets})
    return {"organizations": kept, "users": users, "resources": resources, "shares": shares}
