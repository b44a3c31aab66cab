"""Settings: read once from WATERSHED_* variables, refused whole with every problem, then frozen."""

import os
import secrets
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from environs import Env, EnvValidationError
from marshmallow.validate import Length, Range, Regexp

from service.errors import ConfigurationError, Problem

PREFIX = "WATERSHED_"
COUNTS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own variable: where the processes of one service leave their counts."""
_PACKAGE = Path(__file__).resolve().parent


def _default_policies() -> Path:
    """The policies that came with the installation: in the package, or beside it in a checkout."""
    shipped = _PACKAGE / "policies"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "policies"


def _setting(
    read: str, help: str, *, default=MISSING, factory=MISSING, secret=False, **checks
) -> Any:
    metadata = {"read": read, "help": help, "secret": secret, "checks": checks}
    return field(default=default, default_factory=factory, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set from outside; units are in the names."""

    host: str = _setting("str", "address to listen on", default="127.0.0.1")
    port: int = _setting("int", "port to listen on", default=8080, validate=Range(0, 65_535))
    workers: int = _setting("int", "worker processes", default=2, validate=Range(1, 256))
    threads: int = _setting(
        "int", "threads in a worker for all routes but decisions", default=4, validate=Range(1, 256)
    )
    policies: Path = _setting("path", "folder of the policy files", factory=_default_policies)
    world: Path | None = _setting("path", "world document: .toml or .json", default=None)
    levels: int = _setting("int", "last level of the tree", default=3, validate=Range(1, 32))
    api_keys: tuple[str, ...] = _setting(
        "list",
        "keys for `Authorization: Bearer KEY`, separated by commas, each of 16 characters or more; "
        "none: whoever reaches the port may ask",
        default=(),
        secret=True,
        validate=lambda keys: all(map(Length(min=16), keys)),
    )
    page_secret: str = _setting(
        "str",
        "what page tokens are signed with; by default a new one at every start",
        factory=lambda: secrets.token_hex(32),
        secret=True,
        validate=Length(min=16),
    )
    public_url: str = _setting(
        "str",
        "where clients reach the service, such as `https://pdp.example.com`: what the AuthZEN "
        "metadata names; by default the address to listen on",
        default="",
        validate=Regexp(r"https?://[^/?#@\s]+(/[^/?#\s]+)*\Z", error="is not an address to call"),
    )
    body_limit_bytes: int = _setting(
        "int", "largest request body", default=1_048_576, validate=Range(1024, 1 << 30)
    )
    batch_limit_items: int = _setting(
        "int", "most evaluations in one request", default=1000, validate=Range(1, 100_000)
    )
    page_limit_items: int = _setting(
        "int", "most entries on one page", default=1000, validate=Range(1, 100_000)
    )


def read_settings() -> Settings:
    """The settings that the environment makes; the default for whatever it leaves out.

    Raises:
        ConfigurationError: with every variable that cannot be used, unknown ones included. The
            values of secrets are not repeated.
    """
    env = Env(eager=False, prefix=PREFIX)
    known = {PREFIX + each.name.upper(): each for each in fields(Settings)}
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in known]
    problems = [Problem(name, None, "is no setting; see `watershed config`") for name in unknown]
    values: dict[str, Any] = {}
    for name, each in known.items():
        if os.environ.get(name):
            read = getattr(env, each.metadata["read"])
            value = read(each.name.upper(), **each.metadata["checks"])
            values[each.name] = tuple(value) if isinstance(value, list) else value
    try:
        env.seal()
    except EnvValidationError as error:
        for name, reasons in error.error_messages.items():
            each = known[name]
            shown = None if each.metadata["secret"] else os.environ[name]
            problems.append(Problem(name, shown, f"{' '.join(reasons)} ({each.metadata['help']})"))
    if problems:
        raise ConfigurationError(sorted(problems))
    return Settings(**values)


def described(settings: Settings) -> list[dict[str, Any]]:
    """Each variable, what it is for, and its value now; secrets only say whether they are set."""
    rows = []
    for each in fields(Settings):
        value = getattr(settings, each.name)
        if each.metadata["secret"]:
            value = "set" if os.environ.get(PREFIX + each.name.upper()) else "not set"
        elif isinstance(value, Path):
            value = str(value)
        rows.append(
            {"name": PREFIX + each.name.upper(), "value": value, "help": each.metadata["help"]}
        )
    return rows
