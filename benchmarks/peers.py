"""Three other engines, each in its own best form, for the questions that all of them can express.

The questions are those about conversations: a role held at an organization counts there and below.
The forms lean to the side of the peers. They know this one rule, while plans are asked with all
policies, say which rules settled it, and look for the user, his membership and the channel. Peers
are handed the membership itself and the organization of the conversation, and every request is
spelled in the form that the peer takes before the clock starts. Where there are several ways to
ask, each stands in the table:

  cedarpy      policies and entities parsed once; the organization is the resource, because a
               conversation that is not among the entities would have to be merged into them for
               each request, which took 90 ms. Beside it the slice: only the entities that the
               request needs, parsed with it.
  pycasbin     FastEnforcer, which looks only at the policies of the subject and the action; one
               policy for each membership and action, and the tree as `g`. Loaded by an adapter:
               add_policies needs minutes. The enforcer with domains needs a call for each level.
  regorus      facts loaded once, or those that matter in the input, where the caller holds the
               world; by the interpreter, and compiled for its virtual machine.
"""

import json
import logging
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

DISTRIBUTIONS = ("cedarpy", "pycasbin", "gordon-to-regorus")

MAY = {
    "read": ("guest", "agent", "supervisor", "admin", "owner"),
    "reply": ("agent", "supervisor", "admin", "owner"),
}


class Asked(NamedTuple):
    """One question: whoever holds this membership, doing this in this organization."""

    membership: str
    action: str
    organization: str


class Town:
    """What the peers need of a world document."""

    def __init__(self, document: dict[str, Any]):
        self._users = document["users"]
        self.parents = {o: e.get("parent") for o, e in document["organizations"].items()}
        self.memberships = {
            f"{user}@{organization}": (organization, role)
            for user, entry in self._users.items()
            for organization, role in entry["memberships"].items()
        }

    def path(self, organization: str) -> list[str]:
        """The organization and all above it."""
        path: list[str] = []
        at: str | None = organization
        while at is not None:
            path.append(at)
            at = self.parents[at]
        return path

    def asked(self, request: dict[str, Any]) -> Asked | None:
        """The question of an AuthZEN request, or None where the peers cannot express it."""
        if request["resource"]["type"] != "conversation":
            return None
        user = request["subject"]["id"]
        entry = self._users[user]
        acts_for = request.get("context", {}).get("organization") or entry.get("selected")
        if acts_for is None:
            (acts_for,) = entry["memberships"]
        organization = request["resource"]["properties"]["organization"]
        return Asked(f"{user}@{acts_for}", request["action"]["name"], organization)


class Peer(NamedTuple):
    """One way to ask one engine."""

    name: str
    ask: Callable[..., bool]
    spell: Callable[[Asked], tuple]
    """The arguments of `ask`, in the peer's own form."""


# Cedar

_CEDAR = "\n".join(
    f'permit(principal is Membership, action == Action::"{action}", resource is Organization) when '
    f"{{ {json.dumps(roles)}.contains(principal.role) && resource in principal.organization }};"
    for action, roles in MAY.items()
)


def cedar(town: Town) -> list[Peer]:
    import cedarpy

    policies = cedarpy.PolicySet.from_str(_CEDAR)
    is_authorized = cedarpy.is_authorized

    def uid(kind: str, name: str) -> dict[str, str]:
        return {"type": kind, "id": name}

    def organization(name: str) -> dict[str, Any]:
        parent = town.parents[name]
        above = [] if parent is None else [uid("Organization", parent)]
        return {"uid": uid("Organization", name), "attrs": {}, "parents": above}

    def membership(name: str) -> dict[str, Any]:
        at, role = town.memberships[name]
        attributes = {"role": role, "organization": {"__entity": uid("Organization", at)}}
        return {"uid": uid("Membership", name), "attrs": attributes, "parents": []}

    def request(asked: Asked) -> dict[str, Any]:
        return {
            "principal": uid("Membership", asked.membership),
            "action": uid("Action", asked.action),
            "resource": uid("Organization", asked.organization),
            "context": {},
        }

    def entities(memberships, organizations) -> str:
        found = [membership(name) for name in memberships]
        return json.dumps(found + [organization(name) for name in organizations])

    everything = cedarpy.Entities.from_json_str(entities(town.memberships, town.parents))

    def ask(request: dict[str, Any]) -> bool:
        return is_authorized(request, policies, everything).allowed

    def ask_with(request: dict[str, Any], slice: str) -> bool:
        return is_authorized(request, policies, slice).allowed

    def spell_with(asked: Asked) -> tuple:
        return request(asked), entities([asked.membership], town.path(asked.organization))

    return [
        Peer("cedarpy, all entities parsed once", ask, lambda asked: (request(asked),)),
        Peer("cedarpy, the slice in each request", ask_with, spell_with),
    ]


