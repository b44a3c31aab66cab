"""`watershed serve`: the service over HTTP."""

import json
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import click

from service.bootstrap import prepare_store
from service.commands.opening import checked_world, named_world, open_policies
from service.commands.settings import settings_options
from service.commands.terminal import progress
from service.config import COUNTS_FOLDER, Settings, default_database, is_absent, masked
from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.schema import Schema


@click.command(
    epilog="""\b
Examples:
  watershed serve --world accounts.world.toml
  watershed serve --database sqlite:////var/lib/watershed/facts.db --world accounts.world.json
  watershed serve --database postgresql://watershed@db/facts --host 0.0.0.0 --workers 4
"""
)
@settings_options("world", "database", "host", "port", "workers", "policies", "levels")
def serve(settings: Settings) -> None:
    """Answer over HTTP, until interrupted.

    The facts are kept in the database, which is made on the first start. An empty one is seeded
    from the world document, once: a database that holds facts keeps them, whatever the document
    says by now. `watershed world load` replaces them.
    """
    if settings.database is None:
        named_world(settings)
        settings = replace(settings, database=default_database(settings))
    policies = open_policies(settings)
    seeded = False
    with progress("reading the facts") as tell:

        def read() -> Directory:
            nonlocal seeded
            seeded = True
            if settings.world is None:
                return Directory(levels=settings.levels)
            return checked_world(settings.world, policies.schema, settings, tell)

        # A world that is refused leaves no database behind.
        first = read() if is_absent(settings.database) else None
        held = prepare_store(settings, policies, read if first is None else lambda: first)
    example = example_request(held.directory, policies.schema)
    notes = [f"facts at revision {held.position.revision} in {masked(settings.database)}"]
    if settings.world is not None and not seeded:
        notes[0] += f"; {settings.world.name} was not read again"

    def announce(address: str) -> None:
        # In one piece: a reader who takes one line and leaves must not end the worker that prints.
        click.echo("\n".join(_greeting(address, notes, example, settings)))

    with _counting_together():
        from service.server import serve as listen  # the server's libraries, for this verb alone

        listen(settings, policies, held, announce)


@contextmanager
def _counting_together() -> Iterator[None]:
    """A folder in which all workers count, so that each can tell the metrics of all.

    It must be named before prometheus-client is imported, and outlive every worker.
    """
    if COUNTS_FOLDER in os.environ:
        yield
        return
    owner = os.getpid()
    os.environ[COUNTS_FOLDER] = folder = mkdtemp(prefix="watershed-metrics-")
    try:
        yield
    finally:
        if os.getpid() == owner:  # a worker that ends comes through here as well
            rmtree(folder, ignore_errors=True)


def example_request(directory: Directory, schema: Schema) -> dict[str, Any] | None:
    """A request of which this world knows every word; None if nobody in it has a resource.

    The first user who has one: somebody active, and a resource that lies in or below the
    organization for which the user acts.
    """
    for user in sorted(directory.of_kind("user"), key=lambda user: user.key):
        places = [name for name, _ in user.memberships]
        if user.status != "active" or not places:
            continue
        place = user.selected or places[0]
        for resource, action in _askable(directory, schema, place):
            request = {
                "subject": {"type": "user", "id": user.key[1]},
                "action": {"name": action},
                "resource": {"type": resource[0], "id": resource[1]},
            }
            if user.selected is None and len(places) > 1:
                request["context"] = {"organization": place}
            return request
    return None


def _askable(directory: Directory, schema: Schema, place: str) -> Iterator[tuple[Key, str]]:
    """Resources in or below `place`, by type as the policies list them, each with a bare action."""
    for kind, known in schema.types.items():
        bare = (
            name
            for name, parameters in known.actions.items()
            if all(parameter.optional for parameter in parameters.values())
        )
        action = next(bare, None)
        if action is None:
            continue
        for below in directory.subtree(place):
            held = directory.linked(("organization", below), f"holds {kind}")
            if held:
                yield min(held), action


def _greeting(
    address: str, notes: Iterable[str], example: dict[str, Any] | None, settings: Settings
) -> Iterator[str]:
    """Where the service answers, from what, a question to paste into a shell, and where to read
    on."""
    yield f"listening on {address}"
    yield from notes
    if example is not None:
        key = ", with one of WATERSHED_API_KEYS for KEY" if settings.api_keys else ""
        yield f"a question to try{key}:\n\n  {_curl(address, example, settings)}\n"
    reachable = _reachable(address)
    if settings.api_keys:
        yield f"every route, for holders of a key: {reachable}/openapi.json"
    else:
        yield f"every route, with forms to try it: {reachable}/docs"


def _reachable(address: str) -> str:
    """The address from this machine, where it listens at all there are."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _curl(address: str, request: dict[str, Any], settings: Settings) -> str:
    """The request as a command for any shell, from this machine."""
    words = [
        "curl",
        "-s",
        f"{_reachable(address)}/authorize",
        "-H",
        "Content-Type: application/json",
    ]
    if settings.api_keys:
        words += ["-H", "Authorization: Bearer KEY"]
    return shlex.join([*words, "-d", json.dumps(request, ensure_ascii=False)])
