"""Random small worlds, requests on them and changes of them: what the laws are tried on.

`HYPOTHESIS_PROFILE=long` tries twenty times as many. A falsified law prints its example, and how
to see it again.
"""

import os
from copy import deepcopy
from datetime import UTC, datetime
from functools import lru_cache
from heapq import nsmallest
from itertools import combinations, product
from pathlib import Path
from zlib import crc32

from hypothesis import HealthCheck, currently_in_test_context, note, settings
from hypothesis import strategies as st
from reference import ACTIONS, ATTRIBUTES, SHAREABLE, in_reach, instant

from service.domain.moment import Moment
from service.domain.world import read_world
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set

POLICIES = Path(__file__).parent.parent / "policies"
_TIMES = {"long": 20}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 1)


def examples(count, **options):
    """Settings of a property that is tried on so many examples, or many more in a long run."""
    return settings(
        max_examples=count * _TIMES,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
        print_blob=True,
        **options,
    )


@lru_cache(maxsize=1)
def engine():
    """The repository's policies, compiled once for all tests."""
    return Engine(read_policy_set(POLICIES))


def schema():
    """What the repository's policies speak about."""
    return engine().policies.schema


def directory_of(document, levels=3):
    """The facts of a document, which a falsified law shows."""
    if currently_in_test_context():
        note(f"levels {levels}, world {document}")
    return read_world(document, schema(), levels)


def decide(directory, request, now=None):
    """What the repository's policies decide on these facts."""
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))
    return pdp.decide(request, Moment(directory, now or NOW, engine().vocabulary))


def answers(directory, requests):
    """Each request's verdict, reason and rules: all of a decision but its number and its facts'."""
    return [decide(directory, request).verdict for request in requests]


# Worlds

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INSTANTS = (
    "2025-01-01",
    "2026-01-01T00:00:00+02:00",
    "2026-06-01T12:00:00Z",  # NOW: where a term that begins has begun, and one that ends has ended
    "2026-06-01T12:00:00.000001Z",
    "2027-01-01T00:00:00Z",
)
ROLES = ("guest", "agent", "bot", "supervisor", "admin", "owner")
SUBSCRIPTION_TYPES = ("concurrent", "named")
TELEPHONY = ("calling", "bundled PSTN", "VPOP")
# Ids that differ by case, hold what separates other things, and come from several scripts.
_NAMES = ("P", "p", "N", "n", "D:1", "all", "D'2", "straße", "支店", "*", "none", "null")
_PLATFORMS = ("Web1", "Web2")
_USERS = ("ann", "Ann", "bö:b", "all")
_BOUGHT = ("s1", "s2", "S:3")
_PARTNERS = ("first", "second")
_UNUSUAL = ("invited", "suspended", "archived")
_KINDS = tuple(kind for kind in ACTIONS if kind not in ("organization", "user", "partner"))
# Not at the ends of their ranges, which are tried more often than their share.
_RARELY = st.integers(0, 24).map(lambda drawn: drawn == 13)
_SOMETIMES = st.integers(0, 4).map(lambda drawn: drawn == 3)
_OFTEN = st.integers(0, 4).map(lambda drawn: drawn != 3)
_STATUSES = _RARELY.flatmap(lambda rare: st.sampled_from(_UNUSUAL) if rare else st.just("active"))


def line_above(document, name):
    """The organization and those above it, upwards; nothing above nothing."""
    line = []
    while name is not None:
        line.append(name)
        name = document["organizations"].get(name, {}).get("parent")
    return line


def level_of(document, name):
    """How many organizations stand in the line from level 1 to this one."""
    return len(line_above(document, name))


