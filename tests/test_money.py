"""Money, reports and usage by the worked figures of the requirements (part 3), one by one."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, POLICIES, engine, examples, level_of, line_above, schema, worlds

from service.domain.accounts import paying_account
from service.domain.changes import apply_changes
from service.domain.invoices import invoice
from service.domain.moment import Moment
from service.domain.money import amount, read_price, spell_amount, total
from service.domain.periods import Period, read_period
from service.domain.reports import report
from service.domain.subscriptions import (
    active,
    entitlement,
    primary,
    responsible,
    subscriptions_of,
)
from service.domain.usage import Meter, count_values
from service.domain.world import read_world
from service.errors import InvalidPolicy, InvalidRequest, NoAccount, NotAnAccount
from service.policy.decision import AccessRequest
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import policy_set

NOVEMBER = read_period("2025-11")
PRICES = {"user": Decimal(40), "add_on": Decimal(25)}


def terms(**changed):
    """The terms of the repository, with some lines changed as an administrator would."""
    text = (POLICIES / "billing.toml").read_text()
    for old, new in changed.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{old} = "))
        text = text.replace(line, f"{old} = {new}")
    return policies_with(text).terms


@cache
def policies_with(billing):
    law = engine().policies
    return policy_set(law.sources, law.types, {**law.tables, "billing.toml": billing.encode()})


def at(directory, now=NOW):
    return Moment(directory, now, engine().vocabulary)


def dealers():
    """The NSO of the worked figures, with its three dealers."""
    users = {
        "anna": {"NSO": "admin"},
        "ben": {"NSO": "supervisor"},
        "cem": {"NSO": "agent", "D3": "agent"},
        "gil": {"NSO": "guest"},
        "dora": {"D1": "admin"},
        "eli": {"D1": "agent"},
        "fay": {"D1": "agent"},
        "gus": {"D2": "admin"},
        "hal": {"D2": "agent"},
        "ida": {"D3": "admin"},
        "jon": {"D3": "agent"},
        "kai": {"D3": "agent"},
        "lea": {"D3": "guest"},
    }
    add_ons = {"NSO": 1, "D1": 1, "D3": 2}
    return {
        "organizations": {
            "W": {},
            "NSO": {"parent": "W", "name": "The NSO"},
            "D1": {"parent": "NSO"},
            "D2": {"parent": "NSO"},
            "D3": {"parent": "NSO"},
            "P9": {"parent": "W"},
            "BU1": {"parent": "P9"},
        },
        "users": {name: {"memberships": places} for name, places in users.items()},
        "resources": {
            f"add_on:{place}-{number}": {"organization": place}
            for place, count in add_ons.items()
            for number in range(count)
        },
    }


def bill(document, account, prices=PRICES, **changed):
    directory = read_world(document, schema())
    return invoice(at(directory), account, NOVEMBER, prices, terms(**changed))


# 3.1 One invoice


def test_one_invoice_at_level_2_counts_people_once_and_guests_never():
    made = bill(dealers(), "NSO")

    assert (made.account, made.name) == ("NSO", "The NSO")
    assert made.total == Decimal(540)
    assert [(line.item, line.organization, line.quantity) for line in made.lines] == [
        ("user", None, 11),
        ("add_on", "NSO", 1),
        ("add_on", "D1", 1),
        ("add_on", "D3", 2),
    ]
    assert [line.amount for line in made.lines] == [440, 25, 25, 50]
    assert made.free_users == ("gil", "lea")
    assert ("cem", ("D3", "NSO")) in made.paid_users


@pytest.mark.parametrize("dealer", ["D1", "D2", "D3", "W"])
def test_nothing_but_an_account_has_an_invoice(dealer):
    with pytest.raises(NotAnAccount):
        bill(dealers(), dealer)


@pytest.mark.parametrize("place", ["NSO", "D1", "D2", "D3"])
def test_the_account_pays_for_itself_and_all_below(place):
    directory = read_world(dealers(), schema())

    assert paying_account(directory, place).key == ("organization", "NSO")


def test_nobody_pays_for_a_platform():
    with pytest.raises(NoAccount):
        paying_account(read_world(dealers(), schema()), "W")


def test_who_leaves_and_what_is_archived_costs_nothing_and_what_is_suspended_does():
    document = dealers()
    document["users"]["eli"]["status"] = "archived"
    document["organizations"]["D2"]["status"] = "suspended"
    document["organizations"]["D3"]["status"] = "archived"

    made = bill(document, "NSO")

    # Without eli, and without ida, jon and kai; cem still works for the NSO.
    assert made.lines[0].quantity == 7
    assert {line.organization for line in made.lines[1:]} == {"NSO", "D1"}


def test_who_is_free_and_what_is_paid_for_stands_beside_the_policies():
    assert bill(dealers(), "NSO", free_roles="[]").lines[0].quantity == 13
    assert bill(dealers(), "NSO", free_roles='["guest", "agent"]').lines[0].quantity == 5
    assert bill(dealers(), "NSO", {"user": Decimal(40)}, items="[]").total == 440


def test_a_price_that_is_missing_or_of_nothing_is_refused():
    with pytest.raises(InvalidRequest, match=r"prices\.add_on: is missing"):
        bill(dealers(), "NSO", {"user": Decimal(1)})
    with pytest.raises(InvalidRequest, match=r"prices\.chair: is nothing that is paid for"):
        bill(dealers(), "NSO", {**PRICES, "chair": Decimal(1)})


# Money


@pytest.mark.parametrize("value", [40.5, "40,5", "-1", "1e3", "", "NaN", True, None, "٤٠", "1."])
def test_what_is_no_decimal_is_no_price(value):
    assert read_price(value) is None


def test_a_price_is_a_string_of_digits_or_a_whole_number():
    assert [read_price(each) for each in ("40.50", "0", 40)] == [Decimal("40.50"), 0, 40]


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [("half_up", "0.13"), ("half_even", "0.12"), ("down", "0.12"), ("up", "0.13")],
)
def test_each_line_is_rounded_as_billing_toml_says(rounding, expected):
    assert spell_amount(amount(1, Decimal("0.125"), 2, rounding)) == expected


def test_tenths_add_up_as_binary_numbers_would_not():
    dimes = [amount(1, read_price("0.1"), 2, "half_up")] * 3

    assert spell_amount(total(dimes, 2)) == "0.30"
    assert 0.1 + 0.1 + 0.1 != 0.3


def test_the_total_is_the_sum_of_the_lines_as_they_are_shown():
    prices = {"user": Decimal("0.333333"), "add_on": Decimal("0.125")}
    made = bill(dealers(), "NSO", prices)

    assert [spell_amount(line.amount) for line in made.lines] == ["3.67", "0.13", "0.13", "0.25"]
    assert made.total == sum(line.amount for line in made.lines) == Decimal("4.18")


# 3.2 Report and filter

CONVERSATIONS = {"NSO": 120, "D1": 310, "D2": 95, "D3": 475}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, 1000),
        (["D1"], 310),
        (["D1", "D3"], 785),
        (["D1", "D2", "D3"], 880),
        (["D3", "D1", "D3"], 785),
        (["NSO"], 120),
    ],
)
def test_a_report_covers_exactly_what_its_filter_names(wanted, expected):
    covered = report(read_world(dealers(), schema()), "NSO", wanted)

    assert sum(CONVERSATIONS[name] for name in covered.organizations) == expected
    assert len(set(covered.organizations)) == len(covered.organizations)
    assert covered.account == "NSO"


@pytest.mark.parametrize("wanted", [["D1", "BU1"], ["D1", "nowhere"], ["W"], []])
def test_one_organization_outside_refuses_the_whole_report(wanted):
    with pytest.raises(InvalidRequest):
        report(read_world(dealers(), schema()), "NSO", wanted)


def test_no_report_reaches_into_two_accounts():
    directory = read_world(dealers(), schema())

    for wanted in (None, ["NSO", "P9"], ["D1", "BU1"]):
        with pytest.raises(InvalidRequest, match="two accounts"):
            report(directory, "W", wanted)
    assert report(directory, "W", ["D1", "NSO"]).account == "NSO"
    assert report(directory, "W", ["W"]).account is None


@pytest.mark.parametrize(("wanted", "allowed"), [(["D1", "D3"], True), (["D1", "BU1"], False)])
def test_the_policies_say_the_same_of_a_filter(wanted, allowed):
    directory = read_world(dealers(), schema())
    asked = AccessRequest(
        "user",
        "ben",
        "view_report",
        "organization",
        "NSO",
        action_properties={"filter": wanted},
    )
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory))

    assert pdp.decide(asked).allowed is allowed
    assert not pdp.decide(asked.but(subject_id="dora", action_properties={}))


# 3.3 One owner, two accounts


def test_one_owner_of_two_accounts_gets_two_invoices_and_saves_no_licence():
    people = {f"p1-{n}": {"memberships": {"P1": "agent"}} for n in range(5)}
    people |= {f"p2-{n}": {"memberships": {"P2": "agent"}} for n in range(3)}
    people["olga"] = {"memberships": {"P1": "owner", "P2": "owner"}}
    organizations = {"W": {}, "P1": {"parent": "W"}, "P2": {"parent": "W"}}
    document = {"organizations": organizations, "users": people}

    assert bill(document, "P1").total == 240
    assert bill(document, "P2").total == 160


# 3.4 to 3.7 Usage


def tenant(kind="concurrent", mapped=(), required=True, **subscriptions):
    """A tenant of these subscriptions, each (starts, ends, agents or entitlements)."""
    bought = {}
    for name, (starts, ends, entitled) in subscriptions.items():
        entitlements = {"agents": entitled} if isinstance(entitled, int) else entitled
        entry = {"organization": "T", "type": kind, "starts": starts, "ends": ends}
        bought[name] = {**entry, "entitlements": entitlements}
    return {
        "organizations": {"W": {}, "T": {"parent": "W", "subscription_required": required}},
        "users": {
            user: {"memberships": {"T": "agent"}, "subscriptions": list(names)}
            for user, names in dict(mapped).items()
        },
        "subscriptions": bought,
    }


S1, S2 = ("2024-01-01", "2026-01-01", 10), ("2025-01-01", "2028-01-01", 15)


def people(first, second, both=0):
    """Users mapped to S1, to S2, and to both."""
    mapped = {f"first-{n}": ["S1"] for n in range(first)}
    mapped |= {f"second-{n}": ["S2"] for n in range(second)}
    return mapped | {f"both-{n}": ["S1", "S2"] for n in range(both)}


def login(user, since, until):
    return {"type": "agents", "user": user, "from": since, "until": until}


def shift(users, day="2025-11-03", since="08", until="12"):
    return [login(user, f"{day}T{since}:00:00Z", f"{day}T{until}:00:00Z") for user in users]


def count(document, records, period=None, **changed):
    """The stretches, after making sure that nothing was refused."""
    period = {} if period is None else {"period": period, "months": True}
    meter = Meter(read_world(document, schema()), "T", terms(**changed), **period)
    assert [] == list(count_values(meter, records))
    return meter.finish()


def overages(stretch, kind="agents"):
    """Tenant's usage, tenant's overage, and overage by subscription."""
    (counted,) = [each for each in stretch.counted if each.kind == kind]
    return counted.used, counted.overage, {p.subscription: p.overage for p in counted.parts}


@pytest.mark.parametrize(
    ("first", "second", "together", "over"),
    [(9, 15, 24, 0), (10, 15, 25, 0), (10, 16, 26, 1), (5, 18, 23, 0), (12, 16, 28, 3),
     (0, 31, 31, 6)],
)  # fmt: skip
def test_overage_is_the_tenants_and_falls_on_the_primary_alone(first, second, together, over):
    mapped = people(first, second)

    (stretch,) = count(tenant(mapped=mapped, S1=S1, S2=S2), shift(mapped))

    used, overage, by_subscription = overages(stretch)
    assert (used, overage) == (together, over)
    assert by_subscription.get("S1", 0) == over
    assert by_subscription.get("S2", 0) == 0
    assert stretch.primary == "S1"


def test_after_the_first_has_ended_the_second_is_primary_with_its_own_entitlement():
    mapped = people(10, 8, both=10)
    document = tenant(mapped=mapped, S1=S1, S2=S2)
    still = [user for user, names in mapped.items() if "S2" in names]

    (stretch,) = count(document, shift(still, "2026-01-05"))

    assert stretch.primary == "S2"
    assert overages(stretch) == (18, 3, {"S2": 3})


def test_who_is_mapped_only_to_what_has_ended_cannot_cause_usage():
    mapped = people(8, 18)
    meter = Meter(read_world(tenant(mapped=mapped, S1=S1, S2=S2), schema()), "T", terms())

    refused = list(count_values(meter, shift(mapped, "2026-01-05")))

    assert [line for line, _ in refused] == list(range(1, 9))
    assert {problem.path for _, problem in refused} == {"user"}
    assert overages(meter.finish()[0]) == (18, 3, {"S2": 3})


def test_connect_usage_is_the_primarys_whose_messages_it_ever_was():
    document = tenant(mapped={"second": ["S2"]}, S1=S1, S2=S2)
    records = [
        {"type": "webex_connect", "user": "second", "at": moment, "quantity": 40_000}
        for moment in ("2025-12-10T12:00:00Z", "2026-01-10T12:00:00Z")
    ]

    december, january = count(document, records)

    assert overages(december, "webex_connect") == (40_000, 0, {"S1": 0})
    assert overages(january, "webex_connect") == (40_000, 0, {"S2": 0})


@pytest.mark.parametrize(("until", "peak", "over"), [("12", 18, 0), ("14", 28, 3)])
def test_concurrent_is_the_peak_of_the_tenant_and_not_the_sum_of_peaks(until, peak, over):
    mapped = people(10, 18)
    morning = shift([user for user in mapped if user.startswith("first")], until=until)
    afternoon = shift(
        [user for user in mapped if user.startswith("second")], since="13", until="17"
    )

    (stretch,) = count(tenant(mapped=mapped, S1=S1, S2=S2), morning + afternoon)

    used, overage, by_subscription = overages(stretch)
    assert (used, overage, by_subscription["S1"]) == (peak, over, over)
    assert [part.used for part in stretch.counted[0].parts] == [10, 18]


def test_named_is_different_people_and_nobody_twice():
    mapped = people(12, 12, both=2)
    document = tenant("named", mapped, S1=S1, S2=S2)
    records = shift(mapped) + shift(mapped, since="13", until="14")

    (stretch,) = count(document, records)

    assert overages(stretch) == (26, 1, {"S1": 1, "S2": 0})
    assert [part.used for part in stretch.counted[0].parts] == [14, 12]


# 3.8 The newer rule

AI = {"ai_agent": 5, "ai_assistant": 5}
CAMPAIGNS = {**AI, "ivr_campaigns": 5}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-06-01", {"ai_agent": "A", "ai_assistant": "A", "ivr_campaigns": "A"}),
        ("2026-06-01", {"ai_agent": "B", "ai_assistant": "B", "ivr_campaigns": "C"}),
    ],
)
def test_by_the_newer_rule_the_one_that_has_had_a_type_longest_answers_for_it(now, expected):
    bought = {
        "A": ("2024-01-01", "2026-01-01", AI),
        "B": ("2025-01-01", "2028-01-01", AI),
        "C": ("2026-01-01", "2028-01-01", CAMPAIGNS),
    }
    directory = read_world(tenant(**bought), schema())
    in_force = active(subscriptions_of(directory, "T"), datetime.fromisoformat(f"{now}T00:00:00Z"))
    rule = "earliest-with-type"

    # What no active one is entitled to stays with the primary.
    assert {kind: responsible(rule, in_force, kind).key[1] for kind in expected} == expected
    assert responsible(rule, in_force, "agents") == in_force[0]


@pytest.mark.parametrize(("rule", "charged"), [("primary", "B"), ("earliest-with-type", "C")])
def test_one_line_of_billing_toml_changes_who_answers_for_overage(rule, charged):
    document = tenant(B=("2025-01-01", "2028-01-01", AI), C=("2026-01-01", "2028-01-01", CAMPAIGNS))
    record = {"type": "ivr_campaigns", "at": "2026-02-01T12:00:00Z", "quantity": 7}

    (stretch,) = count(document, [record], responsible=f'"{rule}"')

    assert stretch.primary == "B"
    assert overages(stretch, "ivr_campaigns") == (7, 2, {charged: 2})


# The primary subscription

IDS = ("B", "A")


def test_the_primary_is_the_oldest_active_one_and_the_smaller_id_among_equals():
    term = ("2025-01-01", "2027-01-01", 1)
    directory = read_world(tenant(B=term, A=term, older=("2024-01-01", "2026-01-01", 1)), schema())
    bought = subscriptions_of(directory, "T")

    def named(moment):
        found = primary(bought, datetime.fromisoformat(moment))
        return found and found.key[1]

    assert [each.key[1] for each in bought] == ["older", "A", "B"]
    assert named("2023-12-31T23:59:59Z") is None
    assert named("2025-12-31T23:59:59.999999Z") == "older"
    assert named("2026-01-01T00:00:00Z") == "A"
    assert named("2027-01-01T00:00:00Z") is None


def test_a_renewal_keeps_the_age_of_a_subscription():
    document = tenant(S1=S1, S2=S2)
    entry = document["subscriptions"]["S1"] | {"ends": "2029-01-01"}
    renewed = {"op": "put_subscription", "subscription": "S1", **entry}

    directory = apply_changes(read_world(document, schema()), [renewed], schema())

    assert primary(subscriptions_of(directory, "T"), NOW).key[1] == "S1"
    assert entitlement(active(subscriptions_of(directory, "T"), NOW)) == {"agents": 25}


# Periods


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2025-11", "2025-11-01", "2025-12-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2024", "2024-01-01", "2025-01-01"),
    ],
)
def test_a_period_is_a_month_or_a_year(text, since, until):
    edges = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (since, until))

    assert read_period(text) == Period(*edges)


@pytest.mark.parametrize(
    "text", ["2025-13", "2025-00", "0000", "9999", "25-11", "2025-1", "", None]
)
def test_what_is_no_month_and_no_year_is_no_period(text):
    assert read_period(text) is None


# Terms that are refused


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('["guest"]', '["ghost"]', "billing.toml: invoice.free_roles: `ghost` is not one of"),
        ('["guest"]', '"guest"', "billing.toml: invoice.free_roles: `guest` is not a list"),
        ('"half_up"', '"sideways"', "billing.toml: invoice.rounding: `sideways` is not one of"),
        ("decimals = 2", "decimals = -1", "billing.toml: invoice.decimals: `-1` is not a whole"),
        ("decimals = 2", "decimal = 2", "billing.toml: invoice.decimals: is missing"),
        ('["add_on"]', '["chair"]', "billing.toml: invoice.items: `chair` is not one of"),
        ('responsible = "primary"', 'responsible = "me"', "billing.toml: usage.responsible: `me`"),
        ("split = false", "splits = false", "billing.toml: usage.types.webex_connect.split"),
        ('access = "view"', 'access = "vie"', "billing.toml: coverage.access: `vie` is not one"),
        ("[coverage]", "[covrage]", "billing.toml.covrage: is not known here; did you mean"),
        ("[invoice]", "[invoice", "billing.toml: is not TOML"),
    ],
)
def test_terms_that_mean_nothing_are_refused_with_their_place(old, new, problem):
    text = (POLICIES / "billing.toml").read_text()
    assert old in text

    with pytest.raises(InvalidPolicy) as refusal:
        policies_with(text.replace(old, new))

    assert any(str(each).startswith(problem) for each in refusal.value.problems)


# Law 10 (2.11)


@examples(60)
@given(document=worlds(), seed=st.integers(0, 2**16))
def test_a_whole_report_is_the_sum_of_its_organizations(document, seed):
    directory = read_world(document, schema())
    numbers = {name: crc32(f"{seed} {name}".encode()) % 1000 for name in document["organizations"]}

    for name in document["organizations"]:
        if level_of(document, name) < 2:
            continue
        whole = report(directory, name, None).organizations
        below = [each for each in numbers if name in line_above(document, each)]
        single = [report(directory, name, [each]).organizations for each in below]

        assert sorted(whole) == sorted(below)
        assert all(one == (each,) for one, each in zip(single, below, strict=True))
        assert sum(numbers[each] for each in whole) == sum(
            numbers[each] for one in single for each in one
        )


@examples(60)
@given(document=worlds(crowded=True))
def test_every_invoice_belongs_to_one_account_and_nothing_is_on_two(document):
    directory = read_world(document, schema())
    moment, prices = at(directory), {"user": Decimal(1), "add_on": Decimal(1)}
    billed_items = 0
    for name in document["organizations"]:
        if level_of(document, name) != 2:
            with pytest.raises(NotAnAccount):
                invoice(moment, name, NOVEMBER, prices, terms())
            continue
        made = invoice(moment, name, NOVEMBER, prices, terms())
        billed_items += sum(line.quantity for line in made.lines if line.item == "add_on")

        assert {paid.user for paid in made.paid_users} == paid_by_reading(document, name)
        assert made.total == sum(line.amount for line in made.lines)
    assert billed_items == sum(
        name.startswith("add_on:") and pays(document, entry["organization"])
        for name, entry in document["resources"].items()
    )


def pays(document, name):
    """Whether what lies in this organization is on an invoice, read from the document alone."""
    line = line_above(document, name)
    statuses = {document["organizations"][each].get("status", "active") for each in line}
    return len(line) > 1 and not statuses & {"archived", "invited"}


def paid_by_reading(document, account):
    return {
        user
        for user, entry in document["users"].items()
        if entry.get("status", "active") == "active"
        for place, role in entry.get("memberships", {}).items()
        if role != "guest" and account in line_above(document, place) and pays(document, place)
    }


def test_the_terms_of_the_repository_are_part_of_the_law_and_its_revision():
    text = (POLICIES / "billing.toml").read_text()
    changed = policies_with(text.replace("decimals = 2", "decimals = 3"))

    assert engine().policies.terms == terms()
    assert changed.revision != engine().policies.revision
    assert Path(POLICIES / "billing.toml").read_bytes() == engine().policies.tables["billing.toml"]
