"""A folder of policies as one value: its files made safe, its types, its rules, its revision."""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from service.domain.moment import Vocabulary
from service.domain.schema import Schema, read_schema
from service.errors import InvalidPolicy, Problem
from service.policy.mandates import CHANGES_FILE, Mandates, read_mandates
from service.policy.source import PolicyFile, Rule, read_policy, rules

TYPES_FILE = "types.toml"
TYPES_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True)
class PolicySet:
    """Policies that have been read but not yet asked anything."""

    sources: tuple[tuple[str, bytes], ...]
    types: bytes
    files: tuple[PolicyFile, ...]
    schema: Schema
    changes: bytes
    """`changes.toml`; empty where a policy set has none, and then nobody changes anything."""
    mandates: Mandates
    """Which actions a change means."""
    revision: str
    """A digest of every byte that decides: equal if and only if the law is equal."""

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every allow, deny and obligation rule, by file and line."""
        return rules(self.files)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words in which the rules are written."""
        return Vocabulary(self.schema)


def read_policy_set(folder: Path) -> PolicySet:
    """The policies in `folder`: every `*.polar`, `types.toml`, and `changes.toml` if there is one.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == ".polar")
        sources = [(path.name, path.read_bytes()) for path in names]
        types = (folder / TYPES_FILE).read_bytes()
        changes = folder / CHANGES_FILE
        mandated = changes.read_bytes() if changes.exists() else b""
    except OSError as error:
        what = error.filename or str(folder)
        raise InvalidPolicy(
            [Problem(str(what), None, f"cannot be read: {error.strerror}")]
        ) from None
    return policy_set(sources, types, mandated)


def policy_set(
    sources: Iterable[tuple[str, bytes]], types: bytes, changes: bytes = b""
) -> PolicySet:
    """The policies of these files, given as (name, content), of this `types.toml` and of this
    `changes.toml`.

    Raises:
        InvalidPolicy: with every problem that can be found without asking oso.
    """
    sources = tuple(sources)
    files = read_policy(sources)
    if len(types) > TYPES_LIMIT_BYTES:
        reason = f"is larger than {TYPES_LIMIT_BYTES} bytes"
        raise InvalidPolicy([Problem(TYPES_FILE, None, reason)])
    try:
        declared = tomllib.loads(types.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # Whatever is no TOML is a ValueError, and so is a number too long for Python.
        raise InvalidPolicy(
            [Problem(TYPES_FILE, None, f"is not TOML: {str(error)[:400]}")]
        ) from None
    schema = read_schema(declared, TYPES_FILE)
    mandates = read_mandates(changes, schema)
    digested = [*sources, (TYPES_FILE, types), *([(CHANGES_FILE, changes)] if changes else [])]
    return PolicySet(sources, types, files, schema, changes, mandates, _digest(digested))


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        for part in (name.encode(), content):
            # With its length in front, no two sets of files spell one text.
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
