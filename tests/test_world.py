"""The world document: what is read is what was written, and nothing bad is read at all."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_refused_worlds import problems, subscription, world
from worlds import NOW, answers, directory_of, examples, scenes, schema, worlds

from service.domain.identifiers import parse_moment
from service.domain.schema import read_schema
from service.domain.world import SECTIONS, parse_world, read_world, write_world
from service.errors import MalformedDocument, WatershedError

# Reading and writing


@examples(60)
@given(worlds(levels=5))
def test_what_is_written_is_read_as_it_was(document):
    directory = directory_of(document, 5)

    assert read_world(write_world(directory), schema(), 5) == directory


@examples(40)
@given(scenes(levels=4))
def test_what_is_written_decides_as_it_did(scene):
    document, levels, asked = scene
    directory = directory_of(document, levels)
    again = directory_of(json.loads(json.dumps(write_world(directory))), levels)

    assert answers(again, asked) == answers(directory, asked)


def test_the_order_of_a_document_means_nothing():
    document = world()
    backwards = {
        section: dict(reversed(entries.items())) for section, entries in reversed(document.items())
    }

    assert directory_of(backwards) == directory_of(document)


TOML = """
[organizations]
P = { name = "Plattform" }
N = { parent = "P", subscription_required = true }

[users]
ann = { memberships = { N = "admin" }, subscriptions = ["s"] }

[resources]
"channel:c" = { organization = "N", kind = "inbox" }

[subscriptions]
s = { organization = "N", type = "named", starts = 2026-01-01, ends = 2027-01-01T00:00:00+01:00 }

[[shares]]
resource = "channel:c"
with = "all"
valid_until = 2026-12-31T23:59:59Z
"""
JSON = """
{"organizations": {"P": {"name": "Plattform"}, "N": {"parent": "P", "subscription_required": true}},
 "users": {"ann": {"memberships": {"N": "admin"}, "subscriptions": ["s"]}},
 "resources": {"channel:c": {"organization": "N", "kind": "inbox"}},
 "subscriptions": {"s": {"organization": "N", "type": "named",
   "starts": "2026-01-01", "ends": "2026-12-31T23:00:00Z"}},
 "shares": [{"resource": "channel:c", "with": "all", "valid_until": "2026-12-31T23:59:59Z"}]}
