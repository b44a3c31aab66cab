"""The quick reader of JSON gives what the strict one gives, or leaves the body to it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from worlds import examples

from service.domain.strict_json import _UNPROVEN, _read_quickly, read_json, read_strictly
from service.errors import WatershedError

NAMES = st.sampled_from(["a", "b", "type", "", ":", "[", "{", "}", 'q"', "\\", "ü", "\x7f", "🌊"])
NUMBERS = st.sampled_from(
    ["0", "-0", "-0.0", "1.0", "1e5", "1e999", "-1e999", "0.1e-400", "01", "1.", "NaN", "Infinity"]
    + ["9" * 17, "9" * 18, "9" * 19, "9" * 20, "9" * 400, "18446744073709551616", "1" * 17 + ".5"]
    + ["9007199254740993.0", "-Infinity", "123456789012345678e-5"]
)
STRINGS = st.one_of(
    st.builds(json.dumps, NAMES),
    st.builds(lambda text: json.dumps(text, ensure_ascii=False), NAMES | st.text(max_size=5)),
    st.sampled_from([r'"\ud800"', r'"\u0000"', r'"\u003a"', '"\x01"', '"\x7f"', r'"\ud83c\udf0a"']),
)


def lists(texts):
    return st.lists(texts, max_size=4).map(lambda parts: f"[{','.join(parts)}]")


def objects(texts):
    """Objects in which a name may stand twice."""
    members = st.lists(st.tuples(STRINGS, texts), max_size=4)
    return members.map(lambda pairs: f"{{{', '.join(f'{n}: {v}' for n, v in pairs)}}}")


def wrapped(texts):
    brackets = st.sampled_from([("[", "]"), ('{"a":', "}"), ('[{"b":', "}]")])
    return st.builds(
        lambda pair, depth, text: pair[0] * depth + text + pair[1] * depth,
        brackets,
        st.integers(0, 40),
        texts,
    )


TEXTS = st.recursive(
    STRINGS | NUMBERS | st.sampled_from(["true", "false", "null", "", " ", "{", "]", "\ufeff1"]),
    lambda texts: lists(texts) | objects(texts) | wrapped(texts),
    max_leaves=12,
)
BODIES = TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=12)


def outcome(read, body):
    """What comes out, spelled so that 1, 1.0 and True differ; or the kind of refusal."""
    try:
        return repr(read(body))
    except WatershedError as error:
        return type(error), str(error)


@examples(100)
@given(BODIES)
@example(b'{"a":1,"a":1}')
@example(b'{"a":":","a":"::"}')
@example(b'{"a":{"b":1},"a":2, "c":":"}')
@example(rb'{"a":"\u003a","a":1}')
@example(b'{"a":18446744073709551616}')
@example(b'["]",' * 40 + b"1" + b',"["]' * 40)
@example(b"[" * 33 + b'"","[","","]",""' + b"]" * 33)
@example(b"[" * 32 + b'"","[","","]",""' + b"]" * 32)
@example(b"[[" + b'"","]]",' * 40 + b'""]]')
@example(b'{"a":' * 31 + b"{}" + b"}" * 31)
@example(b'{"a":' * 32 + b"{}" + b"}" * 32)
@example(b'[{"a":' * 17 + b"1" + b"}]" * 17)
@example(b"[" * 2000 + b"]" * 2000)
@example(b"\xed\xa0\x80")
def test_the_quick_reader_reads_as_the_strict_one_does(body):
    assert outcome(read_strictly, body) == outcome(read_json, body)


@examples(100)
@given(BODIES)
def test_what_the_quick_reader_takes_the_strict_one_takes(body):
    value = _read_quickly(body, 32)

    assert value is _UNPROVEN or repr(value) == repr(read_strictly(body))


@pytest.mark.parametrize("spaces", [None, 1])
@pytest.mark.parametrize("items", [1, 1000])
def test_a_plain_request_is_read_quickly(items, spaces):
    entity = {"type": "user", "id": "a:b", "properties": {"filter": ["x", "[", "y"], "n": 1.5}}
    document = {"evaluations": [{"subject": entity, "action": {"name": "read"}}] * items}
    body = json.dumps(document, indent=spaces).encode()

    assert document == _read_quickly(body, 32)
