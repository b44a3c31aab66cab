"""What an organization holds: exactly what policies would let it use, and for exactly as long."""

from datetime import timedelta

import pytest
from hypothesis import given
from worlds import NOW, directory_of, engine, examples, worlds

from service.domain.identifiers import parse_moment
from service.domain.inheritance import EVERYTHING, INHERITED, OWN, holdings
from service.domain.moment import Moment

INSTANT = timedelta(microseconds=1)


def moment_of(document, now=NOW, levels=3):
    return Moment(directory_of(document, levels), now, engine().vocabulary)


def held(moment, organization, source=INHERITED, **more):
    return [holding.key for holding in holdings(moment, organization, source, **more)]


def everywhere(moment):
    return [record.key[1] for record in moment.directory.of_kind("organization")]


def usable_from_above(moment, organization):
    """Every resource that a policy would call usable there, found by walking the world."""
    place = moment.organization(organization)
    return sorted(
        key
        for key in moment.directory.records
        if key[0] not in ("organization", "user", "partner", "subscription")
        and (item := moment.find(key)).organization.id != organization
        and place.within(item.organization)
        and item.usable_in(place)
    )


@examples(200)
@given(worlds(levels=5))
def test_an_organization_inherits_exactly_what_is_usable_there(document):
    moment = moment_of(document, levels=5)

    for name in everywhere(moment):
        assert usable_from_above(moment, name) == held(moment, name)


@examples(100)
@given(worlds(levels=5))
def test_what_is_held_is_what_is_owned_and_what_is_inherited(document):
    moment = moment_of(document, levels=5)

    for name in everywhere(moment):
        own = held(moment, name, OWN)
        assert own == sorted(
            tuple(reference.split(":", 1))
            for reference, entry in document["resources"].items()
            if entry["organization"] == name
        )
        assert held(moment, name, EVERYTHING) == sorted(own + held(moment, name))


@examples(100)
@given(worlds(levels=4))
def test_it_is_held_from_the_first_to_the_last_instant_that_is_told(document):
    moment = moment_of(document, levels=4)

    for name in everywhere(moment):
        for holding in holdings(moment, name):
            begins, ends = holding.since, holding.until
            inside = [NOW, begins, ends and ends - INSTANT]
            outside = [begins and begins - INSTANT, ends]
            for instants, expected in ((inside, True), (outside, False)):
                for instant in filter(None, instants):
                    then = moment_of(document, instant, levels=4)
                    assert expected == (holding.key in held(then, name))


@examples(100)
@given(worlds(levels=4))
def test_reading_on_from_any_entry_gives_the_rest(document):
    moment = moment_of(document, levels=4)

    for name in everywhere(moment):
        whole = held(moment, name, EVERYTHING)
        for index, key in enumerate(whole):
            assert whole[index + 1 :] == held(moment, name, EVERYTHING, after=key)


def shared(*shares):
    """A channel of the account A, shared so; X and Y lie below A, X1 below X."""
    organizations = {"P": {}, "A": {"parent": "P"}, "X": {"parent": "A"}, "Y": {"parent": "A"}}
    return {
        "organizations": {**organizations, "X1": {"parent": "X"}},
        "resources": {"channel:c": {"organization": "A"}},
        "shares": [{"resource": "channel:c", **share} for share in shares],
    }


def the_one(document, organization, now=NOW):
    (holding,) = holdings(moment_of(document, now, levels=4), organization)
    return holding


@pytest.mark.parametrize(
    ("share", "organization", "via"),
    [
        ({"with": "all"}, "X", "A"),
        ({"with": "all", "depth": "descendants"}, "X1", "A"),
        ({"with": ["X", "Y"]}, "X", "X"),
        ({"with": ["X"], "depth": "descendants"}, "X1", "X"),
        ({"with": ["X", "X1"], "depth": "descendants"}, "X1", "X1"),
    ],
)
def test_it_is_told_through_whom_a_share_came(share, organization, via):
    assert via == the_one(shared(share), organization).via


def test_a_share_that_begins_before_another_ends_prolongs_it():
    first = {"with": "all", "valid_until": "2026-07-01"}
    next_one = {"with": ["X"], "valid_from": "2026-07-01", "valid_until": "2026-08-01"}
    last = {"with": ["X"], "valid_from": "2026-09-01"}

    assert parse_moment("2026-08-01") == the_one(shared(last, next_one, first), "X").until
    assert parse_moment("2026-07-01") == the_one(shared(last, next_one, first), "Y").until


def test_an_unlimited_share_outlasts_all_others():
    short = {"with": "all", "valid_from": "2026-01-01", "valid_until": "2026-07-01"}
    holding = the_one(shared(short, {"with": ["X"]}), "X")

    assert (None, None, "X") == (holding.since, holding.until, holding.via)


def test_a_share_that_is_over_counts_as_little_as_one_to_come():
    over = {"with": "all", "valid_until": "2026-06-01T12:00:00Z"}
    to_come = {"with": "all", "valid_from": "2026-06-01T12:00:00.000001Z"}

    assert [] == held(moment_of(shared(over, to_come), levels=4), "X")