"""


def test_json_and_toml_agree():
    from_toml = parse_world(TOML.encode(), "world.toml")
    from_json = parse_world(JSON.encode(), "world.json")

    assert directory_of(from_toml) == directory_of(from_json)


def test_absent_and_null_mean_the_same():
    nothing = dict.fromkeys(SECTIONS)
    bare = {"parent": None, "name": None, "status": None, "kind": None}

    assert directory_of({**nothing, "organizations": {"P": bare}}) == directory_of(
        {"organizations": {"P": {}}}
    )


@pytest.mark.parametrize(
    "document",
    [
        {"organizations": {"P": {"name": ""}}},
        world(subscriptions={"s": subscription(telephony="", plan="")}),
        world(subscriptions={"s": subscription(starts="0001-01-01", ends="9999-12-31")}),
        world(users={"ann": {}, "bob": {"memberships": {}, "subscriptions": []}}),
    ],
    ids=["an empty name", "empty terms", "the whole of time", "users of nothing"],
)
def test_the_edges_of_a_document_survive_a_round_trip(document):
    directory = directory_of(document)

    assert directory_of(write_world(directory)) == directory


# Types of one's own

OWN_TYPES = read_schema(
    {
        "types": {
            "vault": {
                "attributes": {
                    "keepers": "organizations?",
                    "open_to": "targets?",
                    "size": "integer?",
                    "weight": "number?",
                    "sealed": "boolean?",
                    "labels": "strings?",
                    "bill": "subscription?",
                    "twin": "vault?",
                }
            }
        }
    }
)


@pytest.mark.parametrize(
    "attributes",
    [
        {"keepers": ["N", "D"], "open_to": ["N"], "size": 3, "weight": 0.5},
        {"open_to": "all", "sealed": False, "labels": ["", "ü"], "bill": "s"},
        {"size": -(2**63), "weight": 2**63 - 1, "keepers": [], "twin": "v"},
    ],
    ids=["lists", "all", "ends of ranges"],
)
def test_types_of_ones_own_are_read_and_written(attributes):
    document = world(resources={"vault:v": {"organization": "N", **attributes}})
    directory = read_world(document, OWN_TYPES)

    assert read_world(write_world(directory), OWN_TYPES) == directory


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("keepers", "N", "is not a list of ids"),
        ("keepers", ["N", 1], "is not a string"),
        ("keepers", ["X"], "organization:X, which is not in the world"),
        ("open_to", ["X"], "organization:X, which is not in the world"),
        ("open_to", [], "is neither"),
        ("open_to", {}, "is neither"),
        ("size", 1.0, "is not a whole number"),
        ("size", True, "is not a whole number"),
        ("size", 2**63, "64 bits"),
        ("weight", "1", "is not a number"),
        ("weight", True, "is not a number"),
        ("weight", float("nan"), "is not a finite number"),
        ("sealed", 0, "is not true or false"),
        ("labels", ["a", 1], "is not a list of strings"),
        ("bill", "t", "subscription:t, which is not in the world"),
        ("twin", "w", "vault:w, which is not in the world"),
        ("twin", "all", "vault:all, which is not in the world"),
    ],
)
def test_an_attribute_of_a_wrong_kind_is_refused(name, value, reason):
    document = world(resources={"vault:v": {"organization": "N", name: value}})

    assert reason in problems(document, types=OWN_TYPES)[0][2]


# Whatever comes

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["P", "N", "all", "channel:c", "admin", "2026-01-01", "", "#"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["P", "channel:c", "N"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
_FIELDS = (
    ("organizations", "P", ("name", "kind", "parent", "status", "subscription_required")),
    ("users", "u", ("name", "type", "status", "memberships", "selected", "subscriptions")),
    ("resources", "agent:c", ("organization", "user", "kind", "channel")),
    ("subscriptions", "s", (*subscription(), "plan", "telephony", "hybrid", "entitlements")),
    ("partners", "p", ("organization", "role")),
)


def _accepted(document):
    """Whether the document, sent as bytes, is a world; anything but a refusal is an error."""
    try:
        body = json.dumps(document).encode()
        directory_of(parse_world(body))
    except WatershedError:
        return False
    return True


@examples(200)
@given(_JSON)
def test_arbitrary_json_is_read_or_refused(document):
    assume(isinstance(document, dict))
    _accepted(document)


@examples(300)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SECTIONS, _JSON)))
def test_arbitrary_sections_are_read_or_refused(document):
    _accepted(document)


@examples(400)
@given(st.data())
def test_arbitrary_fields_are_read_or_refused(data):
    document = world()
    for section, name, fields in _FIELDS:
        entry = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, _JSON)))
        document.setdefault(section, {})[name] = entry
    row = dict.fromkeys(("resource", "with", "depth", "valid_from", "valid_until"), _JSON)
    document["shares"] = data.draw(st.lists(st.fixed_dictionaries({}, optional=row), max_size=2))

    _accepted(document)


@examples(200)
@given(worlds(levels=3), st.data())
def test_one_bad_value_in_a_good_world_is_read_or_refused(document, data):
    section = data.draw(st.sampled_from([each for each in SECTIONS if document[each]]))
    keys = range(len(document[section])) if section == "shares" else sorted(document[section])
    entry = document[section][data.draw(st.sampled_from(list(keys)))]
    assume(entry)
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(_JSON)

    _accepted(document)


@examples(200)
@given(
    st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
)
def test_arbitrary_bytes_are_read_or_refused(body):
    for name in ("world.json", "world.toml"):
        with suppress(WatershedError):
            directory_of(parse_world(body, name))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"users": {}, "users": {}}',
        b'{"a": NaN}',
        b"[" * 99_999,
    ],
    ids=repr,
)
def test_bytes_that_are_no_document_are_refused(body):
    with pytest.raises(WatershedError):
        parse_world(body)


@pytest.mark.parametrize(
    "body", [b"= 1", b"\xff", b"a = 1\na = 2", b"a = " + b"[" * 9_999], ids=repr
)
def test_bytes_that_are_no_toml_are_refused(body):
    with pytest.raises(MalformedDocument):
        parse_world(body, "world.toml")


@examples(300)
@given(
    st.text(max_size=30)
    | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat)
    | st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)\Z")
)
def test_any_text_names_an_instant_in_utc_or_none(text):
    moment = parse_moment(text)

    assert moment is None or moment.tzinfo is UTC


def test_a_date_is_its_first_instant_in_utc():
    assert parse_moment("2026-06-01") == NOW.replace(hour=0)
