"""Every way this service can refuse, drawn as one tree. Knows nothing of HTTP or the terminal.

    WatershedError
    ├── ConfigurationError          a WATERSHED_* variable that cannot be used
    ├── MalformedDocument           bytes that are not the JSON or TOML they claim to be
    ├── FactError                   the world is not, or would not be, a world
    │   ├── InvalidWorld            a world document with its list of problems
    │   ├── InvalidChanges          a list of changes with its problems by index
    │   ├── ChangeDenied            a list of changes that its author may not make
    │   ├── UnknownEntity           no such organization, user, partner or resource
    │   ├── NoAccount               an organization of level 1 lies in no account
    │   └── NotAnAccount            money and subscriptions belong to level 2
    ├── PolicyError                 the law cannot be used
    │   ├── InvalidPolicy           policy files with their list of problems by line
    │   └── NoBillingTerms          a policy set that says nothing of money
    ├── InvalidTable                a decision table that cannot be read
    ├── NoProof                     a decision that no rule has made
    ├── ProofRefused                a proof that does not hold
    ├── StoreError                  the facts cannot be read, or not be written
    │   ├── StoreUnavailable        the database does not answer, or refuses
    │   ├── UnusableStore           the database holds what this version cannot read
    │   ├── NewerStore              the database was migrated by a newer version
    │   ├── AnotherHistory          the database is not the one that the facts came from
    │   ├── FactsTooOld             nobody has confirmed the facts for too long
    │   ├── RevisionNotReached      the facts have not come to a revision that the caller knows
    │   ├── RevisionConflict        the facts have moved on since the caller read them
    │   ├── UnknownRevision         no such revision has been written
    │   └── IdempotencyKeyReused    one key for two different writes
    └── RequestError                a request that says nothing that could be decided
        ├── InvalidRequest          a body with its list of problems by path
        ├── UnsupportedContentType  a body that does not say it is JSON
        ├── UnsupportedContentEncoding  a body that is compressed
        ├── RequestTooLarge         a body over the limit, by length or in chunks
        ├── TakesTooLong            more work than one request may ask for
        ├── NotAuthenticated        no key, or one that is not known
        ├── Denied                  the policies deny the route to the subject it is asked for
        ├── InvalidPageToken        forged, damaged, or of another query
        └── PageTokenExpired        of a list whose facts are no longer at hand

A class names a situation. Its `code` is public and permanent; its message is one line, lower-case,
with what the caller sent in backticks; its values are attributes.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing wrong at one place: where, what stood there, and what would be right."""

    path: str
    value: Any
    reason: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" `{_shortened(self.value)}`"
        return f"{self.path}:{shown} {self.reason}"


def _shortened(value: Any, limit: int = 80) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "…"


class WatershedError(Exception):
    """The root: whatever the service refuses on purpose."""

    code = "error"
    problems: tuple[Problem, ...] = ()


class _WithProblems(WatershedError):
    """A refusal that lists every problem at once, because one at a time wastes a person's day."""

    what = "the document"

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        count = len(self.problems)
        first = str(self.problems[0]) if self.problems else "no problem was named"
        more = f" (and {count - 1} more)" if count > 1 else ""
        super().__init__(f"{self.what} is refused: {first}{more}")


class ConfigurationError(_WithProblems):
    """One or more WATERSHED_* variables cannot be used."""

    code = "invalid-configuration"
    what = "the configuration"


class MalformedDocument(WatershedError):
    """Bytes that are not the JSON or TOML they claim to be."""

    code = "malformed-document"

    def __init__(self, reason: str, line: int | None = None, column: int | None = None):
        place = "" if line is None else f" at line {line}, column {column}"
        super().__init__(f"{reason}{place}")
        self.line = line
        self.column = column


class FactError(WatershedError):
    """The facts are not a world, or would not be one."""

    code = "fact-error"


class InvalidWorld(_WithProblems, FactError):
    """A world document that is refused whole."""

    code = "invalid-world"
    what = "the world"


