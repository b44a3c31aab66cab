"""Three other engines, each in its own best form, for the one rule that all of them can express.

The questions are those about conversations: a role held at an organization counts there and below.
The forms lean to the side of the peers. They know this one rule, are handed the membership itself
and the organization of the conversation, and answer yes or no; Watershed looks for the user and his
membership, says which rules settled it, and is asked twice: with all policies, and with a policy
set that says no more than the peers do. Where there are several ways to ask, each stands in the
table:

  cedarpy      policies and entities parsed once; the organization is the resource, because a
               conversation that is not among the entities would have to be merged into them for
               each request, which took 90 ms. Beside it the slice: only the entities that the
               request needs, parsed with it. Ids as dictionaries, which cost it less than texts.
  pycasbin     FastEnforcer, which looks only at the policies of the subject and the action; one
               policy for each membership and action, and the tree as `g`. Loaded by an adapter:
               add_policies needs minutes. The enforcer with domains needs a call for each level.
  regorus      facts loaded once, or those that matter in the input, where the caller holds the
               world. Told which membership counts, as the others are, and finding it, as
               Watershed does. By the interpreter; and compiled for its virtual machine, which
               stands in the table as an engine of its own.

What a caller has are plain values, and some engines take JSON: so each way is timed twice, spelled
before the clock starts and spelled by the caller within it. JSON is written by Python's own `json`;
a caller who has something faster comes to lie between the two.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

from benchmarks.town import MAY, Asked, Town, Way

WHOLE = "regorus, the membership found"
"""What goals call it where it is given facts, and not what follows from them."""

# Cedar

_CEDAR = "\n".join(
    f'permit(principal is Membership, action == Action::"{action}", resource is Organization) when '
    f"{{ {json.dumps(roles)}.contains(principal.role) && resource in principal.organization }};"
    for action, roles in MAY.items()
)


def cedar(town: Town) -> list[Way]:
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
        return request(asked), entities([asked.membership], town.paths[asked.organization])

    return [
        Way("cedarpy, all entities parsed once", "cedarpy", ask, lambda asked: (request(asked),)),
        Way("cedarpy, the slice in each request", "cedarpy", ask_with, spell_with),
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


def casbin(town: Town) -> list[Way]:
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
        Way(
            "pycasbin, FastEnforcer",
            "pycasbin",
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

acts_for(user) := input.chosen if {{
	input.chosen
}} else := user.selected if {{
	user.selected
}} else := only if {{
	count(user.memberships) == 1
	some only, _ in user.memberships
}}

default whole_loaded := false

whole_loaded if {{
	user := data.users[input.user]
	organization := acts_for(user)
	user.memberships[organization] in may[input.action]
	organization in data.paths[input.organization]
}}

default whole_given := false

whole_given if {{
	organization := acts_for(input.user)
	input.user.memberships[organization] in may[input.action]
	organization in input.path
}}
"""


def regorus(town: Town) -> list[Way]:
    import regorus

    memberships = {
        name: {"organization": at, "role": role} for name, (at, role) in town.memberships.items()
    }
    facts = json.dumps({"memberships": memberships, "paths": town.paths})
    held = json.dumps({"users": town.users, "paths": town.paths})
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
        named = {
            "membership": asked.membership,
            "action": asked.action,
            "organization": asked.organization,
        }
        return (json.dumps(named),)

    def give_it(asked: Asked) -> tuple:
        acts_for, role = town.memberships[asked.membership]
        path = town.paths[asked.organization]
        given = {"action": asked.action, "role": role, "acts_for": acts_for, "path": path}
        return (json.dumps(given),)

    def name_user(asked: Asked) -> tuple:
        named = {"user": asked.user, "action": asked.action, "organization": asked.organization}
        return (json.dumps(named | _choice(asked)),)

    def give_user(asked: Asked) -> tuple:
        user, path = town.users[asked.user], town.paths[asked.organization]
        given = {"user": user, "action": asked.action, "path": path}
        return (json.dumps(given | _choice(asked)),)

    loaded, given = "data.authorization.loaded", "data.authorization.given"
    whole_loaded, whole_given = "data.authorization.whole_loaded", "data.authorization.whole_given"
    machine = "regorus compiled"
    return [
        Way("regorus, users loaded", WHOLE, interpreted(held, whole_loaded), name_user),
        Way("regorus, the user in the input", WHOLE, interpreted("{}", whole_given), give_user),
        Way("regorus, facts loaded", "regorus", interpreted(facts, loaded), name_it),
        Way("regorus, facts in the input", "regorus", interpreted("{}", given), give_it),
        Way("regorus compiled, facts loaded", machine, compiled(facts, loaded), name_it),
        Way("regorus compiled, facts in the input", machine, compiled("{}", given), give_it),
    ]


def _choice(asked: Asked) -> dict[str, str]:
    return {} if asked.chosen is None else {"chosen": asked.chosen}


_BUILT_BY = {"cedarpy": cedar, "pycasbin": casbin, "gordon-to-regorus": regorus}
"""By the distribution that each needs."""


def installed() -> Iterator[tuple[str, Callable[[Town], list[Way]]]]:
    """Each peer whose distribution is installed here, by the distribution's name."""
    for distribution, build in _BUILT_BY.items():
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        yield distribution, build


def missing() -> list[str]:
    """The distributions of the peers that cannot be asked here."""
    return sorted(_BUILT_BY.keys() - dict(installed()).keys())
