"""The one rule that every engine of a comparison can decide: its facts, and questions about it.

A role counts at the organization where it is held and in every organization below: who reads which
conversation, and who replies in it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

MAY = {
    "read": ("guest", "agent", "supervisor", "admin", "owner"),
    "reply": ("agent", "supervisor", "admin", "owner"),
}


class Asked(NamedTuple):
    """One question, in the plain values that its caller has at hand."""

    user: str
    chosen: str | None
    """The organization that the user acts for, where he has to say so."""
    membership: str
    """The same as one name: of the user, and of the organization acted for in any case."""
    action: str
    conversation: str
    channel: str
    organization: str
    """Whose the conversation is."""


class Way(NamedTuple):
    """One way to ask one engine."""

    name: str
    engine: str
    """What goals call it; several ways may ask the same."""
    ask: Callable[..., Any]
    spell: Callable[[Asked], tuple]
    """The arguments of `ask`, in the engine's own form."""
    moment: Callable[[], tuple] = tuple
    """Further arguments of `ask`, the same for all questions of a round."""

    def allows(self, asked: Asked) -> Any:
        """The answer: a boolean, or a decision that says so. Whatever else is a wrong one."""
        answer = self.ask(*self.spell(asked), *self.moment())
        return getattr(answer, "allowed", answer)


class Town:
    """What the rule needs of a world document: memberships and paths up the tree."""

    def __init__(self, document: dict[str, Any]):
        self.users = {
            name: {each: entry[each] for each in ("memberships", "selected") if each in entry}
            for name, entry in document["users"].items()
        }
        self.parents = {o: e.get("parent") for o, e in document["organizations"].items()}
        self.paths = {organization: self._path(organization) for organization in self.parents}
        """Each organization and all above it, upwards."""
        self.memberships = {
            f"{user}@{organization}": (organization, role)
            for user, entry in self.users.items()
            for organization, role in entry["memberships"].items()
        }

    def _path(self, organization: str) -> tuple[str, ...]:
        path: list[str] = []
        at: str | None = organization
        while at is not None:
            path.append(at)
            at = self.parents[at]
        return tuple(path)

    def asked(self, request: dict[str, Any]) -> Asked | None:
        """The question of an AuthZEN request, or None if it is about something else."""
        resource = request["resource"]
        if resource["type"] != "conversation":
            return None
        user = request["subject"]["id"]
        entry = self.users[user]
        chosen = request.get("context", {}).get("organization")
        acts_for = chosen or entry.get("selected")
        if acts_for is None:
            (acts_for,) = entry["memberships"]
        described = resource["properties"]
        return Asked(
            user,
            chosen,
            f"{user}@{acts_for}",
            request["action"]["name"],
            resource["id"],
            described["channel"],
            described["organization"],
        )
