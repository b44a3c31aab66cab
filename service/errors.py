"""Every way this service can refuse, drawn as one tree. Knows nothing of HTTP or the terminal.

    WatershedError
    ├── ConfigurationError          a WATERSHED_* variable that cannot be used
    ├── MalformedDocument           bytes that are not the JSON or TOML they claim to be
    ├── FactError                   the world is not, or would not be, a world
    │   ├── InvalidWorld            a world document with its list of problems
    │   ├── InvalidChanges          a list of changes with its problems by index
    │   ├── UnknownEntity           no such organization, user, partner or resource
    │   └── NoAccount               an organization of level 1 lies in no account
    ├── PolicyError                 the law cannot be used
    │   └── InvalidPolicy           policy files with their list of problems by line
    ├── InvalidTable                a decision table that cannot be read
    ├── NoProof                     a decision that no rule has made
    ├── ProofRefused                a proof that does not hold
    └── RequestError                a request that says nothing that could be decided
        ├── InvalidRequest          a body with its list of problems by path
        ├── UnsupportedContentType  a body that does not say it is JSON
        ├── UnsupportedContentEncoding  a body that is compressed
        ├── RequestTooLarge         a body over the limit, by length or in chunks
        ├── NotAuthenticated        no key, or one that is not known
        └── InvalidPageToken        forged, damaged, or of another query

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


class PolicyError(WatershedError):
    """The law cannot be used."""

    code = "policy-error"


class InvalidPolicy(_WithProblems, PolicyError):
    """Policy files that are refused whole; whatever was in force stays in force."""

    code = "invalid-policy"
    what = "the policy"


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

    def __init__(self, content_type: str):
        shown = f"`{_shortened(content_type)}`" if content_type else "missing"
        super().__init__(f"the content type is {shown}; send application/json")


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


class NotAuthenticated(RequestError):
    """No key came with the request, or one that is not known."""

    code = "not-authenticated"


class InvalidPageToken(RequestError):
    """A page token that this service did not give out for this query."""

    code = "invalid-page-token"
