"""What is asked, what is answered, and the five lines between rules and an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict, replace

# Every reason a decision can carry, and what it says (contract section 5; README lists them).
GRANTED = "granted"
PROHIBITED = "prohibited"
NO_GRANT = "no-grant"
UNKNOWN_SUBJECT = "unknown-subject"
UNKNOWN_ACTION = "unknown-action"
UNKNOWN_RESOURCE = "unknown-resource"
CONFLICTING_RESOURCE = "conflicting-resource"
NO_ORGANIZATION_SELECTED = "no-organization-selected"
NOT_A_MEMBER = "not-a-member"
INVALID_PROPERTIES = "invalid-properties"
MISSING_ATTRIBUTE = "missing-attribute"
POLICY_ERROR = "policy-error"

REASONS: Mapping[str, str] = {
    GRANTED: "at least one allow rule matched, and no deny rule",
    PROHIBITED: "at least one deny rule matched",
    NO_GRANT: "no rule matched",
    UNKNOWN_SUBJECT: "the subject is not in the world, or its type is no type of subject",
    UNKNOWN_ACTION: "the policies know no such action for this type of resource",
    UNKNOWN_RESOURCE: "the resource is not in the world, and the request does not describe it",
    CONFLICTING_RESOURCE: "the request contradicts what is stored of the resource",
    NO_ORGANIZATION_SELECTED: "the user has several memberships, or none, and chose none of them",
    NOT_A_MEMBER: "the subject does not belong to the organization it is said to act for",
    INVALID_PROPERTIES: "a declared property is missing, of the wrong kind, or names nothing",
    MISSING_ATTRIBUTE: "a rule read something that is not there",
    POLICY_ERROR: "the policies failed while they were asked",
}


_PLACES = {reason: place for place, reason in enumerate(REASONS)}


class _Nothing(dict):
    """No members. Of a plain dict a Struct would make another for each request."""

    __slots__ = ()


NOTHING: Mapping[str, Any] = _Nothing()


# One request and one decision are made for each question. A Struct is made in a third of the time
# that a dataclass or a named tuple takes, and the collector does not look at one without `gc`: it
# is no part of a cycle.
class AccessRequest(Struct, frozen=True, gc=False):
    """May this subject take this action on this resource? (AuthZEN 1.0, sections 5 and 6)"""

    subject_type: str
    subject_id: str
    action: str
    resource_type: str
    resource_id: str
    subject_properties: Mapping[str, Any] = NOTHING
    action_properties: Mapping[str, Any] = NOTHING
    resource_properties: Mapping[str, Any] = NOTHING
    context: Mapping[str, Any] = NOTHING

    def but(self, **changed: Any) -> "AccessRequest":
        """The same request with these members in place of its own."""
        return replace(self, **changed)

    def members(self) -> dict[str, Any]:
        """What it says, by the names above."""
        return asdict(self)


class Failure(NamedTuple):
    """Why the rules could not be asked to the end."""

    reason: str
    detail: str


class Findings(NamedTuple):
    """What the rules had to say to one question, each tuple in order of the names."""

    denies: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    failure: Failure | None = None


class Verdict(NamedTuple):
    """What findings come to."""

    allowed: bool
    reason: str
    rules: tuple[str, ...] = ()
    """Those that settled it."""
    obligations: tuple[str, ...] = ()
    detail: str | None = None
    """A sentence for a person, where there is more to say than the reason and the rules do."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Findings, and what they come to: worked out once for all questions that find the same."""

    findings: Findings
    verdict: Verdict
    place: int
    """Of the verdict's reason among all REASONS."""


class Decision(Struct, frozen=True, gc=False):
    """A verdict with its own id, and which law, which facts and which clock it was made from."""

    verdict: Verdict
    id: str = ""
    revision: int = 0
    policy: str = ""
    valid_until: datetime | None = None
    """When the clock alone can next change this answer; None: as long as facts and law stay."""

    allowed = property(lambda self: self.verdict.allowed)
    reason = property(lambda self: self.verdict.reason)
    rules = property(lambda self: self.verdict.rules)
    obligations = property(lambda self: self.verdict.obligations)
    detail = property(lambda self: self.verdict.detail)

    def __bool__(self) -> bool:
        return self.verdict.allowed


def combine(findings: Findings) -> Verdict:
    """What these findings come to: deny overrides, silence denies, an error denies.

    INVARIANT (the five lines): a verdict allows if and only if no deny rule matched, at least one
    allow rule matched, and nothing failed on the way.
    """
    denies, allows, duties, failure = findings
    if failure is not None:
        return Verdict(False, failure.reason, detail=failure.detail)
    if denies:
        return Verdict(False, PROHIBITED, denies)
    if allows:
        return Verdict(True, GRANTED, allows, duties)
    return Verdict(False, NO_GRANT)


def settled(findings: Findings) -> Settled:
    """The findings with what they come to."""
    verdict = combine(findings)
    return Settled(findings, verdict, _PLACES[verdict.reason])