class InvalidChanges(_WithProblems, FactError):
    """A list of changes of which at least one cannot be made; none is."""

    code = "invalid-changes"
    what = "the list of changes"


class ChangeDenied(FactError):
    """A change that the policies do not allow to the subject on whose behalf it is made."""

    code = "change-denied"

    def __init__(self, index: int, effect: str | None, decision: Any):
        rules = f" ({', '.join(decision.rules)})" if decision.rules else ""
        what = "" if effect is None else f" ({effect})"
        reason = decision.detail or decision.reason + rules
        super().__init__(f"changes[{index}] is denied{what}: {reason}")
        self.index = index
        """Which change of the list, from 0."""
        self.effect = effect
        """What it would have done, in the words of `policies/changes.toml`; None where to say so
        would say more than the subject may know."""
        self.decision = decision
        """The decision that denies it, with its rules."""


class UnknownEntity(FactError):
    """No such organization, user, partner or resource."""

    code = "unknown-entity"

    def __init__(self, kind: str, entity_id: str):
        super().__init__(f"no {kind} `{_shortened(entity_id)}`")
        self.kind = kind
        self.entity_id = entity_id


class NoAccount(FactError):
    """A level-1 organization lies in no level-2 account; nobody pays for it."""

    code = "no-account"

    def __init__(self, organization: str):
        super().__init__(f"`{_shortened(organization)}` stands at level 1 and lies in no account")
        self.organization = organization


class NotAnAccount(FactError):
    """Invoices, usage and subscriptions belong to level-2 accounts, and this is none."""

    code = "not-an-account"

    def __init__(self, organization: str, account: str | None):
        where = (
            "stands at level 1, above all accounts"
            if account is None
            else f"is paid for by `{_shortened(account)}`; ask there"
        )
        super().__init__(f"`{_shortened(organization)}` is no level-2 account: it {where}")
        self.organization = organization
        self.account = account


class PolicyError(WatershedError):
    """The law cannot be used."""

    code = "policy-error"


class InvalidPolicy(_WithProblems, PolicyError):
    """Policy files that are refused whole; whatever was in force stays in force."""

    code = "invalid-policy"
    what = "the policy"


class NoBillingTerms(PolicyError):
    """The policy set has no `billing.toml`, so that nothing is known of money."""

    code = "no-billing-terms"

    def __init__(self) -> None:
        super().__init__("the policies have no `billing.toml`, so nothing is known of money")


class InvalidTable(_WithProblems):
    """A decision table that cannot be read or run."""

    code = "invalid-table"
    what = "the decision table"


class NoProof(WatershedError):
    """A decision that no rule has made, so that no rule can be shown to have made it."""

    code = "no-proof"

    def __init__(self, reason: str):
        super().__init__(f"the rules were not asked to the end (`{reason}`); see `watershed check`")
        self.reason = reason


class ProofRefused(WatershedError):
    """A proof that does not hold of this world and these policies."""

    code = "proof-refused"

    def __init__(self, why: str):
        super().__init__(f"this is no proof: {_shortened(why, 400)}")


class StoreError(WatershedError):
    """The facts cannot be read, or not be written."""

    code = "store-error"


class StoreUnavailable(StoreError):
    """The database cannot be reached, does not answer in time, or refuses; its disk may be full."""

    code = "store-unavailable"

    def __init__(self, reason: str, outcome_unknown: bool = False):
        hint = "; whether the write was made is not known: read, or repeat it under the same key"
        super().__init__(f"the store does not serve: {reason}{hint if outcome_unknown else ''}")
        self.reason = reason
        self.outcome_unknown = outcome_unknown
        """Whether the connection broke at the moment of the commit."""


class UnusableStore(StoreError):
    """A database, or a place for one, that cannot hold these facts."""

    code = "unusable-store"


class NewerStore(StoreError):
    """A database that a newer version of this service has migrated."""

    code = "newer-store"

    def __init__(self, found: str, known: str):
        super().__init__(
            f"the store has schema `{_shortened(found)}`, which this version does not know (it "
            f"knows up to `{known}`); start the newer version, or restore a backup"
        )


