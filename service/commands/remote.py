"""A running service, spoken to over HTTP as any other client would."""

import json
import re
from http.client import HTTPException
from socket import gaierror
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import click

from service.api.writes import Write
from service.config import Settings
from service.errors import InvalidChanges, Problem, WatershedError

SECONDS = 60
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^/?#\s]+)*/?")


def read_address(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The address of a service as it was given. Raises click.BadParameter for what is none."""
    if text is not None and not _ADDRESS.fullmatch(text):
        # Not repeated: there may be a password in it.
        raise click.BadParameter("is no address of a service, such as http://127.0.0.1:8080")
    return text


def post_changes(url: str, write: Write, idempotency_key: str | None, settings: Settings) -> int:
    """The revision of a write that the service at `url` has made.

    The first of the configured keys is sent, if there is one.

    Raises:
        InvalidChanges: one of the changes cannot be made.
        WatershedError: the service refuses for another reason, or cannot be reached.
    """
    body: dict[str, Any] = {"changes": write.changes, "expect_revision": write.expect_revision}
    if write.author is not None:
        body["on_behalf_of"] = {"type": write.author.type, "id": write.author.id}
        body["context"] = dict(write.author.context)
    headers = {"Content-Type": "application/json"}
    if settings.api_keys:
        headers["Authorization"] = f"Bearer {settings.api_keys[0]}"
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    try:
        request = Request(f"{url.rstrip('/')}/changes", json.dumps(body).encode(), headers)
        # No proxy: what is written, and the key, go to the service and to nobody else.
        with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as answer:
            return int(json.load(answer)["revision"])
    except HTTPError as error:
        raise _refusal(error) from None
    except (URLError, HTTPException, OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", None) or error
        hint = "; with --idempotency-key it is safe to try again"
        if isinstance(reason, ConnectionRefusedError | gaierror):
            hint = "; nothing was sent: is it the right --url, and does the service run there?"
        raise WatershedError(f"no answer from the service: {reason}{hint}") from None


def _refusal(error: HTTPError) -> WatershedError:
    """What the problem document says that came with an error."""
    try:
        problem = json.load(error)
        detail, code = problem["detail"], problem["code"]
    except (ValueError, KeyError, TypeError):
        return WatershedError(f"the service answered with status {error.code}")
    if code == InvalidChanges.code:
        return InvalidChanges(
            Problem(each["path"], each.get("value"), each["reason"]) for each in problem["problems"]
        )
    return WatershedError(f"{detail} ({code})")
