"""The requirements once more, as plain Python over a world *document*: who would be allowed.

An oracle for the policies. It shares nothing with them and nothing with `service`: no index, no
view, no rule file; parents are walked and lists are scanned, so that it can be read beside the
requirements and believed. It is slow, and says only yes or no.
"""

from datetime import UTC, date, datetime

ACTIONS = {
    "organization": {
        "view": {},
        "configure": {},
        "view_configuration": {},
        "create_sub_account": {},
        "move": {"to": "organization"},
        "suspend": {},
        "resume": {},
        "archive": {},
        "switch_to": {},
        "manage_users": {},
        "appoint_administrator": {},
        "grant_owner": {},
        "sign_dpa": {},
        "start_conversation": {"channel": "channel?"},
        "view_report": {"filter": "organizations?"},
        "issue_invoice": {},
        "manage_billing": {},
        "book_support": {},
        "use_agent_desktop": {},
        "use_control_hub": {},
        "use_connect": {},
        "use_engage": {},
        "view_subscriptions": {},
        "add_subscription": {
            "type": "string",
            "telephony": "string?",
            "plan": "string?",
            "product": "string?",
            "term_years": "number?",
            "hybrid": "boolean?",
        },
        "switch_telephony": {},
    },
    "user": {"view": {}, "assign_subscription": {"subscription": "subscription"}},
    "partner": {"view": {}, "grant_full_admin": {}, "remove": {}},
    "conversation": {
        "read": {},
        "accept": {},
        "join": {},
        "reply": {},
        "assign": {"agent": "agent"},
        "notify": {},
        "transfer": {"to": "organization"},
        "close": {},
        "read_archive": {},
    },
    "channel": {"view": {}, "use": {}, "manage": {}, "share": {"with": "targets"}, "unshare": {}},
    "agent": {"view": {}, "assign_to": {}, "share": {"with": "targets"}, "unshare": {}},
    "article": {
        "read": {},
        "manage": {},
        "publish": {},
        "share": {"with": "targets"},
        "unshare": {},
    },
    "integration": {"view": {}, "manage": {}},
    "routing": {"view": {}, "manage": {}},
    "form": {"view": {}, "manage": {}},
    "add_on": {"view": {}, "manage": {}},
    "invoice": {"view": {}},
    "call_flow": {"use": {}, "manage": {}},
}
"""What can be asked, with the parameters of each action (contract section 4)."""

ATTRIBUTES = {
    "conversation": {"channel": "channel?"},
    "channel": {"kind": "string?"},
    "agent": {"user": "user"},
    "call_flow": {"department": "string?"},
}
"""What is known of a resource beside its organization (contract section 1)."""

SHAREABLE = ("agent", "channel", "article")  # S1-28 to S1-31

# Requirements 2.5, DC-2, DC-25: the lowest role that may; whoever stands higher may too.
_ORDER = ("guest", "agent", "supervisor", "admin", "owner")
_LOWEST_ROLE = {
    "organization": {
        "view": "guest",
        "start_conversation": "agent",
        "manage_users": "supervisor",
        "view_report": "supervisor",
        "grant_owner": "owner",
        "sign_dpa": "owner",
    },
    "user": {"view": "agent", "assign_subscription": "admin"},
    "partner": {"view": "admin", "grant_full_admin": "admin", "remove": "admin"},
    "conversation": {"read": "guest", "read_archive": "supervisor"},
    "channel": {"view": "agent", "use": "agent"},
    "agent": {"view": "agent", "assign_to": "agent"},
    "article": {"read": "agent", "manage": "supervisor", "publish": "supervisor"},
    "integration": {"view": "supervisor"},
    "routing": {"view": "supervisor"},
    "form": {"view": "agent"},
    "add_on": {"view": "agent"},
    "call_flow": {"use": "agent"},
}
_OTHERWISE = {"conversation": "agent"}

