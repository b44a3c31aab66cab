"""What is written down is what is: words, reasons, codes and settings are all documented."""

from pathlib import Path

import pytest

from service import errors
from service.config import PREFIX, Settings
from service.domain.entities import Entity, Organization, Partner, Placed, Subscription, User
from service.domain.items import Item, Organizations
from service.policy.decision import REASONS

ROOT = Path(__file__).resolve().parent.parent
LAW = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
IN_ALL = ("has", "id", "type")


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("anything", Entity),
        ("Placed", Placed),
        ("Organization", Organization),
        ("User", User),
        ("Partner", Partner),
        ("Subscription", Subscription),
        ("Item", Item),
        ("a list of organizations", Organizations),
    ],
)
def test_every_word_for_conditions_is_listed_with_its_sentence(label, known):
    expected = {
        f"| {label} | `{read.name}{'(…)' if read.called else ''}` | {read.kind} | {read.sentence} |"
        for read in known.READS.values()
        if label == "anything" or read.name not in IN_ALL
    }
    listed = {line for line in LAW.splitlines() if line.startswith(f"| {label} | `")}

    assert expected == listed


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_explained_in_the_readme(reason):
    assert f"| `{reason}` | {REASONS[reason]} |" in README


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_every_setting_is_listed_in_the_readme(name):
    assert f"`{PREFIX}{name.upper()}`" in README


def codes(error=errors.WatershedError):
    """The codes of every situation in the tree: its leaves, and what is raised as it stands."""
    for inner in error.__subclasses__():
        yield from codes(inner)
    if "code" in vars(error) and not error.__subclasses__():
        yield error.code


@pytest.mark.parametrize("code", sorted(set(codes())))
def test_every_error_code_is_explained_in_the_readme(code):
    assert f"| `{code}` | " in README
