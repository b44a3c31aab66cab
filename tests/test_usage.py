"""Usage as a stream: what is counted, what is refused by its line, and how it adds up."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_money import S1, S2, login, overages, shift, tenant, terms
from worlds import examples, schema

from service.domain.periods import EVER, month_of, read_period, windows
from service.domain.stretches import NOBODY, windows_of
from service.domain.subscriptions import (
    ANSWERS,
    active,
    entitlement,
    responsible,
    subscriptions_of,
)
from service.domain.usage import Meter, count_lines, count_values
from service.domain.usage_records import LINE_LIMIT_BYTES, read_line
from service.domain.world import read_world

MAPPED = {"ann": ["S1"], "ben": ["S2"], "cid": ["S2", "S1"], "dot": []}


def document():
    """A tenant of two subscriptions, and a neighbour."""
    world = tenant(mapped=MAPPED, S1=S1, S2=S2)
    world["organizations"] |= {"U": {"parent": "W"}, "T1": {"parent": "T"}}
    world["users"]["uma"] = {"memberships": {"U": "agent"}, "subscriptions": ["S9"]}
    world["users"]["sid"] = {"memberships": {"W": "admin"}}
    world["users"]["kim"] = {"memberships": {"T1": "agent"}, "subscriptions": ["S2"]}
    world["subscriptions"]["S9"] = {
        "organization": "U",
        "type": "named",
        "starts": "2020-01-01",
        "ends": "2030-01-01",
    }
    return world


def meter(world=None, period=None, **changed):
    directory = read_world(world or document(), schema())
    period = {} if period is None else {"period": read_period(period), "months": True}
    return Meter(directory, "T", terms(**changed), **period)


GOOD = [
    login("ann", "2025-11-03T08:00:00Z", "2025-11-03T12:00:00Z"),
    login("ben", "2025-11-03T09:00:00Z", "2025-11-03T10:00:00Z"),
    {"type": "ivr", "at": "2025-11-03T09:30:00Z", "quantity": 7},
    login("ben", "2025-11-03T10:00:00Z", "2025-11-03T11:00:00Z"),
    login("kim", "2025-11-03T10:30:00Z", "2025-11-03T11:00:00Z"),
]


def seat(**fields):
    """A log-in in the middle of the good ones, with other fields; None takes one away."""
    record = login("cid", "2025-11-03T09:30:00Z", "2025-11-03T09:40:00Z") | fields
    return {name: value for name, value in record.items() if value is not None}


def quantity(**fields):
    record = {"type": "ivr", "at": "2025-11-03T09:30:00Z", "quantity": 1} | fields
    return {name: value for name, value in record.items() if value is not None}


BAD = {
    "an unknown user": (seat(user="nobody"), "user"),
    "a user of another tenant": (seat(user="uma"), "user"),
    "a user of the platform": (seat(user="sid"), "user"),
    "nobody": (seat(user=None), "user"),
    "a user who is a number": (seat(user=7), "user"),
    "a user without a subscription": (seat(user="dot"), "user"),
    "a subscription of another tenant": (seat(subscription="S9"), "subscription"),
    "a subscription that is not there": (seat(subscription="S7"), "subscription"),
    "a subscription of somebody else": (seat(user="ann", subscription="S2"), "subscription"),
    "an overlapping log-in": (seat(user="ben"), "from"),
    "a log-in inside another": (seat(user="ann"), "from"),
    "a negative quantity": (quantity(quantity=-1), "quantity"),
    "half a quantity": (quantity(quantity=0.5), "quantity"),
    "a quantity that is true": (quantity(quantity=True), "quantity"),
    "a quantity in words": (quantity(quantity="1"), "quantity"),
    "no quantity": (quantity(quantity=None), "quantity"),
    "connect usage of another than the primary": (
        quantity(type="webex_connect", subscription="S2"),
        "subscription",
    ),
    "a local time": (seat(**{"from": "2025-11-03T09:30:00"}), "from"),
    "a date": (seat(until="2025-11-04"), "until"),
    "a time that never was": (quantity(at="2025-02-29T09:30:00Z"), "at"),
    "a number for a time": (quantity(at=1762162200), "at"),
    "an end before the beginning": (seat(until="2025-11-03T09:20:00Z"), "until"),
    "an end at the beginning": (seat(until="2025-11-03T10:30:00+01:00"), "until"),
    "no end": (seat(until=None), "until"),
    "a record out of order": (seat(**{"from": "2025-11-03T08:30:00Z"}), "from"),
    "an unknown type": (seat(type="agent"), "type"),
    "no type": (seat(type=None), "type"),
    "a member that is misspelt": (seat(subscribtion="S2"), "subscribtion"),
    "members of another type": (quantity(until="2025-11-03T09:40:00Z"), "until"),
    "a list": ([1], ""),
    "a string": ("agents", ""),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_is_refused_by_its_line_and_the_rest_untouched(bad):
    record, path = BAD[bad]
    clean, mixed = meter(), meter()
    assert [] == list(count_values(clean, GOOD))

    refused = list(count_values(mixed, [*GOOD[:3], record, *GOOD[3:]]))

    assert [(4, path)] == [(line, problem.path) for line, problem in refused]
    assert refused[0][1].reason
    assert (mixed.accepted, mixed.refused) == (5, 1)
    assert clean.finish() == mixed.finish()


BAD_LINES = {
    "not JSON": b'{"type": "agents"',
    "two values": b"{} {}",
    "a member twice": b'{"type": "ivr", "type": "ivr", "at": "2025-11-03T09:30:00Z"}',
    "not a number": b'{"type": "ivr", "at": "2025-11-03T09:30:00Z", "quantity": NaN}',
    "too deep": b'{"type": [[["ivr"]]]}',
    "not UTF-8": b'{"type": "\xff"}',
    "too long": b'{"type": "' + b"x" * LINE_LIMIT_BYTES + b'"}',
}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_is_refused_and_the_rest_untouched_however_it_comes(bad, size):
    good = [json.dumps(each).encode() for each in GOOD]
    text = b"\n".join([good[0], b"", BAD_LINES[bad], *good[1:]])
    mixed, clean = meter(), meter()

    refused = list(count_lines(mixed, [text[at : at + size] for at in range(0, len(text), size)]))

    assert [] == list(count_values(clean, GOOD))
    assert [3] == [line for line, _ in refused]
    assert clean.finish() == mixed.finish()


def test_a_refused_record_far_in_the_future_does_not_stop_the_others():
    counting = meter()
    late = login("nobody", "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z")

    refused = list(count_values(counting, [GOOD[0], late, *GOOD[1:]]))

    assert [2] == [line for line, _ in refused]
    assert counting.accepted == len(GOOD)


TYPES = ("agents", "ivr", "ai_agent")
DAYS = st.integers(0, 900).map(lambda day: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(day))


@st.composite
def subscriptions(draw):
    """Any subscriptions of one tenant, as they are kept, the oldest first."""
    drawn = {}
    for number in range(draw(st.integers(0, 6))):
        starts, ends = sorted(draw(st.lists(DAYS, min_size=2, max_size=2, unique=True)))
        given = draw(st.dictionaries(st.sampled_from(TYPES), st.integers(0, 9)))
        drawn[f"S{number}"] = (str(starts.date()), str(ends.date()), given)
    return subscriptions_of(read_world(tenant(**drawn), schema()), "T")


@examples(80)
@given(subscriptions(), st.sampled_from(sorted(ANSWERS)), st.sampled_from(["active", "month"]))
def test_what_is_known_of_each_stretch_is_what_holds_at_its_first_instant(bought, rule, entitled):
    asked = terms(responsible=f'"{rule}"', entitled=f'"{entitled}"')
    cuts = [edge for each in bought for edge in (each.starts, each.ends)]
    cuts += [edge for cut in cuts for edge in month_of(cut)]

    for window in windows_of(windows(EVER, cuts), bought, asked):
        now = window.period.since
        in_force = active(bought, now)
        counting = in_force
        if entitled == "month" and in_force:
            month = month_of(now)
            counting = [s for s in bought if s.starts < month.until and month.since < s.ends]
        assert window.primary == (in_force[0].key[1] if in_force else None)
        assert window.type == (in_force[0].type if in_force else None)
        assert {kind: window.entitled.get(kind, 0) for kind in TYPES} == {
            kind: entitlement(counting).get(kind, 0) for kind in TYPES
        }
        for kind in asked.usage:
            answers = responsible(rule, in_force, kind)
            assert window.responsible(kind) == (answers.key[1] if answers else NOBODY)


@pytest.mark.parametrize("entitled", ["active", "month"])
def test_a_term_may_last_until_the_last_month_of_all_time(entitled):
    world = tenant(mapped={"ann": ["S1"]}, S1=("9999-10-01", "9999-12-31", {"agents": 1}))
    counting = meter(world, entitled=f'"{entitled}"')

    record = login("ann", "9999-12-03T08:00:00Z", "9999-12-03T12:00:00Z")

    assert [] == list(count_values(counting, [record]))
    assert overages(counting.finish()[0])[:2] == (1, 0)


def test_two_records_at_one_instant_are_in_order():
    assert [] == list(count_values(meter(), shift(["ann", "ben", "cid"])))


def test_who_leaves_when_another_comes_has_left():
    hours = ("08", "09", "10", "11")
    records = [
        login(user, f"2025-11-03T{since}:00:00Z", f"2025-11-03T{until}:00:00Z")
        for user, since, until in zip(("ann", "ben", "cid"), hours, hours[1:], strict=False)
    ]
    counting = meter()

    assert [] == list(count_values(counting, records))
    assert overages(counting.finish()[0])[0] == 1


def test_a_record_that_names_its_subscription_is_of_that_one_in_every_month():
    counting = meter(period="2025")
    night = ("2025-10-31T23:00:00Z", "2025-11-01T01:00:00Z")
    records = [login("cid", *night) | {"subscription": "S2"}, login("kim", *night)]

    assert [] == list(count_values(counting, records))

    for stretch in counting.finish():
        assert [(part.subscription, part.used) for part in stretch.counted[0].parts] == [("S2", 2)]


# The end of a term, and clocks that are put back


def test_a_log_in_that_reaches_over_the_end_of_a_term_counts_until_then():
    counting = meter()
    night = ("2025-12-31T23:00:00Z", "2026-01-01T02:00:00Z")

    assert [] == list(count_values(counting, [login(user, *night) for user in ("ann", "cid")]))
    before, after = counting.finish()

    # Ann loses access at midnight; Cid goes on, and from then on is the other subscription's.
    assert (before.primary, after.primary) == ("S1", "S2")
    assert [(part.subscription, part.used) for part in before.counted[0].parts] == [("S1", 2)]
    assert [(part.subscription, part.used) for part in after.counted[0].parts] == [("S2", 1)]


@pytest.mark.parametrize(
    ("begins", "ends", "accepted"),
    [
        ("2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", False),
        # Midnight in Tokyo is long before midnight in UTC, and in New York long after it.
        ("2026-01-01T00:00:00+09:00", "2026-01-01T00:30:00+09:00", True),
        ("2025-12-31T19:00:00-05:00", "2025-12-31T20:00:00-05:00", False),
    ],
)
def test_midnight_is_an_instant_wherever_it_is_spelled(begins, ends, accepted):
    refused = list(count_values(meter(), [login("ann", begins, ends)]))

    assert (refused == []) is accepted


def test_a_term_that_ends_while_clocks_are_put_back_ends_once():
    # In Oslo half past two comes twice on the 26th of October 2025; the first ends the term.
    world = tenant(
        mapped={"ann": ["S1"], "ben": ["S1"]},
        S1=("2024-01-01", "2025-10-26T02:30:00+02:00", 1),
        S2=S2,
    )
    counting = meter(world)
    records = [
        login("ann", "2025-10-26T02:15:00+02:00", "2025-10-26T02:05:00+01:00"),
        login("ben", "2025-10-26T02:29:59+02:00", "2025-10-26T02:30:00+02:00"),
        login("ben", "2025-10-26T02:30:00+02:00", "2025-10-26T02:45:00+02:00"),
        login("ben", "2025-10-26T02:15:00+01:00", "2025-10-26T02:20:00+01:00"),
    ]

    refused = list(count_values(counting, records))

    assert [3, 4] == [line for line, _ in refused]
    assert overages(counting.finish()[0]) == (2, 0, {"S1": 0})


def test_an_account_that_needs_no_subscription_counts_everybody():
    world = tenant(mapped={"ann": [], "ben": ["S2"]}, required=False, S1=S1, S2=S2)
    counting = meter(world)

    assert [] == list(count_values(counting, shift(["ann", "ben"])))

    (stretch,) = counting.finish()
    assert [(part.subscription, part.used) for part in stretch.counted[0].parts] == [
        ("S1", 1),
        ("S2", 1),
    ]


def test_usage_while_nothing_is_active_is_nobodys_and_never_overage():
    world = tenant(mapped={"ann": []}, required=False, S1=("2024-01-01", "2025-01-01", 0))
    counting = meter(world)

    assert [] == list(count_values(counting, shift(["ann"])))

    (stretch,) = counting.finish()
    assert (stretch.primary, stretch.type) == (None, None)
    assert overages(stretch) == (1, 0, {None: 0})


def test_days_of_grace_count_for_those_who_are_let_in():
    late = login("ann", "2026-01-02T08:00:00Z", "2026-01-02T09:00:00Z")
    strict, lenient = meter(), meter(grace_days=3)

    assert [1] == [line for line, _ in count_values(strict, [late])]
    assert [] == list(count_values(lenient, [late]))
    # Its seat counts against what is active, and the primary is no longer the one in its grace.
    (stretch,) = lenient.finish()
    assert stretch.primary == "S2"
    assert stretch.counted[0].entitled == 15
    assert [part.subscription for part in stretch.counted[0].parts] == ["S1"]


# Periods


def test_what_lies_outside_the_period_is_passed_over_wherever_it_stands():
    counting = meter(period="2025-12")
    records = [
        login("ann", "2026-06-01T00:00:00Z", "2026-06-01T01:00:00Z"),
        login("ben", "2025-11-30T23:00:00Z", "2025-12-01T00:00:00Z"),
        login("ben", "2025-11-30T23:30:00Z", "2025-12-01T00:30:00Z"),
        login("cid", "2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z"),
        quantity(at="2025-11-30T23:59:59Z"),
        quantity(at="2026-01-01T00:00:00Z"),
    ]

    assert [] == list(count_values(counting, records))

    assert (counting.accepted, counting.outside) == (2, 4)
    (stretch,) = counting.finish()
    assert stretch.period == read_period("2025-12")
    assert overages(stretch) == (1, 0, {"S1": 0, "S2": 0})


def test_a_year_is_cut_into_its_months_and_at_the_ends_of_terms():
    world = tenant(mapped={"ben": ["S2"]}, S1=("2024-01-01", "2025-07-15", 1), S2=S2)
    counting = meter(world, "2025")
    records = [
        login("ben", f"2025-{month:02}-{day}T08:00:00Z", f"2025-{month:02}-{day}T09:00:00Z")
        for month in range(1, 13)
        for day in (10, 20)
    ]

    assert [] == list(count_values(counting, records))

    stretches = counting.finish()
    assert len(stretches) == 13
    edges = [stretch.period.since for stretch in stretches]
    assert datetime(2025, 7, 15, tzinfo=UTC) in edges
    assert edges == sorted(edges)


@pytest.mark.parametrize(("rule", "entitled"), [('"active"', [25, 15]), ('"month"', [25, 25, 15])])
def test_whose_entitlements_count_in_the_month_of_an_end_stands_in_billing_toml(rule, entitled):
    world = tenant(
        mapped={"ben": ["S2"]},
        S1=("2024-01-01", "2025-11-15", 10),
        S2=("2025-01-01", "2028-01-01", 15),
    )
    counting = meter(world, entitled=rule)
    days = ("2025-11-03", "2025-11-20", "2025-12-20")

    assert [] == list(count_values(counting, [one for day in days for one in shift(["ben"], day)]))

    assert [stretch.counted[0].entitled for stretch in counting.finish()] == entitled


# Law 9 (2.11), and what a naive reading of all records comes to

HOUR = timedelta(hours=1)
BEGIN = datetime(2025, 12, 30, tzinfo=UTC)
_HOURS = st.integers(0, 30)


@st.composite
def tenants(draw):
    """A tenant, with subscriptions that begin and end in these days, and records in order."""
    kind = draw(st.sampled_from(("concurrent", "named")))
    bought = {}
    for name in ("S1", "S2", "S3")[: draw(st.integers(1, 3))]:
        starts, length = draw(_HOURS), draw(st.integers(1, 40))
        term = [spelled(starts - 12), spelled(starts - 12 + length)]
        bought[name] = (*term, draw(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 3))))
    names = st.lists(st.sampled_from(sorted(bought)), unique=True, max_size=2)
    mapped = {user: draw(names) for user in ("ann", "ben", "cid", "dot")}
    world = tenant(kind, mapped, draw(st.booleans()), **bought)
    records = []
    for _ in range(draw(st.integers(0, 12))):
        user, at = draw(st.sampled_from(sorted(mapped))), draw(_HOURS)
        if draw(st.booleans()):
            records.append(login(user, spelled(at), spelled(at + draw(st.integers(1, 8)))))
        else:
            record = {"type": draw(st.sampled_from(KINDS[1:])), "at": spelled(at)}
            record |= {"user": user} if draw(st.booleans()) else {}
            records.append({**record, "quantity": draw(st.integers(0, 5))})
    return world, sorted(records, key=lambda record: record.get("from") or record["at"])


KINDS = ("agents", "ivr", "webex_connect")


def spelled(hours):
    return (BEGIN + hours * HOUR).isoformat().replace("+00:00", "Z")


def naive(world, accepted, window, kind):
    """The tenant's usage of a type in a window, from all records at once, hour by hour."""
    since, until = window
    used = [record for record in accepted if record["type"] == kind]
    if kind != "agents":
        return sum(each["quantity"] for each in used if since <= instant(each["at"]) < until)
    here, hour = [], max(since, BEGIN - HOUR)
    while hour < min(until, BEGIN + 50 * HOUR):
        here.append(
            {
                each["user"]
                for each in used
                if instant(each["from"]) <= hour < instant(each["until"])
                and has_access(world, each["user"], hour)
            }
        )
        hour += HOUR
    named = bool(in_force(world, since)) and "named" in {
        world["subscriptions"][name]["type"] for name in in_force(world, since)
    }
    return len(set().union(*here)) if named else max(map(len, here), default=0)


