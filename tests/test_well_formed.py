"""The short path to a question takes what marshmallow takes, and nothing else."""

from datetime import UTC

from hypothesis import example, given
from hypothesis import strategies as st
from serving import QUESTION
from worlds import examples

from service.api.messages import spell
from service.api.rendering import decision_body, spell_decision
from service.api.requests import read_validated, read_well_formed
from service.errors import InvalidRequest
from service.policy.decision import Decision, Verdict

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def sometimes(likely):
    return st.one_of(likely, likely, likely, VALUES)


def objects(**members):
    """Objects of which each member may be missing or something else, and others may be there."""
    given = st.fixed_dictionaries({}, optional={n: sometimes(v) for n, v in members.items()})
    return st.builds(lambda a, b: {**b, **a}, given, st.just({}) | st.just({"later": 1}))


WORDS = st.sampled_from(["user", "dora", "read", "", "ü"])
MAPPINGS = st.none() | st.dictionaries(st.text(max_size=2), VALUES, max_size=2)
ENTITIES = objects(type=WORDS, id=WORDS, properties=MAPPINGS)
ACTIONS = objects(name=WORDS, properties=MAPPINGS)
DOCUMENTS = objects(subject=ENTITIES, action=ACTIONS, resource=ENTITIES, context=MAPPINGS)


@examples(100)
@given(DOCUMENTS)
@example(QUESTION)
@example({**QUESTION, "context": {}})
@example({**QUESTION, "context": []})
@example({**QUESTION, "subject": "type"})
@example({**QUESTION, "action": {"name": True}})
def test_both_ways_ask_the_same_or_neither_asks(document):
    try:
        validated = read_validated(document)
    except InvalidRequest:
        validated = None

    # repr, since 1, 1.0 and True are equal in Python
    assert repr(validated) == repr(read_well_formed(document))


NAMES = st.lists(st.text(max_size=8), max_size=3).map(tuple)


DECISIONS = st.builds(
    Decision,
    st.builds(
        Verdict,
        allowed=st.booleans(),
        reason=st.text(max_size=8),
        rules=NAMES,
        obligations=NAMES,
        detail=st.none() | st.text(max_size=8),
    ),
    id=st.text("0123456789abcdef", max_size=32),
    revision=st.integers(0),
    policy=st.text(max_size=8),
    valid_until=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@examples(100)
@given(DECISIONS)
def test_a_decision_is_spelled_from_pieces_as_it_would_be_whole(decision):
    assert spell(decision_body(decision)) == spell_decision(decision)