_PLATFORM_ACTS = ("move", "issue_invoice", "switch_telephony")
_OWNER_ACTS = ("manage_billing", "sign_dpa", "grant_owner", "archive")  # DC-3
_ACCOUNT_ACTS = (
    "issue_invoice",
    "manage_billing",
    "view_subscriptions",
    "add_subscription",
    "switch_telephony",
)
_LOOKING = (
    "view",
    "read",
    "read_archive",
    "view_configuration",
    "view_report",
    "view_subscriptions",
)
_PAYING = ("manage_billing",)
_CONVERSING = (
    "start_conversation",
    "accept",
    "join",
    "reply",
    "assign",
    "notify",
    "transfer",
    "close",
    "use",
    "assign_to",
)
_TENANT_AFFAIRS = (
    "manage_billing",
    "archive",
    "suspend",
    "resume",
    "grant_full_admin",
    "appoint_administrator",
    "remove",
)


def role_may(role, kind, action):
    """Whether this role's column of requirements 2.5 holds the action."""
    if kind == "organization" and action == "use_agent_desktop":
        return role in ("agent", "bot", "supervisor")  # S2-23: administrators have the Control Hub
    lowest = _LOWEST_ROLE.get(kind, {}).get(action, _OTHERWISE.get(kind, "admin"))
    standing = "agent" if role == "bot" else role
    return _ORDER.index(standing) >= _ORDER.index(lowest)


class World:
    """A document, an instant, and how many levels there are: what the questions below walk."""

    def __init__(self, document, now, levels=3):
        self.organizations = document.get("organizations", {})
        self.users = document.get("users", {})
        self.resources = document.get("resources", {})
        self.shares = document.get("shares", [])
        self.subscriptions = document.get("subscriptions", {})
        self.partners = document.get("partners", {})
        self.now = now
        self.levels = levels

    def above(self, name):
        """The organization and all above it, upwards."""
        line = []
        while name is not None:
            line.append(name)
            name = self.organizations[name].get("parent")
        return line

    def level(self, name):
        return len(self.above(name))

    def within(self, name, other):
        return other in self.above(name)

    def below(self, name, other):
        return name != other and self.within(name, other)

    def account(self, name):
        """The level-2 account in which an organization lies; None for a platform."""
        line = self.above(name)
        return line[-2] if len(line) > 1 else None

    def stands_under(self, name, status):
        """Whether it or anything above it has this status."""
        return any(
            self.organizations[each].get("status", "active") == status for each in self.above(name)
        )

    def in_term(self, term, begins, ends):
        """Whether `now` lies in the term; its end is exclusive (DC-18b)."""
        begin, end = instant(term.get(begins)), instant(term.get(ends))
        return (begin is None or begin <= self.now) and (end is None or self.now < end)

    def in_force(self, subscription):
        return self.in_term(self.subscriptions[subscription], "starts", "ends")

    def bought_by(self, account):
        """Its subscriptions, the oldest first (DC-18)."""
        names = [n for n, each in self.subscriptions.items() if each["organization"] == account]
        return sorted(names, key=lambda name: (instant(self.subscriptions[name]["starts"]), name))

    def works_within(self, user, name):
        memberships = self.users[user].get("memberships", {})
        return any(self.within(place, name) for place in memberships)

    def reached(self, kind, name, owner):
        """Every organization in which a share in force lets this resource be used (2.6)."""
        found = set()
        for share in self.shares:
            if share["resource"] != f"{kind}:{name}":
                continue
            if not self.in_term(share, "valid_from", "valid_until"):
                continue
            for place in self.organizations:
                if self.below(place, owner) and self._is_meant(share, place, owner):
                    found.add(place)
        return found

    def _is_meant(self, share, place, owner):
        deep = share.get("depth") == "descendants"
        if share["with"] == "all":
            return deep or self.organizations[place].get("parent") == owner
        # A list entry is void unless it lies below the owner, now (2.6).
        named = [each for each in share["with"] if self.below(each, owner)]
        return place in named or (deep and any(self.below(place, each) for each in named))

    def shared_with(self, kind, name, owner, place):
        """Shared with the organization acted for, or with one below it (2.7, step 4)."""
        return any(self.within(each, place) for each in self.reached(kind, name, owner))

    def channel_usable_in(self, name, place):
        """A channel lies there or below, or is shared with the place itself (S1-30, DC-13)."""
        owner = self.resources[f"channel:{name}"]["organization"]
        return self.within(owner, place) or place in self.reached("channel", name, owner)


