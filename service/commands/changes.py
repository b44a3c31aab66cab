"""`watershed changes`: changes of the facts in a database, made and read."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import click

from service.api.rendering import log_body
from service.api.writes import Write
from service.bootstrap import build_pdp
from service.commands.arguments import TEXT, read_reference, revision_option
from service.commands.documents import read_file
from service.commands.opening import open_database, open_policies
from service.commands.remote import post_changes, read_address
from service.commands.settings import json_option, settings_options
from service.commands.terminal import print_json, print_rows
from service.config import Settings
from service.domain.directory import Directory
from service.domain.identifiers import Key, reference, spell_moment
from service.errors import InvalidChanges, Problem
from service.policy.authority import judge_changes
from service.policy.demands import Author
from service.policy.policy_set import read_policy_set
from service.store.protocol import LogEntry, Written

COMMAND_LINE = "command line"
"""Who has written, in the change log."""


@click.group()
def changes() -> None:
    """Make changes of the facts in a database, or read which were made."""


@changes.command(
    epilog="""\b
Examples:
  watershed changes apply new-dealer.toml --database sqlite:///facts.db
  watershed changes apply new-dealer.json --on-behalf-of user:anton --expect-revision 41
  watershed changes apply new-dealer.json --url http://127.0.0.1:8080 --idempotency-key 6f1c
  echo '[{"op": "suspend_organization", "organization": "linz"}]' | watershed changes apply -
"""
)
@click.argument(
    "path", type=click.Path(exists=True, allow_dash=True, path_type=Path), metavar="FILE"
)
@revision_option("--expect-revision", "Only if the facts are at this revision.")
@click.option(
    "--on-behalf-of",
    "author",
    type=TEXT,
    callback=lambda context, option, text: text and read_reference(context, option, text),
    metavar="TYPE:ID",
    help="The policies must allow each change to this subject.",
)
@click.option(
    "--organization", type=TEXT, metavar="ORG", help="The organization that the subject acts for."
)
@click.option(
    "--idempotency-key",
    type=TEXT,
    metavar="KEY",
    help="The same key and the same changes are made once, however often they come.",
)
@click.option(
    "--url",
    type=TEXT,
    callback=read_address,
    metavar="URL",
    help="A running service, instead of a database; the first of WATERSHED_API_KEYS is sent.",
)
@settings_options("database", "policies", "levels")
@json_option
def apply(
    settings: Settings,
    path: Path,
    expect_revision: int | None,
    author: Key | None,
    organization: str | None,
    idempotency_key: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Make the changes of FILE, whole or not at all, as one revision.

    FILE is JSON, or TOML if it ends in .toml: a list `changes`, each with its `op`. `-` reads JSON
    from the standard input.
    """
    given = click.get_current_context().get_parameter_source("database")
    if url is not None and given is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("the changes go to --url or into --database, not both")
    made = read_changes(path)
    context = {} if organization is None else {"organization": organization}
    write = Write(made, expect_revision, Author(*author, context=context) if author else None)
    if url is not None:
        written = Written(post_changes(url, write, idempotency_key, settings), False)
    else:
        written = _written(settings, write, idempotency_key)
    print_written(written, as_json)


def _written(settings: Settings, write: Write, idempotency_key: str | None) -> Written:
    """What becomes of the write in the database itself."""
    author, judge = write.author, None
    policies = open_policies(settings) if author else read_policy_set(settings.policies)
    if author:
        # The engine answers; the facts are those of the transaction.
        judge = partial(judge_changes, build_pdp(policies, Directory()), author)
    with open_database(settings, policies.schema) as store:
        return store.write(
            write.changes,
            caller=COMMAND_LINE,
            subject=author and reference((author.type, author.id)),
            expect_revision=write.expect_revision,
            idempotency_key=idempotency_key,
            circumstances=author and [author.properties, author.context],
            judge=judge,
        )


def read_changes(path: Path) -> list[Any]:
    """The list of changes in a file. Raises MalformedDocument, InvalidChanges."""
    document = read_file(path)
    found = document.get("changes") if isinstance(document, dict) else document
    if not isinstance(found, list) or not found:
        reason = "is not a list of changes, such as [[changes]] in TOML or [{…}] in JSON"
        raise InvalidChanges([Problem("changes", None, reason)])
    return found


def print_written(made: Written, as_json: bool) -> None:
    """The revision that a write has made, or had made before."""
    if as_json:
        print_json(made._asdict())
    else:
        again = " (made before under this key)" if made.repeated else ""
        click.echo(f"revision {made.revision}{again}")


@changes.command(
    "list",
    epilog="""\b
Examples:
  watershed changes list --database sqlite:///facts.db
  watershed changes list --after 41 --json
""",
)
@revision_option("--after", "Only what came after this revision.  [0]")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@settings_options("database", "policies", "levels")
@json_option
def list_(settings: Settings, after: int | None, limit: int, as_json: bool) -> None:
    """The change log: when, by whom, for whom, and what was changed, the oldest first."""
    with open_database(settings, read_policy_set(settings.policies).schema) as store:
        entries = store.log(after or 0, limit)
        body = log_body(store.revision(), entries)
    if not entries:
        newest = body["revision"]
        click.echo(f"nothing is newer than revision {after or 0}; the newest is {newest}", err=True)
    if as_json:
        print_json(body)
    else:
        print_rows(("revision", "when", "by", "for", "what"), [_row(entry) for entry in entries])


def _row(entry: LogEntry) -> tuple[Any, ...]:
    counts = Counter(str(change.get("op")) for change in entry.changes)
    what = ", ".join(f"{op} x {n}" if n > 1 else op for op, n in counts.items())
    return entry.revision, spell_moment(entry.at), entry.caller, entry.subject, what
