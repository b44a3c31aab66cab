"""Records in layers are what a dict would be to which the same had been done, in every version."""

from hypothesis import given
from hypothesis import strategies as st
from worlds import examples

from service.domain.layers import Layered, changed, gathered, may_differ
from service.domain.records import PartnerRecord

NAMES = st.sampled_from([f"p{number}" for number in range(12)])
RECORDS = st.builds(
    PartnerRecord,
    key=st.tuples(st.just("partner"), NAMES),
    organization=st.sampled_from(["a", "b"]),
    role=st.just("full_admin"),
)
CHANGES = st.dictionaries(NAMES, st.none() | RECORDS, max_size=3)
BASES = st.dictionaries(NAMES, RECORDS, max_size=12)


def versions(base, steps):
    """Each version in layers beside the dict that it must equal."""
    named, plain = base, dict(base)
    yield named, plain
    for step in steps:
        named = changed(named, step)
        merged = {**plain, **step}
        plain = {name: record for name, record in merged.items() if record is not None}
        yield named, plain


@examples(200)
@given(BASES, st.lists(CHANGES, max_size=8))
def test_every_version_is_the_dict_to_which_the_same_was_done(base, steps):
    kept = list(versions(base, steps))

    for named, plain in kept:
        assert len(named) == len(plain)
        assert bool(named) == bool(plain)
        assert sorted(named) == sorted(plain)
        assert dict(named.items()) == plain
        assert sorted(map(repr, named.values())) == sorted(map(repr, plain.values()))
        assert gathered(named) == plain and type(gathered(named)) is dict
        for number in range(13):
            name = f"p{number}"
            assert named.get(name) is plain.get(name)
            assert named.get(name, "nothing") == plain.get(name, "nothing")
            assert (name in named) == (name in plain)


@examples(200)
@given(BASES, st.lists(CHANGES, max_size=8))
def test_what_may_differ_holds_all_that_does_and_each_once(base, steps):
    kept = list(versions(base, steps))

    for one, plain in kept:
        for other, other_plain in kept:
            found = list(may_differ(one, other))
            differing = {
                name for name in {*plain, *other_plain} if plain.get(name) != other_plain.get(name)
            }
            assert differing <= set(found)
            assert len(found) == len(set(found))


def a_world_of(count):
    return {
        f"u{number}": PartnerRecord(("partner", f"u{number}"), "a", "x") for number in range(count)
    }


def test_few_changes_of_many_records_are_kept_before_them_and_many_become_one_with_them():
    base = a_world_of(400)
    gone = {f"u{number}": None for number in range(200)}

    few = changed(base, dict(list(gone.items())[:100]))
    many = changed(few, gone)

    assert (Layered, 300) == (type(few), len(few))
    assert (dict, 200) == (type(many), len(many))
    assert 400 == len(base)


def test_what_was_put_and_removed_again_leaves_nothing_behind():
    named = base = a_world_of(400)
    for number in range(1_000):
        name = f"new {number}"
        named = changed(named, {name: base["u1"]})
        named = changed(named, {name: None})

    assert [] == list(may_differ(base, named))
