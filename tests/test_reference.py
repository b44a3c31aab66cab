"""The policies and a naive reading of the requirements agree on whatever is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import ACTIONS, ATTRIBUTES, SHAREABLE, World, allowed
from worlds import NOW, decide, directory_of, examples, questions, scenes, schema, worlds


def _spelled(attributes):
    return {each.name: each.kind + "?" * each.optional for each in attributes.values()}


def test_the_policies_know_the_actions_of_the_contract_and_no_others():
    known = {
        kind: {action: _spelled(parameters) for action, parameters in each.actions.items()}
        for kind, each in schema().types.items()
    }

    assert known == ACTIONS


def test_the_policies_know_the_attributes_of_the_contract_and_no_others():
    known = {kind: _spelled(each.attributes) for kind, each in schema().types.items()}

    assert {kind: each for kind, each in known.items() if each} == ATTRIBUTES


def test_only_agents_channels_and_articles_can_be_shared():
    shareable = {kind for kind, each in schema().types.items() if each.shareable}

    assert shareable == set(SHAREABLE)


GROUPS = [
    ("organization",),
    ("user", "partner"),
    ("conversation",),
    SHAREABLE,
    tuple(kind for kind in ACTIONS if kind not in ("organization", "user", "partner")),
]


@pytest.mark.parametrize("kinds", GROUPS, ids=" ".join)
@examples(40)
@given(data=st.data())
def test_the_policies_decide_as_the_requirements_say(kinds, data):
    document, levels, requests = data.draw(scenes(kinds=kinds))
    directory = directory_of(document, levels)

    for request in requests:
        decided = decide(directory, request)
        expected = allowed(document, request, NOW, levels)
        assert decided.allowed == expected, (request, decided)


@st.composite
def crowded_worlds(draw):
    levels = draw(st.sampled_from((3, 3, 3, 4, 6)))
    return draw(worlds(levels, crowded=True)), levels


@examples(60)
@given(crowded_worlds())
def test_the_policies_decide_every_action_as_the_requirements_say(drawn):
    document, levels = drawn
    directory = directory_of(document, levels)

    for request in questions(document, levels):
        decided = decide(directory, request)
        expected = allowed(document, request, NOW, levels)
        assert decided.allowed == expected, (request, decided)


def test_the_reference_walks_parents():
    world = World({"organizations": {"P": {}, "N": {"parent": "P"}, "D": {"parent": "N"}}}, NOW)

    assert world.above("D") == ["D", "N", "P"]
