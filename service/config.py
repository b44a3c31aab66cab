"""Settings: read once from WATERSHED_* variables, refused whole with every problem, then frozen."""

import os
import re
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
    read: str,
    help: str,
    *,
    default=MISSING,
    factory=MISSING,
    secret=False,
    masked=False,
    **checks,
) -> Any:
    metadata = {"read": read, "help": help, "secret": secret, "masked": masked, "checks": checks}
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
    huge_pages: bool = _setting(
        "bool",
        "whether each worker moves its facts to huge pages (Linux): decisions on large worlds take "
        "less time, and each worker holds a copy of the facts instead of sharing one",
        default=False,
    )
    policies: Path = _setting("path", "folder of the policy files", factory=_default_policies)
    world: Path | None = _setting("path", "world document: .toml or .json", default=None)
    database: str | None = _setting(
        "str",
        "where the facts are kept: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; "
        "by default NAME.db in the current folder, named after the world document",
        default=None,
        masked=True,
    )
    facts_age_seconds: int = _setting(
        "int",
        "how long ago the facts may have been confirmed by the database; past that, nothing is "
        "decided",
        default=10,
        validate=Range(1, 86_400),
    )
    wait_seconds: int = _setting(
        "int", "longest wait for the revision in X-Min-Revision", default=5, validate=Range(0, 60)
    )
    poll_seconds: int = _setting(
        "int", "longest wait of a reader of the change log", default=60, validate=Range(0, 600)
    )
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
    changes_limit_bytes: int = _setting(
        "int", "largest list of changes", default=16_777_216, validate=Range(1024, 1 << 30)
    )
    changes_limit_items: int = _setting(
        "int", "most changes in one request", default=10_000, validate=Range(1, 1_000_000)
    )
    world_limit_bytes: int = _setting(
        "int", "largest world document", default=268_435_456, validate=Range(1024, 1 << 31)
    )
    usage_limit_bytes: int = _setting(
        "int",
        "largest body of usage records as lines, which is counted as it comes",
        default=1 << 30,
        validate=Range(1024, 1 << 40),
    )
    batch_limit_items: int = _setting(
        "int", "most evaluations in one request", default=1000, validate=Range(1, 100_000)
    )
    page_limit_items: int = _setting(
        "int", "most entries on one page", default=1000, validate=Range(1, 100_000)
    )
    explain_limit_milliseconds: int = _setting(
        "int",
        "processor time for one explanation, which then says how far it came",
        default=1000,
        validate=Range(0, 600_000),
    )
    simulate_limit_milliseconds: int = _setting(
        "int",
        "processor time for one simulation; what needs more is refused",
        default=5000,
        validate=Range(0, 600_000),
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
            hidden = each.metadata["secret"] or each.metadata["masked"]
            shown = None if hidden else os.environ[name]
            problems.append(Problem(name, shown, f"{' '.join(reasons)} ({each.metadata['help']})"))
    if problems:
        raise ConfigurationError(sorted(problems))
    return Settings(**values)


def masked(url: str) -> str:
    """The URL without its password, whatever else is wrong with it."""
    head, at, tail = url.rpartition("@")
    if at:
        scheme, slashes, account = head.partition("//")
        name, colon, _ = account.partition(":")
        known = f"{scheme}//{name}" if slashes else ""
        url = f"{known}{':***' if colon or not slashes else ''}@{tail}"
    place, mark, query = url.partition("?")
    hidden = re.sub(r"(?i)(password|passfile|sslpassword)=[^&]*", r"\1=***", query)
    return f"{place}{mark}{hidden}"


def is_absent(url: str) -> bool:
    """Whether this database is a file that is not there."""
    path = url.removeprefix("sqlite:///").partition("?")[0]
    return url.startswith("sqlite:///") and bool(path) and not Path(path).exists()


def default_database(settings: Settings) -> str:
    """The URL of the database that is used where none is named: a file in the current folder."""
    name = settings.world.name.rpartition(".")[0] if settings.world else "watershed"
    return f"sqlite:///{name or 'watershed'}.db"


def described(settings: Settings) -> list[dict[str, Any]]:
    """Each variable, what it is for, and its value now; secrets only say whether they are set."""
    rows = []
    for each in fields(Settings):
        value = getattr(settings, each.name)
        if each.metadata["secret"]:
            value = "set" if os.environ.get(PREFIX + each.name.upper()) else "not set"
        elif isinstance(value, Path):
            value = str(value)
        elif each.metadata["masked"] and value is not None:
            value = masked(value)
        rows.append(
            {"name": PREFIX + each.name.upper(), "value": value, "help": each.metadata["help"]}
        )
    return rows