@st.composite
def worlds(draw, levels=3, crowded=False):
    """A world document with everything in it that a document can say, or with plenty of it."""
    document = {section: {} for section in ("organizations", "users", "resources")}
    document.update(shares=[], subscriptions={}, partners={})
    _draw_organizations(draw, document, levels, least=6 if crowded else 0)
    places = st.sampled_from(sorted(document["organizations"]))
    _draw_subscriptions(draw, document, least=2 if crowded else 0)
    for name in _USERS[: len(_USERS) if crowded else draw(st.integers(1, len(_USERS)))]:
        document["users"][name] = draw(user_entries(document))
    for name in _PARTNERS[: draw(st.integers(0, 2))]:
        role = draw(st.sampled_from(("full_admin", "provisioning_admin")))
        document["partners"][name] = {"organization": draw(places), "role": role}
    # Channels first: a conversation may name one.
    kinds = (
        (*SHAREABLE, *_KINDS) if crowded else draw(st.lists(st.sampled_from(_KINDS), max_size=9))
    )
    for kind in ("channel", *kinds):
        name = f"{kind}:{draw(st.sampled_from(('1', '2', 'all', 'x:y')))}"
        document["resources"][name] = draw(resource_entries(document, kind))
    shareable = [name for name in document["resources"] if name.split(":")[0] in SHAREABLE]
    for _ in range(draw(st.integers(3 if crowded else 0, 4))):
        document["shares"].append(draw(share_rows(document, shareable)))
    return document


def _draw_organizations(draw, document, levels, least):
    table = document["organizations"]
    for name in _PLATFORMS[: 2 if draw(_SOMETIMES) else 1]:
        table[name] = {"status": draw(_STATUSES)}
    for name in _NAMES[: draw(st.integers(least, 9))]:
        open_places = [each for each in table if level_of(document, each) < levels]
        table[name] = {
            "parent": draw(st.sampled_from(open_places)),
            "status": draw(_STATUSES),
            "subscription_required": draw(_SOMETIMES),
        }


def _draw_subscriptions(draw, document, least):
    accounts = [name for name in document["organizations"] if level_of(document, name) == 2]
    for name in _BOUGHT[: draw(st.integers(least, 3))] if accounts else ():
        document["subscriptions"][name] = draw(subscription_entries(accounts))


@st.composite
def _terms(draw):
    """Two instants, the first before the second."""
    first = draw(st.integers(0, len(INSTANTS) - 2))
    return INSTANTS[first], INSTANTS[draw(st.integers(first + 1, len(INSTANTS) - 1))]


@st.composite
def subscription_entries(draw, accounts):
    starts, ends = draw(_terms())
    entry = {
        "organization": draw(st.sampled_from(accounts)),
        "type": draw(st.sampled_from(SUBSCRIPTION_TYPES)),
        "starts": starts,
        "ends": ends,
        "hybrid": draw(st.booleans()),
        "entitlements": draw(st.dictionaries(st.just("agents"), st.integers(0, 50))),
    }
    if draw(st.booleans()):
        entry["telephony"] = draw(st.sampled_from(TELEPHONY))
    return entry


@st.composite
def user_entries(draw, document):
    places = sorted(document["organizations"])
    roles = st.sampled_from(ROLES)
    least = 1 if draw(_OFTEN) else 0
    members = st.dictionaries(st.sampled_from(places), roles, min_size=least, max_size=3)
    entry = {"memberships": draw(members)}
    if entry["memberships"] and draw(st.booleans()):
        entry["selected"] = draw(st.sampled_from(sorted(entry["memberships"])))
    if document["subscriptions"]:
        bought = st.sampled_from(sorted(document["subscriptions"]))
        entry["subscriptions"] = draw(st.lists(bought, max_size=2, unique=True))
    if draw(_RARELY):
        entry["status"] = "archived"
    if draw(_RARELY):
        entry["type"] = "bot"
    return entry


@st.composite
def resource_entries(draw, document, kind):
    entry = {"organization": draw(st.sampled_from(sorted(document["organizations"])))}
    for name, declared in ATTRIBUTES.get(kind, {}).items():
        if declared.endswith("?") and draw(st.booleans()):
            continue
        entry[name] = draw(_known(document, declared.removesuffix("?")))
    return entry


@st.composite
def share_rows(draw, document, shareable):
    name = draw(st.sampled_from(shareable))
    owner = document["resources"][name]["organization"]
    wanted = draw(_known(document, "targets", owner))
    row = {"resource": name, "with": wanted if wanted == "all" else sorted(set(wanted))}
    if draw(st.booleans()):
        row["depth"] = draw(st.sampled_from(("children", "descendants")))
    starts, ends = draw(_terms())
    if draw(_SOMETIMES):
        row["valid_from"] = starts
    if draw(_SOMETIMES):
        row["valid_until"] = ends
    return row


