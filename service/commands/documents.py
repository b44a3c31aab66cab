"""Documents that people write for a verb: JSON, or TOML where the name of the file says so."""

import json
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from service.domain.identifiers import spell_moment
from service.domain.strict_json import read_json
from service.errors import MalformedDocument


def read_file(path: Path) -> Any:
    """What stands in the file; `-` is the standard input, in JSON.

    Raises:
        MalformedDocument: it cannot be read, or is not what it claims to be; names the file.
    """
    try:
        body = click.get_binary_stream("stdin").read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise MalformedDocument(f"`{path}` cannot be read: {error.strerror}") from None
    try:
        return _read_toml(body) if path.suffix == ".toml" else read_json(body)
    except MalformedDocument as error:
        raise MalformedDocument(f"`{path}` is {error}") from None


def _read_toml(body: bytes) -> dict[str, Any]:
    try:
        document = tomllib.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedDocument(f"not TOML: {str(error)[:400]}") from None
    # Dates as the log keeps them: in the spelling of JSON.
    return json.loads(json.dumps(document, default=_spelled))


def _spelled(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return spell_moment(value)
    return value.isoformat() if isinstance(value, date) else str(value)
