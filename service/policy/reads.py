"""What a rule asks of the values it is given: reading, calling, comparing, going through a list.

oso asks through here while it evaluates a rule, and a compiled plan asks through here while it
repeats what oso asked. So there is one allow-list and one way to fail, whoever evaluates.
"""

from collections.abc import Sequence
from typing import Any

from service.domain.items import Organizations
from service.domain.reading import MissingAttribute, Readable
from service.errors import WatershedError
from service.policy import decision
from service.policy.decision import Failure

NATIVE = (str, bool, int, float)


class Refused(Exception):
    """A question that cannot be answered: a read that is not allowed, or finds nothing."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.failure = Failure(reason, detail)


class _End:
    """What comes after the last element of a list."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"


END = _End()


def read(owner: Any, name: str, arguments: Sequence[Any] | None) -> Any:
    """The value of a fact (`arguments` is None) or of a predicate called with these arguments.

    Raises:
        Refused: the name is not on the allow-list of the owner, or there is no value.
    """
    if not isinstance(owner, Readable):
        what = type(owner).__name__
        raise Refused(decision.POLICY_ERROR, f"a rule reads `{name}` of a plain {what}")
    allowed = type(owner).READS.get(name)
    if allowed is None:
        raise Refused(decision.MISSING_ATTRIBUTE, f"{owner!r} has nothing called `{name}`")
    if allowed.called != (arguments is not None):
        how = "must be called" if allowed.called else "is not called"
        raise Refused(decision.POLICY_ERROR, f"`{name}` of {owner!r} {how}")
    given = tuple(type(argument).__name__ for argument in arguments or ())
    if given != allowed.parameters:
        # Ids of different types may be equal: an id of the wrong thing must not be compared at all.
        takes = f"takes {', '.join(allowed.parameters)}, not {', '.join(given)}"
        raise Refused(decision.POLICY_ERROR, f"`{name}` of {owner!r} {takes}")
    try:
        value = getattr(owner, name)
        return value(*arguments) if allowed.called else value
    except MissingAttribute as missing:
        raise Refused(decision.MISSING_ATTRIBUTE, str(missing)) from None
    except WatershedError as error:
        raise Refused(decision.MISSING_ATTRIBUTE, str(error)) from None


def element(values: Any, index: int) -> Any:
    """The element at `index`, counted from 0, or END behind the last.

    Raises:
        Refused: these are no values that a rule may go through, or the element is not in the world.
    """
    if not isinstance(values, tuple | Organizations):
        raise Refused(decision.POLICY_ERROR, "a rule goes through what is no list")
    try:
        return values[index] if index < len(values) else END
    except MissingAttribute as missing:
        raise Refused(decision.MISSING_ATTRIBUTE, str(missing)) from None
    except WatershedError as error:
        raise Refused(decision.MISSING_ATTRIBUTE, str(error)) from None


def equal(left: Any, right: Any) -> bool:
    """Whether two values are one: of one class, and equal. 1 and True are two values."""
    return type(left) is type(right) and left == right