def _known(document, kind, place=None):
    """A value of the kind that a declaration names, mostly one that the world knows."""
    if kind in ("organization", "organizations", "targets"):
        names = sorted(document["organizations"])
        # What lies below the place in question twice as often as the rest.
        names += [name for name in names if place in line_above(document, name)]
    elif kind in ("user", "partner", "subscription"):
        names = sorted(document[f"{kind}s"])
    else:
        owners = {
            each.removeprefix(f"{kind}:"): entry["organization"]
            for each, entry in document["resources"].items()
            if each.startswith(f"{kind}:")
        }
        near = line_above(document, place)
        names = [*owners, *(each for each, owner in owners.items() if owner in near)]
    one = st.sampled_from(names or ["nobody"])
    plain = {
        "string": st.sampled_from((*SUBSCRIPTION_TYPES, *TELEPHONY)),
        "number": st.sampled_from((1, 2.5)),
        "boolean": st.booleans(),
        "organizations": st.lists(one, max_size=3),
        "targets": st.just("all") | st.lists(one, min_size=1, max_size=2),
    }
    return plain.get(kind, one)


# Requests

_NONSENSE = st.sampled_from(("nobody", "", "*", None, 0, True, [], ["nobody"], {"all": 1}))
_STRANGERS = (("user", "nobody"), ("agent", "1"), ("organization", "P"), ("", ""))


@st.composite
def requests(draw, document, kinds=tuple(ACTIONS)):
    """A request on a world, mostly one that makes sense there."""
    kind, action = draw(st.sampled_from([(kind, name) for kind in kinds for name in ACTIONS[kind]]))
    resource_id, said = draw(_resources(document, kind))
    place = owner_of(document, kind, resource_id, said)
    subject_type, subject_id, context = draw(_subjects(document, place))
    parameters = {}
    for name, declared in ACTIONS[kind][action].items():
        if not declared.endswith("?") or draw(st.booleans()):
            parameters[name] = draw(_known(document, declared.removesuffix("?"), place))
        if draw(_RARELY):
            parameters[name] = draw(_NONSENSE)
    if draw(_RARELY):
        action = draw(st.sampled_from(("view", "manage", "share", "READ", "*", "")))
    return AccessRequest(
        subject_type,
        subject_id,
        action,
        kind,
        resource_id,
        action_properties=parameters,
        resource_properties=said,
        context=context,
    )


def owner_of(document, kind, name, said):
    """The organization in which a resource lies; None where there is none."""
    if kind == "organization":
        return name if name in document["organizations"] else None
    if kind == "partner":
        return document["partners"].get(name, {}).get("organization")
    stored = document["resources"].get(f"{kind}:{name}", said)
    return stored.get("organization")


@st.composite
def _subjects(draw, document, place):
    """Who asks, and for which organization: mostly one who stands where it matters."""
    if draw(_RARELY):
        return (*draw(st.sampled_from(_STRANGERS)), {})
    near = line_above(document, place)
    if place is not None:
        # Below: whoever uses what is shared.
        near += [each for each in document["organizations"] if place in line_above(document, each)]
    standing = [
        (kind, name, at)
        for kind, table in (("user", document["users"]), ("partner", document["partners"]))
        for name, entry in table.items()
        for at in entry.get("memberships") or [entry.get("organization")]
    ]
    if draw(st.booleans()):
        standing = [each for each in standing if each[2] in near] or standing
    kind, name, at = draw(st.sampled_from(standing))
    if draw(_RARELY):
        at = draw(st.sampled_from(sorted(document["organizations"])))
    return kind, name, {"organization": at} if at is not None and draw(_OFTEN) else {}


@st.composite
def _resources(draw, document, kind):
    """An id, and what the request says of it: what is stored, nothing, or something else."""
    if kind in ("organization", "user", "partner"):
        names = [*document[f"{kind}s"]]
        return draw(st.sampled_from(names if names and not draw(_RARELY) else ["nobody"])), {}
    stored = [name for name in document["resources"] if name.startswith(f"{kind}:")]
    if stored and draw(_OFTEN):
        name = draw(st.sampled_from(stored))
        said = dict(document["resources"][name]) if draw(_SOMETIMES) else {}
        if draw(_RARELY):
            said["organization"] = draw(st.sampled_from(sorted(document["organizations"])))
        return name.removeprefix(f"{kind}:"), said
    return "described", {} if draw(_RARELY) else draw(resource_entries(document, kind))


