"""Whether somebody may make a list of changes: each decided by the law, on the facts it meets."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.domain.changes import attempt
from service.domain.directory import Directory
from service.domain.effects import SAME
from service.domain.touched import key_of
from service.errors import InvalidChanges
from service.policy.demands import Author, Case
from service.policy.discretion import refusal, unseen_name
from service.policy.pdp import PolicyDecisionPoint


def judge_changes(
    pdp: PolicyDecisionPoint,
    author: Author,
    directory: Directory,
    changes: Sequence[Mapping[str, Any]],
) -> None:
    """Pass if each change can be made and is allowed to the author, one after the other.

    INVARIANT (rights before deeds): a change is judged on the facts before it, so that nobody gives
    himself the right to what he is doing by doing it.

    INVARIANT (nothing of the unseen): of what the author may not see he learns nothing by having
    changes refused, not even whether it is there. `discretion` says how.

    Raises:
        InvalidChanges: one cannot be made, and whatever it says would be allowed to the author; or
            its own words are wrong, whatever the facts.
        ChangeDenied: any other that cannot be made, or is not allowed.
    """
    before, schema = directory, pdp.engine.policies.schema
    for index, change in enumerate(changes):
        case = Case(pdp, author, before)
        made = attempt(before, change, index, schema, case.sees)
        if made.misspelt:
            raise InvalidChanges(made.misspelt)
        if made.after is None or not _allowed(case, change, made.meant):
            raise refusal(case, change, index, made)
        before = made.after


def _allowed(case: Case, change: Mapping[str, Any], meant: Any) -> bool:
    key = key_of(change)
    happens = case.effects(key, case.before.get(key), meant)
    if not all(demand.decision for effect in happens for demand in case.demands(effect)):
        return False
    # To be told that nothing changes is to learn that what the change says is so.
    return happens[0].name != SAME or unseen_name(case, change) is None
