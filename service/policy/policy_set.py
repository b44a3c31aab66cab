"""A folder of policies as one value: its files made safe, its types, its rules, its revision."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from service.domain.billing import BillingTerms, read_billing
from service.domain.moment import Vocabulary
from service.domain.schema import Schema, read_schema
from service.errors import InvalidPolicy, NoBillingTerms, Problem
from service.policy.mandates import CHANGES_FILE, Mandates, read_mandates
from service.policy.source import PolicyFile, Rule, read_policy, rules

TYPES_FILE = "types.toml"
BILLING_FILE = "billing.toml"
TABLE_LIMIT_BYTES = 64 * 1024
REVISION_CHARACTERS = 16
NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class PolicySet:
    """Policies that have been read but not yet asked anything."""

    sources: tuple[tuple[str, bytes], ...]
    tables: Mapping[str, bytes]
    """The files beside the rules, by name: TYPES_FILE, and of CHANGES_FILE and BILLING_FILE those
    that there are."""
    files: tuple[PolicyFile, ...]
    schema: Schema
    mandates: Mandates
    """Which actions a change means; without CHANGES_FILE nobody changes anything."""
    terms: BillingTerms | None
    """What they say of money; None for a policy set without BILLING_FILE."""
    digest: str
    """Of every byte that decides: equal if and only if the law is equal, whoever wrote it."""

    @cached_property
    def revision(self) -> str:
        """What the law is called: the beginning of its digest."""
        return self.digest[:REVISION_CHARACTERS]

    @property
    def types(self) -> bytes:
        """What stands in TYPES_FILE."""
        return self.tables[TYPES_FILE]

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
    """The policies in `folder`: every `*.polar`, `types.toml`, and `changes.toml` and
    `billing.toml` if there are any.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == ".polar")
        sources = [(path.name, path.read_bytes()) for path in names]
        types = (folder / TYPES_FILE).read_bytes()
        others = [folder / name for name in (CHANGES_FILE, BILLING_FILE)]
        beside = {path.name: path.read_bytes() for path in others if path.exists()}
    except OSError as error:
        what = error.filename or str(folder)
        raise InvalidPolicy(
            [Problem(str(what), None, f"cannot be read: {error.strerror}")]
        ) from None
    return policy_set(sources, types, beside)


def policy_set(
    sources: Iterable[tuple[str, bytes]], types: bytes, beside: Mapping[str, bytes] = NOTHING
) -> PolicySet:
    """The policies of these files, given as (name, content), of this `types.toml`, and of what
    stands `beside`: the content of CHANGES_FILE and of BILLING_FILE, by name.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    sources = tuple(sources)
    tables = {TYPES_FILE: types, **beside}
    files = read_policy(sources)
    schema = read_schema(_toml(TYPES_FILE, types), TYPES_FILE)
    mandates, terms = {}, None
    if CHANGES_FILE in beside:
        mandates = read_mandates(_toml(CHANGES_FILE, beside[CHANGES_FILE]), schema)
    if BILLING_FILE in beside:
        terms = read_billing(_toml(BILLING_FILE, beside[BILLING_FILE]), schema, BILLING_FILE)
    digest = _digest((*sources, *tables.items()))
    return PolicySet(sources, tables, files, schema, mandates, terms, digest)


def _toml(name: str, content: bytes) -> dict[str, Any]:
    if len(content) > TABLE_LIMIT_BYTES:
        reason = f"is larger than {TABLE_LIMIT_BYTES} bytes"
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
    return digest.hexdigest()