def questions(document, levels):
    """Requests for every action, most of them such as only a guardrail could deny.

    Which of all that could be asked hangs on their own words alone: a smaller world still asks the
    same about what is left of it.
    """
    for kind, actions in ACTIONS.items():
        for action, declared in actions.items():
            asked = _all_questions(document, kind, action, declared)
            some = nsmallest(50, asked, key=lambda request: crc32(repr(request).encode()))
            near = [each for each in some if in_reach(document, each, NOW, levels)]
            yield from near[:6]
            yield from some[:2]


def _all_questions(document, kind, action, declared):
    if kind in ("organization", "user", "partner"):
        names = list(document[f"{kind}s"])
    else:
        stored = (name.partition(":") for name in document["resources"])
        names = [name for of_kind, _, name in stored if of_kind == kind]
    given = [_values(document, spelled) for spelled in declared.values()]
    for subject_type, subject_id, at in _standing(document):
        for name, *values in product(names, *given):
            parameters = dict(zip(declared, values, strict=True))
            context = {"organization": at}
            yield AccessRequest(
                subject_type,
                subject_id,
                action,
                kind,
                name,
                action_properties={n: v for n, v in parameters.items() if v is not None},
                context=context,
            )


def _values(document, spelled):
    """Everything of the world that a parameter could be, and nothing where that is a value too."""
    kind = spelled.removesuffix("?")
    if kind in ("organization", "user", "partner", "subscription"):
        known = list(document[f"{kind}s"])
    elif kind == "organizations":
        known = [list(pair) for pair in combinations(document["organizations"], 2)]
    elif kind == "targets":
        known = ["all", *([name] for name in document["organizations"])]
    elif kind == "string":
        known = list(SUBSCRIPTION_TYPES if spelled == "string" else TELEPHONY)
    elif kind in ("number", "boolean"):
        known = []
    else:
        prefix = f"{kind}:"
        stored = document["resources"]
        known = [name.removeprefix(prefix) for name in stored if name.startswith(prefix)]
    return [None, *known] if spelled != kind else known


def _standing(document):
    """Whoever could ask, and for which organization: (type, id, organization)."""
    for kind, table in (("user", document["users"]), ("partner", document["partners"])):
        for name, entry in table.items():
            for at in entry.get("memberships", [entry.get("organization")]):
                yield kind, name, at


@st.composite
def scenes(draw, count=8, kinds=tuple(ACTIONS), levels=None):
    """A world, how many levels it may have, and some requests on it."""
    if levels is None:
        levels = draw(st.sampled_from((3, 3, 3, 4, 5, 6)))
    document = draw(worlds(levels))
    asked = draw(st.lists(requests(document, kinds), min_size=count, max_size=count))
    return document, levels, asked


# Changes


@st.composite
def changes(draw, document, operations=()):
    """A change of a world, mostly one that can be made."""
    operation = draw(st.sampled_from(operations or sorted(_CHANGES)))
    return {"op": operation, **draw(_CHANGES[operation](document))}


@st.composite
def _one(draw, document, **kinds):
    return {field: draw(_known(document, kind)) for field, kind in kinds.items()}


@st.composite
def _put(draw, document, field):
    """An entry under an id that is there, or under a new one."""
    entry = {field: draw(_known(document, field) | st.just("new"))}
    if field == "organization":
        parent = draw(st.none() | _known(document, "organization"))
        entry |= {"name": draw(st.sampled_from(("", "Name"))), "status": draw(_STATUSES)}
        return entry if parent is None else {**entry, "parent": parent}
    if field == "user":
        return {**draw(user_entries(document)), **entry}
    places = sorted(document["organizations"])
    if field == "subscription":
        return {**draw(subscription_entries(places)), **entry}
    role = draw(st.sampled_from(("full_admin", "provisioning_admin")))
    return {**entry, "organization": draw(st.sampled_from(places)), "role": role}


