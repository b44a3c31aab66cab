"""What requests look like that suppose other facts: changes, and evaluations to make after them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.api.requests import read_evaluation
from service.domain.identifiers import parse_moment
from service.errors import InvalidRequest, Problem, RequestTooLarge
from service.policy.decision import AccessRequest

CHANGES_LIMIT = 1_000
_MEMBERS = ("changes", "requests", "now")

Supposition = tuple[list[Mapping[str, Any]], list[AccessRequest], datetime | None]


def read_supposition(document: Mapping[str, Any], limit_requests: int) -> Supposition:
    """The changes, the requests and the clock that a body holds.

    Raises:
        InvalidRequest: with every problem; the changes themselves are judged when they are made.
        RequestTooLarge: more than CHANGES_LIMIT changes, or more requests than allowed.
    """
    # Strictly: a member that is misspelt would be changes that nobody supposed.
    problems = [
        Problem(name, None, f"is not known here; known are {', '.join(_MEMBERS)}")
        for name in document
        if name not in _MEMBERS
    ]
    changes = read_changes(document.get("changes"), problems)
    given = document.get("requests")
    if not isinstance(given, list) or not given:
        problems.append(Problem("requests", None, "is no list of one evaluation or more"))
        given = []
    if len(given) > limit_requests:
        raise RequestTooLarge("the list of requests", limit_requests, "evaluations")
    requests = []
    for index, each in enumerate(given):
        try:
            requests.append(read_evaluation(each if isinstance(each, dict) else {}))
        except InvalidRequest as invalid:
            problems += (p._replace(path=f"requests[{index}].{p.path}") for p in invalid.problems)
    now = None
    if document.get("now") is not None:
        now = parse_moment(document["now"]) if isinstance(document["now"], str) else None
        if now is None:
            reason = "is no date or time with a zone, such as 2026-01-01T00:00:00Z"
            problems.append(Problem("now", None, reason))
    if problems:
        raise InvalidRequest(problems)
    return changes, requests, now


def read_changes(given: Any, problems: list[Problem]) -> list[Mapping[str, Any]]:
    """The list of changes, none of them looked into. Raises RequestTooLarge."""
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        problems.append(Problem("changes", None, "is no list of objects"))
        return []
    if len(given) > CHANGES_LIMIT:
        raise RequestTooLarge("the list of changes", CHANGES_LIMIT, "changes")
    return given
