"""What a world document says at one moment: the words that every world has, and what they mean.

Shown here is that each answer is that of the document: of its tree, memberships, subscriptions and
shares. A word means a value, or a function of what it is given; an organization is given as its
path, the ids from level 1 down to it. Rules, and what policies declare, are not known here. Taken
for granted is that the document is well formed: whoever is named is there, and parents lead up to
the top.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SECTIONS = ("organization", "user", "partner", "subscription")
STANDINGS = ("active", "suspended", "archived", "invited")  # of all in a line, the last one counts


@dataclass(frozen=True)
class Entity:
    """Something of the world, the request, the context, or a list of organizations by their ids."""

    type: str
    id: object = None
    acts_for: str | None = field(default=None, compare=False)


def instant(text):
    """The moment that a text names, in UTC unless it says otherwise."""
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


class World:
    """A document and a clock; what a request describes stands where nothing is stored."""

    def __init__(self, document, described, now, levels):
        self.now, self.levels = now, levels
        self.tree, self.shares = document["organizations"], document.get("shares", [])
        self.bought = document.get("subscriptions", {})
        resources = document.get("resources", {})
        self.said = described | {Entity(*name.split(":", 1)): resources[name] for name in resources}
        for kind in SECTIONS:
            stored = document.get(f"{kind}s", {})
            self.said |= {Entity(kind, name): stored[name] for name in stored}

    def path(self, name):
        """The ids from level 1 down to an organization."""
        above = self.tree[name].get("parent")
        return [*(self.path(above) if above else ()), name]

    def lasts(self, starts, ends, days=0):
        """Whether a term has begun, and has not ended more than so many days ago."""
        begun = starts is None or instant(starts) <= self.now
        return begun and (ends is None or self.now < instant(ends) + timedelta(days))

    def words(self, entity):
        """What each word of an entity means that its type does not declare."""
        if entity.type == "organizations":
            return self.of_list(entity.id)
        of_kind = {
            "organization": self.of_organization,
            "user": self.of_user,
            "subscription": self.of_subscription,
        }
        meant = of_kind.get(entity.type, self.of_item)(entity, self.said[entity])
        return {"id": entity.id, "type": entity.type} | meant

    def of_list(self, names):
        """Of several organizations, or of `"all"` of them. A name that is unknown lies nowhere."""
        every = names == "all"
        paths = [] if every else [self.path(name) if name in self.tree else [] for name in names]

        def all_below(to):
            return len(to) < self.levels if every else all(to[-1] in path[:-1] for path in paths)

        def in_one_account():
            return len({path[1] for path in map(self.path, names) if path[1:]}) < 2

        return {
            "all_within": lambda to: not every and all(to[-1] in path for path in paths),
            "all_below": all_below,
            "in_one_account": None if every else in_one_account,
        }

    def of_organization(self, entity, said):
        """Of an organization: where it stands, in what standing, and what it bought."""
        path = self.path(entity.id)
        line = [self.tree[name] for name in path]
        bought = sorted(
            (instant(term["starts"]), name, term.get("telephony"))
            for name, term in self.bought.items()
            if term["organization"] == entity.id
        )

        def bound_to_another_type(type):
            return any(
                term["organization"] == entity.id
                and term["type"] != type
                and self.now < instant(term["ends"])
                for term in self.bought.values()
            )

        return {
            "organization": entity,
            "kind": said.get("kind", ""),
            "level": len(path),
            "is_platform": len(path) == 1,
            "is_account": len(path) == 2,
            "is_leaf": len(path) >= self.levels,
            "account": Entity("organization", path[1]) if path[1:] else None,
            "standing": max((n.get("status", "active") for n in line), key=STANDINGS.index),
            "subscription_required": any(n.get("subscription_required") for n in line[1:2]),
            "subscriptions": [Entity("subscription", name) for _, name, _ in bought],
            "telephony": next((each for _, _, each in bought if each is not None), None),
            "within": lambda to: to[-1] in path,
            "below": lambda to: to[-1] in path[:-1],
            "shares_account_with": lambda to: len(path) > 1 and path[:2] == to[:2],
            "bound_to_another_type": bound_to_another_type,
            "has_member": lambda user: self.words(user)["role_at"](path) != "none",
        }

    def of_user(self, entity, said):
        """Of a user, who acts for one organization, or for none."""
        at, held = entity.acts_for, said.get("memberships", {})
        terms = [self.bought[name] for name in said.get("subscriptions", [])]

        def subscribed(days):
            lasting = [term for term in terms if self.lasts(term["starts"], term["ends"], days)]
            return self.path(at)[1] in [term["organization"] for term in lasting]

        return {
            "organization": Entity("organization", at) if at else None,
            "role": held.get(at),
            "organizations": [Entity("organization", name) for name in held],
            "is_bot": said.get("type") == "bot",
            "archived": said.get("status") == "archived",
            "role_over": lambda to: held[at] if at in to else "none",
            "role_at": lambda to: held.get(to[-1], "none"),
            "assists": lambda to: len(to) > 1 and to[0] == at,
            "works_within": lambda to: any(to[-1] in self.path(name) for name in held),
            "subscribed": subscribed,
        }

    def of_subscription(self, _, said):
        """Of a subscription: its type, and its term."""
        starts, ends = said["starts"], said["ends"]
        return {
            "kind": said["type"],
            "hybrid": said.get("hybrid", False),
            "active": self.lasts(starts, ends),
            "expired": not self.lasts(None, ends),
            "lasts": lambda days: self.lasts(starts, ends, days),
        }

    def of_item(self, entity, said):
        """Of anything else, which lies at one organization and may be shared below it."""
        owner = self.path(said["organization"])
        return {
            "usable_in": lambda to: to[-1] in owner or self.shared(entity, owner, to),
            "shared_with": lambda to: self.shared(entity, owner, to, or_below=True),
        }

    def shared(self, item, owner, to, or_below=False):
        """Whether a share in force reaches the last of the path `to`, or one below it."""
        below = to[len(owner) :] if to[: len(owner)] == owner else []
        for share in self.shares if below else ():
            named = below[:1] if share["with"] == "all" else share["with"]
            reached = below if share.get("depth") == "descendants" else below[-1:]
            further = or_below and any(to[-1] in self.path(name)[:-1] for name in named)
            in_force = self.lasts(share.get("valid_from"), share.get("valid_until"))
            of_this = share["resource"] == f"{item.type}:{item.id}"
            if of_this and in_force and (further or set(named) & set(reached)):
                return True
        return False
