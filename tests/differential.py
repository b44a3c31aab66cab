"""Plans against oso: random laws, random facts, random questions, random changes in between.

Each round makes a policy from a grammar that covers what policies may use, a small world whose
values are chosen to be mistaken for each other (True, 1, 1.0, "1", "true"), and asks questions of
both. All from one seed, so that a difference can be shown again.

    python -m tests.differential --decisions 1000000 --seed 7
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from service.domain.changes import apply_changes
from service.domain.directory import Directory
from service.domain.moment import Moment
from service.domain.world import read_world
from service.errors import InvalidChanges
from service.policy.decision import AccessRequest, Settled
from service.policy.engine import Engine
from service.policy.plans import Plans
from service.policy.policy_set import PolicySet, policy_set

TYPES = b"""
[types.organization.actions]
act = { n = "number?", s = "string?", t = "thing?", o = "organizations?", b = "boolean?" }
[types.user.actions]
act = {}
[types.thing]
shareable = true
[types.thing.attributes]
flag = "boolean?"
count = "integer?"
ratio = "number?"
label = "string?"
tags = "strings?"
owner = "user?"
twin = "thing?"
place = "organization?"
places = "organizations?"
[types.thing.actions]
act = { n = "number?", s = "string?", t = "thing?", o = "organizations?", b = "boolean?" }
touch = {}
[types.robot]
subject = true
attributes = { count = "integer?", label = "string?" }
[context]
risk = "number?"
zone = "string?"
"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORGANIZATIONS = ("w", "a", "b", "a1", "a2", "b1")
PARENTS = {"a": "w", "b": "w", "a1": "a", "a2": "a", "b1": "b"}
USERS = ("u0", "u1", "u2", "u3")
THINGS = tuple(f"t{n}" for n in range(6))
ROLES = ("guest", "agent", "admin", "bot")
LABELS = ("x", "1", "true", "", "y")
NUMBERS: tuple[Any, ...] = (0, 1, 2, -1, 1.0, 0.0, -0.0, 0.5)
CONSTANTS = ('"x"', '"1"', '"true"', '""', "1", "1.0", "0", "-1", "0.5", "true", "false", "2")


# Laws


class _Law:
    """A random policy, rule by rule."""

    def __init__(self, chance: random.Random):
        self.chance = chance

    def text(self) -> str:
        pick = self.chance
        lines = [f"p0({constant});" for constant in pick.sample(CONSTANTS, 3)]
        lines += [f'p1({pick.choice(CONSTANTS)}, "{pick.choice(ROLES)}");' for _ in range(3)]
        lines.append("whole(_: Integer);")
        lines += [self._rule("allow", number) for number in range(pick.randint(2, 5))]
        lines += [self._rule("deny", number) for number in range(pick.randint(1, 4))]
        lines += [self._rule("obligation", number) for number in range(pick.randint(0, 1))]
        return "\n".join(lines)

    def _rule(self, kind: str, number: int) -> str:
        pick = self.chance
        subject = pick.choice(("User", "User", "User", "Robot", "Entity"))
        resource = pick.choice(("Thing", "Thing", "Thing", "Placed", "Shareable", "Organization"))
        action, conditions = pick.choice(('"act"', '"touch"', "action")), []
        if action == "action":
            conditions.append('action in ["act", "touch"]')
        conditions += [self._condition(kind, subject, resource) for _ in range(pick.randint(1, 3))]
        head = f'{kind}(s: {subject}, {action}, r: {resource}, "{kind}-{number}")'
        if "s." not in "".join(conditions) and " s" not in "".join(conditions):
            head = head.replace("(s:", "(_:")
        if "r." not in "".join(conditions) and " r" not in "".join(conditions):
            head = head.replace(" r:", " _:")
        return f"# A rule.\n{head} if\n  " + " and\n  ".join(conditions) + ";"

    def _condition(self, kind: str, subject: str, resource: str) -> str:
        pick = self.chance
        plain = self._plain(subject, resource)
        if kind == "deny" and pick.random() < 0.4 and " and " not in plain:
            return f"not {plain}"
        return plain

    def _plain(self, subject: str, resource: str) -> str:
        pick = self.chance
        thing = [
            f"r.{self._attribute()} {self._relation()} {pick.choice(CONSTANTS)}",
            f"{pick.choice(CONSTANTS)} in r.tags",
            f"r.label in [{pick.choice(CONSTANTS)}, {pick.choice(CONSTANTS)}]",
            f'r.has("{self._attribute()}")',
            f"request.n {self._relation()} r.count",
            "r.twin = r",
            "r.twin.owner = r.owner",
            "r.twin.label = r.label",
            "r.flag = request.b",
            f"p0(r.{self._attribute()})",
            f"p1(r.{self._attribute()}, role{pick.randint(0, 9)}) and s.role = role0",
            "r.place = r.organization",
            'o in r.places and o.standing = "suspended"',
            "r.places.all_within(r.organization)",
            "r.flag",
            "r.nothing = 1",
            "whole(r.ratio)",
            f"r.{self._attribute()} matches {pick.choice(('Integer', 'Float', 'String'))}",
        ]
        placed = [
            'r.organization.standing = "suspended"',
            "r.organization.is_account",
            'r.organization.has("account")',
            "r.organization.parent = r.organization.account",
            f"r.organization.level {self._relation()} {pick.choice(('1', '2', '2.0', 'true'))}",
            "b in r.organization.subscriptions and b.active",
        ]
        person = [
            f'r.organization.id = "a" and s.role = "{pick.choice(ROLES)}"',
            's.role_over(r.organization) in ["agent", "admin", "bot"]',
            "s.assists(r.organization)",
            "r.organization.within(s.organization)",
            "r.organization = s.organization",
            "r.organization.account = s.organization.account",
            "o in s.organizations and o = r.organization",
            'o in s.organizations and o.standing = "suspended"',
            f"s.subscribed({pick.choice(('0', '30', '1.5', 'true'))})",
            "s.works_within(r.organization)",
            "s.archived",
            "not_a_user(s)",
        ]
        given = [
            f"request.n {self._relation()} {pick.choice(CONSTANTS)}",
            f"request.s = {pick.choice(CONSTANTS)}",
            'request.has("n")',
            "request.b",
            "request.b = request.n",
            "request.t.organization = r.organization",
            "request.o.all_within(r.organization)",
            'o in request.o and o.standing = "suspended"',
            f"context.risk {self._relation()} {pick.choice(CONSTANTS)}",
            'context.has("zone")',
            "context.zone = request.s",
        ]
        choices = [*placed, *given]
        if resource in ("Thing",):
            choices += thing * 2
        if resource in ("Thing", "Shareable") and subject == "User":
            choices += ["r.shared_with(s.organization)", "r.usable_in(s.organization)"]
        if subject == "User":
            choices += person[:-1]
        if subject == "Robot":
            choices += [f"s.count {self._relation()} {pick.choice(CONSTANTS)}", "s.label = r.id"]
        if subject == "Entity":
            choices += ["s = r", 's.type = "robot"']
        return pick.choice(choices)

    def _attribute(self) -> str:
        return self.chance.choice(("flag", "count", "ratio", "label"))

    def _relation(self) -> str:
        return self.chance.choice(("=", "=", "=", "!=", "<", ">=", ">", "=="))


