"""Types and actions that a search names: one that nobody knows is an error, not an empty list."""

from collections.abc import Iterable
from difflib import get_close_matches

from service.domain.schema import Schema
from service.errors import InvalidRequest, Problem


def require_known(
    schema: Schema, subject: str | None, resource: str | None, action: str | None
) -> None:
    """Refuse a type of subject, a type of resource or an action that the policies do not know.

    None stands for any. An action has to be one on the type, if one is named.

    Raises:
        InvalidRequest: with each of them, what was probably meant, and all that there are.
    """
    types = schema.types
    subjects = [name for name, known in types.items() if known.subject]
    of_types = types.values() if resource not in types else [types[resource]]
    actions = {name for known in of_types for name in known.actions}
    on = f" on {resource}" if resource in types else ""
    problems = [
        Problem(place, given, f"{reason}; {_known(given, known)}")
        for place, given, reason, known in (
            ("subject", subject, "is no type of subject", subjects),
            ("resource", resource, "is no type of resource", types),
            ("action", action, f"is no action{on}", actions),
        )
        if given is not None and given not in known
    ]
    if problems:
        raise InvalidRequest(problems)


def _known(given: str, names: Iterable[str]) -> str:
    names = sorted(names)
    near = get_close_matches(given, names, 1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return f"{meant}known are {', '.join(names)}"