class AnotherHistory(StoreError):
    """The database is not, or no longer, the one that the facts in memory came from."""

    code = "another-history"


class FactsTooOld(StoreError):
    """The facts in memory have not been confirmed for longer than is allowed."""

    code = "facts-too-old"


class RevisionNotReached(StoreError):
    """The facts here have not come, in the time allowed, to the revision that is asked for."""

    code = "revision-not-reached"

    def __init__(self, wanted: int, found: int):
        super().__init__(f"revision {wanted} is asked for, and the facts here are at {found}")
        self.wanted = wanted
        self.found = found


class RevisionConflict(StoreError):
    """The facts are not at the revision that the caller expected."""

    code = "revision-conflict"

    def __init__(self, expected: int, found: int):
        super().__init__(f"expected revision {expected}, but the facts are at {found}")
        self.expected = expected
        self.found = found


class UnknownRevision(StoreError):
    """A revision that has not been written."""

    code = "unknown-revision"

    def __init__(self, revision: int, newest: int):
        super().__init__(f"there is no revision {revision}; the newest is {newest}")
        self.revision = revision
        self.newest = newest


class IdempotencyKeyReused(StoreError):
    """An idempotency key that came before, with another content."""

    code = "idempotency-key-reused"

    def __init__(self, revision: int):
        super().__init__(
            f"the idempotency key was used for another write, which made revision {revision}"
        )
        self.revision = revision


class RequestError(WatershedError):
    """A request that says nothing that could be decided."""

    code = "bad-request"


class InvalidRequest(_WithProblems, RequestError):
    """A well-formed body that is not a request of the shape asked for."""

    code = "invalid-request"
    what = "the request"


class UnsupportedContentType(RequestError):
    """A body that does not say it is JSON."""

    code = "unsupported-content-type"

    def __init__(self, content_type: str, accepted: Iterable[str] = ("application/json",)):
        shown = f"`{_shortened(content_type)}`" if content_type else "missing"
        super().__init__(f"the content type is {shown}; send {' or '.join(accepted)}")


class UnsupportedContentEncoding(RequestError):
    """A compressed body: nobody knows its size before it is unpacked."""

    code = "unsupported-content-encoding"

    def __init__(self, encoding: str):
        super().__init__(
            f"the content encoding is `{_shortened(encoding)}`; send the body as it is"
        )


class RequestTooLarge(RequestError):
    """A body, a batch or a nesting beyond the limit."""

    code = "request-too-large"

    def __init__(self, what: str, limit: int, unit: str):
        super().__init__(f"{what} is larger than the limit of {limit} {unit}")
        self.limit = limit


class TakesTooLong(RequestError):
    """More work than one request may ask for; a part of it would be done."""

    code = "takes-too-long"

    def __init__(self, done: int, asked: int, limit: int):
        super().__init__(
            f"after {limit} milliseconds of processor time {done} of {asked} requests were decided;"
            " ask for fewer at once, or with fewer changes"
        )
        self.done = done
        self.limit = limit


class NotAuthenticated(RequestError):
    """No key came with the request, or one that is not known."""

    code = "not-authenticated"


class Denied(RequestError):
    """The policies deny to the named subject what was asked for; `decision` says why."""

    code = "denied"

    def __init__(self, subject: str, action: str, resource: str, decision: Any):
        what = f"`{_shortened(subject)}` may not {action} `{_shortened(resource)}`"
        super().__init__(f"{what}: {decision.reason}")
        self.decision = decision


class InvalidPageToken(RequestError):
    """A page token that this service did not give out for this query."""

    code = "invalid-page-token"


class PageTokenExpired(RequestError):
    """A page token of a list whose facts or law are no longer at hand: ask for the list anew."""

    code = "page-token-expired"

    def __init__(self, revision: int):
        super().__init__(f"revision {revision} is no longer at hand; begin with the first page")
        self.revision = revision