# Casbin

_CASBIN = """\
[request_definition]
r = sub, org, act
[policy_definition]
p = sub, org, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.act == p.act && g(r.org, p.org)
"""


def casbin(town: Town) -> list[Peer]:
    import casbin
    from casbin.persist.adapters.string_adapter import StringAdapter

    # It would write a line for each denial.
    logging.disable(logging.WARNING)
    lines = [
        f"p, {name}, {at}, {action}"
        for name, (at, role) in town.memberships.items()
        for action, roles in MAY.items()
        if role in roles
    ]
    lines += [f"g, {name}, {parent}" for name, parent in town.parents.items() if parent]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as model:
        model.write(_CASBIN)
        model.flush()
        adapter = StringAdapter("\n".join(lines))
        enforcer = casbin.FastEnforcer(model.name, adapter, cache_key_order=[0, 2])
    return [
        Peer(
            "pycasbin, FastEnforcer",
            enforcer.enforce,
            lambda asked: (asked.membership, asked.organization, asked.action),
        )
    ]


# Rego

_REGO = f"""\
package authorization

import rego.v1

may := {json.dumps({action: list(roles) for action, roles in MAY.items()})}

default loaded := false

loaded if {{
	membership := data.memberships[input.membership]
	membership.role in may[input.action]
	membership.organization in data.paths[input.organization]
}}

default given := false

given if {{
	input.role in may[input.action]
	input.acts_for in input.path
}}
"""


def regorus(town: Town) -> list[Peer]:
    import regorus

    memberships = {
        name: {"organization": at, "role": role} for name, (at, role) in town.memberships.items()
    }
    paths = {name: town.path(name) for name in town.parents}
    facts = json.dumps({"memberships": memberships, "paths": paths})
    modules = [("authorization.rego", _REGO)]

    def interpreted(facts: str, rule: str) -> Callable[[str], bool]:
        engine = regorus.Engine()
        engine.add_policy(*modules[0])
        engine.add_data_json(facts)

        def ask(question: str) -> bool:
            engine.set_input_json(question)
            return engine.eval_rule(rule)

        return ask

    def compiled(facts: str, rule: str) -> Callable[[str], bool]:
        machine = regorus.Rvm()
        machine.load_program(regorus.Program.compile_from_modules(facts, modules, [rule]))
        machine.set_data_json(facts)

        def ask(question: str) -> bool:
            machine.set_input_json(question)
            return machine.execute() == "true"

        return ask

    def name_it(asked: Asked) -> tuple:
        return (json.dumps(asked._asdict()),)

    def give_it(asked: Asked) -> tuple:
        acts_for, role = town.memberships[asked.membership]
        path = town.path(asked.organization)
        given = {"action": asked.action, "role": role, "acts_for": acts_for, "path": path}
        return (json.dumps(given),)

    loaded, given = "data.authorization.loaded", "data.authorization.given"
    return [
        Peer("regorus, facts loaded", interpreted(facts, loaded), name_it),
        Peer("regorus, facts in the input", interpreted("{}", given), give_it),
        Peer("regorus compiled, facts loaded", compiled(facts, loaded), name_it),
        Peer("regorus compiled, facts in the input", compiled("{}", given), give_it),
    ]


ALL = (cedar, casbin, regorus)