def random_policies(chance: random.Random) -> PolicySet:
    """A policy set that the scanner accepts; those that it refuses are made anew."""
    while True:
        text = _Law(chance).text().replace("role0", "role").replace("role", "role")
        for digit in "0123456789":
            text = text.replace(f", role{digit})", ", role)")
        try:
            policies = policy_set([("law.polar", text.encode())], TYPES)
            Engine(policies, plans=False)
        except Exception as error:
            if "InvalidPolicy" not in type(error).__name__:
                raise
            continue
        return policies


# Facts and questions


def random_world(chance: random.Random) -> dict[str, Any]:
    organizations = {
        name: {"parent": PARENTS.get(name), "subscription_required": chance.random() < 0.2}
        for name in ORGANIZATIONS
    }
    for name in chance.sample(ORGANIZATIONS, 2):
        organizations[name]["status"] = chance.choice(("active", "suspended", "archived"))
    users = {name: _user(chance) for name in USERS}
    resources = {f"thing:{name}": _thing(chance) for name in THINGS}
    resources["robot:r0"] = {"organization": "a", "count": 1, "label": "t0"}
    resources["robot:r1"] = {"organization": "w"}
    start = NOW - timedelta(days=30)
    term = {"organization": "a", "type": "named", "starts": start.isoformat()}
    return {
        "organizations": organizations,
        "users": users,
        "resources": resources,
        "subscriptions": {
            "s0": {**term, "ends": (NOW + timedelta(days=chance.randint(-2, 2))).isoformat()},
            "s1": {**term, "organization": "b", "ends": (NOW + timedelta(1)).isoformat()},
        },
        "shares": [_share(chance) for _ in range(chance.randint(0, 4))],
    }


def _user(chance: random.Random) -> dict[str, Any]:
    places = chance.sample(ORGANIZATIONS, chance.randint(1, 3))
    return {
        "memberships": {place: chance.choice(ROLES) for place in places},
        "selected": chance.choice(places),
        "status": chance.choice(("active", "active", "archived")),
        "subscriptions": chance.sample(("s0", "s1"), chance.randint(0, 2)),
    }


def _thing(chance: random.Random) -> dict[str, Any]:
    values = {
        "flag": chance.choice((True, False)),
        "count": chance.choice([n for n in NUMBERS if isinstance(n, int)]),
        "ratio": chance.choice(NUMBERS),
        "label": chance.choice(LABELS),
        "tags": chance.sample(LABELS, chance.randint(0, 3)),
        "owner": chance.choice(USERS),
        "twin": chance.choice(THINGS),
        "place": chance.choice(ORGANIZATIONS),
        "places": chance.sample(ORGANIZATIONS, chance.randint(0, 3)),
    }
    kept = {name: value for name, value in values.items() if chance.random() < 0.8}
    return {"organization": chance.choice(ORGANIZATIONS), **kept}