@st.composite
def _put_resource(draw, document):
    kind = draw(st.sampled_from(_KINDS))
    name = draw(st.sampled_from(("1", "new")))
    return {"resource": f"{kind}:{name}", **draw(resource_entries(document, kind))}


@st.composite
def _some_resource(draw, document):
    return {"resource": draw(st.sampled_from(sorted(document["resources"])))}


def _some_share(document):
    return share_rows(document, sorted(document["resources"]))


@st.composite
def _grant(draw, document):
    return {
        **draw(_one(document, user="user", organization="organization")),
        "role": draw(st.sampled_from(ROLES)),
    }


_CHANGES = {
    "put_organization": lambda document: _put(document, "organization"),
    "move_organization": lambda d: _one(d, organization="organization", to="organization"),
    "suspend_organization": lambda document: _one(document, organization="organization"),
    "resume_organization": lambda document: _one(document, organization="organization"),
    "remove_organization": lambda document: _one(document, organization="organization"),
    "put_user": lambda document: _put(document, "user"),
    "remove_user": lambda document: _one(document, user="user"),
    "grant_membership": _grant,
    "revoke_membership": lambda d: _one(d, user="user", organization="organization"),
    "select_organization": lambda d: _one(d, user="user", organization="organization"),
    "put_resource": _put_resource,
    "remove_resource": _some_resource,
    "share": _some_share,
    "unshare": _some_resource,
    "put_subscription": lambda document: _put(document, "subscription"),
    "remove_subscription": lambda document: _one(document, subscription="subscription"),
    "assign_subscription": lambda d: _one(d, user="user", subscription="subscription"),
    "unassign_subscription": lambda d: _one(d, user="user", subscription="subscription"),
    "put_partner": lambda document: _put(document, "partner"),
    "remove_partner": lambda document: _one(document, partner="partner"),
}


def edited(document, change):
    """The document as a person would edit it to say what the change says."""
    document = deepcopy(document)
    fields = dict(change)
    operation = fields.pop("op")
    verb, _, noun = operation.partition("_")
    if verb == "put":
        document[f"{noun}s"][fields.pop(noun)] = fields
    elif verb == "remove":
        del document[f"{noun}s"][fields[noun]]
    if operation == "share" and _meaning(fields) not in map(_meaning, document["shares"]):
        document["shares"].append(fields)
    if operation == "unshare" or operation == "remove_resource":
        rows = document["shares"]
        document["shares"] = [row for row in rows if row["resource"] != fields["resource"]]
    if operation in _EDITS:
        _EDITS[operation](document, fields)
    return document


def _meaning(row):
    """What a row of `shares` says, however it spells it."""
    wanted = row["with"] if row["with"] == "all" else frozenset(row["with"])
    term = instant(row.get("valid_from")), instant(row.get("valid_until"))
    return row["resource"], wanted, row.get("depth", "children"), term


def _edit_organization(field, value):
    def edit(document, fields):
        entry = document["organizations"][fields["organization"]]
        entry[field] = fields["to"] if value is None else value

    return edit


def _edit_user(edit):
    return lambda document, fields: edit(document["users"][fields["user"]], fields)


def _grant_in(user, fields):
    user.setdefault("memberships", {})[fields["organization"]] = fields["role"]


def _revoke_in(user, fields):
    user.get("memberships", {}).pop(fields["organization"], None)
    if user.get("selected") == fields["organization"]:
        del user["selected"]


def _select_in(user, fields):
    user["selected"] = fields["organization"]


def _assign_in(user, fields):
    mapped = user.setdefault("subscriptions", [])
    if fields["subscription"] not in mapped:
        mapped.append(fields["subscription"])


def _unassign_in(user, fields):
    mapped = user.get("subscriptions", [])
    user["subscriptions"] = [name for name in mapped if name != fields["subscription"]]


_EDITS = {
    "move_organization": _edit_organization("parent", None),
    "suspend_organization": _edit_organization("status", "suspended"),
    "resume_organization": _edit_organization("status", "active"),
    "grant_membership": _edit_user(_grant_in),
    "revoke_membership": _edit_user(_revoke_in),
    "select_organization": _edit_user(_select_in),
    "assign_subscription": _edit_user(_assign_in),
    "unassign_subscription": _edit_user(_unassign_in),
}
