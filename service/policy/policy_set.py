"""A folder of policies as one value: its files made safe, its types, its rules, its revision."""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from service.domain.billing import BillingTerms, read_billing
from service.domain.moment import Vocabulary
from service.domain.schema import Schema, read_schema
from service.errors import InvalidPolicy, NoBillingTerms, Problem
from service.policy.source import PolicyFile, Rule, read_policy, rules

TYPES_FILE = "types.toml"
BILLING_FILE = "billing.toml"
TYPES_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True)
class PolicySet:
    """Policies that have been read but not yet asked anything."""

    sources: tuple[tuple[str, bytes], ...]
    types: bytes
    files: tuple[PolicyFile, ...]
    schema: Schema
    revision: str
    """A digest of every byte that decides: equal if and only if the law is equal."""
    billing: bytes | None = None
    """What stands in `billing.toml`; None for a policy set that says nothing of money."""
    terms: BillingTerms | None = None
    """What it means."""

    def require_terms(self) -> BillingTerms:
        """What the policies say of money. Raises NoBillingTerms if they say nothing."""
        if self.terms is None:
            raise NoBillingTerms
        return self.terms

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every allow, deny and obligation rule, by file and line."""
        return rules(self.files)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words in which the rules are written."""
        return Vocabulary(self.schema)


def read_policy_set(folder: Path) -> PolicySet:
    """The policies in `folder`: every `*.polar`, `types.toml`, and `billing.toml` if there is one.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == ".polar")
        sources = [(path.name, path.read_bytes()) for path in names]
        types = (folder / TYPES_FILE).read_bytes()
        billing = folder / BILLING_FILE
        money = billing.read_bytes() if billing.exists() else None
    except OSError as error:
        what = error.filename or str(folder)
        raise InvalidPolicy(
            [Problem(str(what), None, f"cannot be read: {error.strerror}")]
        ) from None
    return policy_set(sources, types, money)


def policy_set(
    sources: Iterable[tuple[str, bytes]], types: bytes, billing: bytes | None = None
) -> PolicySet:
    """The policies of these files, given as (name, content), of this `types.toml` and this
    `billing.toml`.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    sources = tuple(sources)
    files = read_policy(sources)
    schema = read_schema(_toml(TYPES_FILE, types), TYPES_FILE)
    decides = (*sources, (TYPES_FILE, types))
    if billing is None:
        return PolicySet(sources, types, files, schema, _digest(decides))
    terms = read_billing(_toml(BILLING_FILE, billing), schema, BILLING_FILE)
    revision = _digest((*decides, (BILLING_FILE, billing)))
    return PolicySet(sources, types, files, schema, revision, billing, terms)


def _toml(name: str, content: bytes) -> dict[str, Any]:
    if len(content) > TYPES_LIMIT_BYTES:
        reason = f"is larger than {TYPES_LIMIT_BYTES} bytes"
        raise InvalidPolicy([Problem(name, None, reason)])
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # Whatever is no TOML is a ValueError, and so is a number too long for Python.
        raise InvalidPolicy([Problem(name, None, f"is not TOML: {str(error)[:400]}")]) from None


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        for part in (name.encode(), content):
            # With its length in front, no two sets of files spell one text.
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