def instant(text):
    return datetime.fromisoformat(text)


def in_force(world, moment):
    bought = world["subscriptions"]
    return [
        name
        for name in sorted(bought, key=lambda name: (instant(bought[name]["starts"]), name))
        if instant(bought[name]["starts"]) <= moment < instant(bought[name]["ends"])
    ]


def has_access(world, user, moment):
    mapped = world["users"][user]["subscriptions"]
    required = world["organizations"]["T"]["subscription_required"]
    return not required or any(name in in_force(world, moment) for name in mapped)


@examples(300)
@given(tenants())
def test_overage_is_what_the_whole_tenant_exceeds_and_only_the_primarys(drawn):
    world, records = drawn
    counting = meter(world)
    refused = {line for line, _ in count_values(counting, records)}
    accepted = [each for line, each in enumerate(records, start=1) if line not in refused]

    for stretch in counting.finish():
        active = in_force(world, max(stretch.period.since, BEGIN - 100 * HOUR))
        assert stretch.primary == (active[0] if active else None)
        for counted in stretch.counted:
            entitled = sum(
                world["subscriptions"][name]["entitlements"].get(counted.kind, 0) for name in active
            )
            charged = counted.kind != "webex_connect" and bool(active)
            assert counted.used == naive(world, accepted, stretch.period, counted.kind)
            assert counted.entitled == entitled
            assert counted.overage == (max(0, counted.used - entitled) if charged else 0)
            others = [part for part in counted.parts if part.subscription != stretch.primary]
            assert sum(part.overage for part in others) == 0
            assert sum(part.overage for part in counted.parts) == counted.overage
            if counted.kind == "webex_connect":
                assert [part.subscription for part in counted.parts] == [stretch.primary]
            elif counted.kind == "ivr" or (stretch.type == "named"):
                assert sum(part.used for part in counted.parts) == counted.used
            else:
                assert sum(part.used for part in counted.parts) >= counted.used


@examples(100)
@given(tenants(), st.data())
def test_records_that_are_refused_change_nothing(drawn, data):
    world, records = drawn
    plain, mixed = meter(world), meter(world)
    refused = [line for line, _ in count_values(plain, records)]
    bad = st.sampled_from([seat(user="uma"), quantity(quantity=-1), None, {"type": "agents"}])
    with_bad = []
    for record in records:
        with_bad += [*data.draw(st.lists(bad, max_size=2)), record]

    also_refused = [line for line, _ in count_values(mixed, with_bad)]

    assert plain.finish() == mixed.finish()
    assert len(also_refused) == len(refused) + len(with_bad) - len(records)


@examples(200)
@given(st.binary(max_size=80) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.dictionaries(
        st.sampled_from(("type", "user", "from", "until", "at", "quantity")), inner
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_line_breaks_the_reader(line):
    read_line(line, terms().usage)