def _share(chance: random.Random) -> dict[str, Any]:
    listed = chance.sample(ORGANIZATIONS, chance.randint(1, 3))
    return {
        "resource": f"thing:{chance.choice(THINGS)}",
        "with": chance.choice(("all", listed)),
        "depth": chance.choice(("children", "descendants")),
    }


def random_change(chance: random.Random) -> dict[str, Any]:
    name = chance.choice(ORGANIZATIONS)
    return chance.choice(
        (
            {"op": "suspend_organization", "organization": name},
            {"op": "resume_organization", "organization": name},
            {"op": "move_organization", "organization": name, "to": chance.choice(ORGANIZATIONS)},
            {"op": "put_user", "user": chance.choice(USERS), **_user(chance)},
            {"op": "put_resource", "resource": f"thing:{chance.choice(THINGS)}", **_thing(chance)},
            {"op": "share", **_share(chance)},
            {"op": "unshare", "resource": f"thing:{chance.choice(THINGS)}"},
        )
    )


def random_request(chance: random.Random) -> AccessRequest:
    subject = ("robot", f"r{chance.randint(0, 1)}")
    if chance.random() < 0.8:
        subject = ("user", chance.choice((*USERS, "nobody") if chance.random() < 0.1 else USERS))
    resource = chance.choice(
        (("thing", chance.choice(THINGS)), ("thing", chance.choice(THINGS)), ("thing", "new"))
    )
    properties: dict[str, Any] = {}
    if resource[1] == "new" or chance.random() < 0.1:
        properties = _thing(chance)
        if chance.random() < 0.1:
            properties[chance.choice(list(properties))] = chance.choice((None, 7, "?", ["?"]))
    action = chance.choice(("act", "act", "touch"))
    if chance.random() < 0.1:
        resource, properties, action = ("organization", chance.choice(ORGANIZATIONS)), {}, "act"
    given = {
        "n": chance.choice(NUMBERS),
        "s": chance.choice((*LABELS, f"fresh {chance.random()}")),
        "t": chance.choice(THINGS),
        "o": chance.sample(ORGANIZATIONS, chance.randint(0, 2)),
        "b": chance.choice((True, False)),
    }
    context = {"risk": chance.choice(NUMBERS), "zone": chance.choice(LABELS)}
    if chance.random() < 0.1:
        context["organization"] = chance.choice((*ORGANIZATIONS, "?"))
    return AccessRequest(
        *subject,
        action,
        *resource,
        action_properties={k: v for k, v in given.items() if chance.random() < 0.7},
        resource_properties=properties,
        context={k: v for k, v in context.items() if chance.random() < 0.7},
    )


# The comparison


class Difference(NamedTuple):
    """One question that plans and oso answer differently, with all it takes to ask it again."""

    seed: int
    round: int
    request: AccessRequest
    oso: Settled
    plans: Settled
    law: str


class Totals(NamedTuple):
    """What a run has done."""

    decisions: int
    laws: int
    from_plans: int
    compiled: int
    failures: int
    allowed: int


def differences(
    decisions: int, seed: int, asked_per_law: int = 250, plans_of=Plans
) -> Iterator[Difference | Totals]:
    """Every difference as it is found, and at the end the totals.

    `plans_of` makes the plans of an engine: a test hands in ones with a fault.
    """
    done = laws = from_plans = compiled = failures = allowed = 0
    while done < decisions:
        laws += 1
        chance = random.Random(f"{seed}/{laws}")
        engine = Engine(random_policies(chance), plans=False)
        plans = plans_of(engine.ask)
        plans.settled_walks = 4
        directory = read_world(random_world(chance), engine.policies.schema)
        for number in range(min(asked_per_law, decisions - done)):
            if number % 10 == 9:
                directory = _changed(directory, chance, engine)
            request = random_request(chance)
            moments = [Moment(directory, NOW, engine.vocabulary) for _ in range(2)]
            expected = engine.settle(request, moments[0])
            got = plans.settle(request, moments[1])
            done += 1
            failures += expected.findings.failure is not None
            allowed += expected.verdict.allowed
            if (expected, moments[0].until) != (got, moments[1].until):
                law = engine.policies.files[0].text
                yield Difference(seed, laws, request, expected, got, law)
        counts = plans.counts()
        from_plans += asked_per_law - counts.asked_oso
        compiled += counts.compiled
    yield Totals(done, laws, from_plans, compiled, failures, allowed)


def _changed(directory: Directory, chance: random.Random, engine: Engine) -> Directory:
    try:
        return apply_changes(directory, [random_change(chance)], engine.policies.schema)
    except InvalidChanges:
        return directory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin, found = time.time(), 0
    for item in differences(options.decisions, options.seed):
        if isinstance(item, Difference):
            found += 1
            print(item, file=sys.stderr)
        else:
            print(f"seed {options.seed}: {item}, {found} differences, {time.time() - begin:.0f} s")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