def instant(value):
    """The instant that a document's date or time names."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


class Denied(Exception):
    """The request cannot be granted, whatever the roles say."""


def allowed(document, request, now, levels=3):
    """Whether the requirements allow the request; see `AccessRequest` for its fields."""
    world = World(document, now, levels)
    try:
        question = _Question(world, request)
        question.check_guardrails()
        return question.granted_by_position() or question.granted_by_share()
    except Denied:
        return False


def in_reach(document, request, now, levels=3):
    """Whether the request would be allowed if no guardrail stood in the way."""
    try:
        question = _Question(World(document, now, levels), request)
        return question.granted_by_position() or question.granted_by_share()
    except Denied:
        return False


class _Question:
    def __init__(self, world, request):
        self.world = world
        self.action = request.action
        self.kind = request.resource_type
        self.name = request.resource_id
        if self.action not in ACTIONS.get(self.kind, {}):
            raise Denied
        self.parameters = dict(request.action_properties)
        _check_kinds(ACTIONS[self.kind][self.action], self.parameters)
        self.user = self.partner = self.role = None
        if request.subject_type == "user" and request.subject_id in world.users:
            self._act_as_user(request)
        elif request.subject_type == "partner" and request.subject_id in world.partners:
            self._act_as_partner(request)
        else:
            raise Denied
        self.attributes = {}
        self.owner = self._find_resource(dict(request.resource_properties))

    # Who acts, and for which organization (contract section 4, DC-4).

    def _act_as_user(self, request):
        self.user = request.subject_id
        entry = self.world.users[self.user]
        memberships = entry.get("memberships", {})
        chosen = request.context.get("organization")
        if chosen is None:
            chosen = entry.get("selected")
        if chosen is None and len(memberships) == 1:
            chosen = next(iter(memberships))
        if not isinstance(chosen, str) or chosen not in memberships:
            raise Denied
        self.place = chosen
        self.role = memberships[chosen]

    def _act_as_partner(self, request):
        self.partner = self.world.partners[request.subject_id]
        self.place = self.partner["organization"]
        chosen = request.context.get("organization")
        if chosen is not None and chosen != self.place:
            raise Denied

    # What is acted on; the stored facts win (contract section 4).

    def _find_resource(self, said):
        world = self.world
        if self.kind == "organization":
            return self._known(world.organizations, self.name)
        if self.kind == "user":
            self._known(world.users, self.name)
            return None
        if self.kind == "partner":
            return world.partners[self._known(world.partners, self.name)]["organization"]
        declared = ATTRIBUTES.get(self.kind, {})
        stored = world.resources.get(f"{self.kind}:{self.name}")
        if stored is None:
            _check_kinds(declared, said)
            self._known(world.organizations, said.get("organization"))
            self.attributes = {name: said[name] for name in declared if name in said}
            return said["organization"]
        for name in ("organization", *declared):
            if said.get(name) is not None and said[name] != stored.get(name):
                raise Denied
        self.attributes = stored
        return stored["organization"]

    def _known(self, section, name):
        if not isinstance(name, str) or name not in section:
            raise Denied
        return name

    # Guardrails come first, and win (2.7, step 2).

    def check_guardrails(self):
        if self.user is not None:
            self._check_user()
        else:
            self._check_partner()
        self._check_structure()

    def _check_user(self):
        world = self.world
        entry = world.users[self.user]
        if entry.get("status") == "archived":
            raise Denied
        if world.level(self.place) == 1:
            # Platforms assist what is suspended, invited or archived, but own nothing of it (DC-3).
            if self.action in _OWNER_ACTS and self._is_below_my_place():
                raise Denied
            if self.owner is not None and world.stands_under(self.owner, "invited"):
                self._must(self.role in ("admin", "owner"))  # 2.8
            return
        account = world.account(self.place)
        if world.organizations[account].get("subscription_required"):
            mapped = entry.get("subscriptions", [])
            if not any(
                name in world.bought_by(account) and world.in_force(name) for name in mapped
            ):
                raise Denied  # S2-20, S2-21
        for place in filter(None, (self.place, self.owner)):
            if world.stands_under(place, "invited") or world.stands_under(place, "archived"):
                raise Denied
            if world.stands_under(place, "suspended"):
                open_still = (*_LOOKING, *_PAYING, "switch_to")
                lifts = self.action == "resume" and not world.stands_under(self.place, "suspended")
                self._must(lifts or self.action in open_still)  # DC-10

    def _check_partner(self):
        for place in filter(None, (self.place, self.owner)):
            # Invited: the platform configures, nobody else acts (2.8).
            self._must(not self.world.stands_under(place, "archived"))
            self._must(not self.world.stands_under(place, "invited"))
            if self.world.stands_under(place, "suspended"):
                self._must(self.action in _LOOKING)
        if self.action in _TENANT_AFFAIRS or self.action in _CONVERSING:
            raise Denied

    def _is_below_my_place(self):
        return self.owner is not None and self.world.below(self.owner, self.place)

    def _check_structure(self):
        check = getattr(self, f"_check_{self.action}", None)
        if check is not None:
            check()
        if self.kind == "organization" and self.action in _ACCOUNT_ACTS:
            self._must(self.world.level(self.owner) == 2)
        if self.kind == "invoice":
            self._must(self.world.level(self.owner) == 2)

    def _must(self, holds):
        if not holds:
            raise Denied

    def _check_create_sub_account(self):
        self._must(self.world.level(self.owner) < self.world.levels)

    def _check_move(self):
        target = self._known(self.world.organizations, self.parameters["to"])
        self._must(self.world.level(target) < self.world.levels)
        self._must(not self.world.within(target, self.owner))
        self._must(not self.world.stands_under(target, "archived"))

    def _check_view_report(self):
        accounts = set()
        for name in self.parameters.get("filter") or []:
            known = self._known(self.world.organizations, name)
            self._must(self.world.within(known, self.owner))  # DC-9b
            accounts.add(self.world.account(known))
        self._must(len(accounts - {None}) <= 1)  # S1-39

    def _check_share(self):
        wanted = self.parameters["with"]
        if wanted == "all":
            self._must(self.world.level(self.owner) < self.world.levels)
            return
        for name in wanted:
            known = self._known(self.world.organizations, name)
            self._must(self.world.below(known, self.owner))  # S1-27

    def _check_start_conversation(self):
        channel = self.parameters.get("channel")
        if channel is not None:
            self._must(f"channel:{channel}" in self.world.resources)
            self._must(self.world.channel_usable_in(channel, self.owner))

    def _check_reply(self):
        channel = self.attributes.get("channel")
        if channel is not None:
            self._must(f"channel:{channel}" in self.world.resources)
            self._must(self.world.channel_usable_in(channel, self.owner))  # DC-13

    def _check_assign(self):
        agent = self._agent()
        self._must(self.world.users[agent["user"]].get("status") != "archived")

    def _agent(self):
        self._must(f"agent:{self.parameters['agent']}" in self.world.resources)
        return self.world.resources[f"agent:{self.parameters['agent']}"]

    def _check_transfer(self):
        target = self._known(self.world.organizations, self.parameters["to"])
        account = self.world.account(self.owner)
        self._must(account is None or self.world.account(target) == account)
        for status in ("suspended", "archived", "invited"):
            self._must(not self.world.stands_under(target, status))

    def _check_assign_subscription(self):
        wanted = self._known(self.world.subscriptions, self.parameters["subscription"])
        self._must(self.world.now < instant(self.world.subscriptions[wanted]["ends"]))  # DC-21b

    def _check_add_subscription(self):
        world, wanted = self.world, self.parameters
        bought = world.bought_by(self.owner)
        self._must(wanted["type"] in ("concurrent", "named"))
        for name in bought:
            if world.now < instant(world.subscriptions[name]["ends"]):  # DC-17
                self._must(world.subscriptions[name]["type"] == wanted["type"])
        options = [world.subscriptions[name].get("telephony") for name in bought]
        first = next((option for option in options if option is not None), None)
        if first is not None and wanted.get("telephony") is not None:
            self._must(wanted["telephony"] == first)  # S2-33, DC-15

    # What position gives (2.7, step 3).

    def granted_by_position(self):
        if self.partner is not None:
            return self._granted_to_partner()
        if self.kind == "user":
            return self._granted_over_user()
        if self.action == "switch_to":
            return self.owner in self.world.users[self.user].get("memberships", {})
        if self.action == "archive" and self.owner == self.place and self.role == "owner":
            return self.world.level(self.owner) == 2  # an owner closes the account he owns
        if not self.world.within(self.owner, self.place):
            return False
        if self.action in _PLATFORM_ACTS:
            return self._granted_to_platform()
        if not role_may(self.role, self.kind, self.action):
            return False
        if self.action in ("suspend", "resume", "archive"):
            return self.world.below(self.owner, self.place)
        if self.action in ("grant_full_admin", "remove"):
            return self.owner == self.place  # S2-26: the customer's own administrator
        if self.action == "assign":
            return self._may_assign()
        if self.action == "transfer":
            return self.world.within(self.parameters["to"], self.place)
        return True

    def _granted_to_platform(self):
        """DC-11, S2-34: the platform's administrators, for what lies below the platform."""
        if self.world.level(self.place) != 1 or self.role not in ("admin", "owner"):
            return False
        if self.action == "move" and not self.world.within(self.parameters["to"], self.place):
            return False
        return self.owner != self.place

    def _may_assign(self):
        """The agent stands over the conversation; the user over the agent, or a share does."""
        agent = self._agent()
        home = agent["organization"]
        if not self.world.within(self.owner, home):
            return False
        if self.world.within(home, self.place):
            return True
        return self.world.shared_with("agent", self.parameters["agent"], home, self.place)

    def _granted_over_user(self):
        if self.action == "view":
            if self.name == self.user:
                return True
            place = self.place
        else:
            wanted = self.world.subscriptions[self.parameters["subscription"]]
            place = wanted["organization"]
            if not self.world.within(place, self.place):
                return False
        return role_may(self.role, "user", self.action) and self.world.works_within(
            self.name, place
        )

    def _granted_to_partner(self):
        """S2-25: a second partner reads what an administrator reads; a first one administers."""
        full = self.partner["role"] == "full_admin"
        if self.kind == "user":
            if self.action == "view":
                return self.world.works_within(self.name, self.place)
            wanted = self.world.subscriptions[self.parameters["subscription"]]
            place = wanted["organization"]
            return (
                full
                and self.world.within(place, self.place)
                and self.world.works_within(self.name, place)
            )
        if not self.world.within(self.owner, self.place) or self.action in _PLATFORM_ACTS:
            return False
        if self.action == "switch_to" or not role_may("admin", self.kind, self.action):
            return False
        return full or self.action in _LOOKING

    # What a share gives (2.7, step 4): use, never management (DC-6).

    def granted_by_share(self):
        gives = {"channel": ("view", "use"), "agent": ("view", "assign_to"), "article": ("read",)}
        if self.user is None or self.action not in gives.get(self.kind, ()):
            return False
        if not role_may(self.role, self.kind, self.action):
            return False
        return self.world.shared_with(self.kind, self.name, self.owner, self.place)


def _check_kinds(declared, values):
    """Raise Denied where a declared value is missing or of the wrong kind."""
    for name, kind in declared.items():
        value = values.get(name)
        if value is None:
            if not kind.endswith("?"):
                raise Denied
            continue
        plain = kind.removesuffix("?")
        if plain == "boolean":
            fits = isinstance(value, bool)
        elif plain == "number":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        elif plain == "targets":
            fits = value == "all" or (isinstance(value, list) and value and _all_text(value))
        elif plain == "organizations":
            fits = isinstance(value, list) and _all_text(value)
        else:
            fits = isinstance(value, str)
        if not fits:
            raise Denied


def _all_text(values):
    return all(isinstance(value, str) for value in values)
