"""`watershed what-can`: everything that a subject may do, and to what."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import click

from service.api.search_rendering import (
    assumptions_body,
    entity_body,
    failure_body,
    reasons_body,
    scope_body,
)
from service.commands.arguments import TEXT, now_option, read_reference, request_options
from service.commands.known_names import require_known
from service.commands.opening import open_pdp
from service.commands.settings import json_option, settings_options
from service.commands.terminal import one_line, print_json, print_rows
from service.config import Settings
from service.domain.identifiers import Key, reference
from service.domain.moment import Moment
from service.domain.schema import BUILT_IN_TYPES
from service.policy.decision import INVALID_PROPERTIES, AccessRequest, Failure
from service.policy.pdp import PolicyDecisionPoint
from service.search.lists import find_resources, refusal
from service.search.scopes import Scope, Subtree, find_scope


class Allowed(NamedTuple):
    """What may be done to resources of one type: to which of those stored, and where in general."""

    kind: str
    action: str
    stored: list[Key]
    scope: Scope | None
    """None for a type of which all resources are stored."""


@click.command(
    "what-can",
    epilog="""\b
Examples:
  watershed what-can user:lukas --world brand.world.toml
  watershed what-can user:dora --type channel
  watershed what-can user:dora --type channel --action view --explain
  watershed what-can user:lukas --type conversation --action read --scope --json
""",
)
@click.argument("subject", type=TEXT, callback=read_reference)
@click.option("--type", "kind", type=TEXT, metavar="TYPE", help="Only resources of this type.")
@click.option("--action", type=TEXT, metavar="ACTION", help="Only this action.")
@click.option(
    "--scope", "only_scope", is_flag=True, help="Where in the tree, for what others store."
)
@click.option("--explain", is_flag=True, help="Say by which rules; with --type and --action.")
@request_options
@now_option
@settings_options("world", "database", "policies", "levels", either=True)
@json_option
def what_can(
    settings: Settings,
    subject: Key,
    kind: str | None,
    action: str | None,
    only_scope: bool,
    explain: bool,
    properties: dict[str, Any],
    resource_properties: dict[str, Any],
    subject_properties: dict[str, Any],
    context: dict[str, Any],
    now: datetime | None,
    as_json: bool,
) -> None:
    """What SUBJECT may do: how many stored resources of each type, and where in the tree.

    With --type and --action: which resources, one a line. With --scope: the parts of the tree in
    which the action is allowed on resources that are described and not stored. An action that needs
    a parameter is left out unless --property gives it.
    """
    if explain and (only_scope or not (as_json or (kind and action))):
        raise click.UsageError("--explain is of single resources: name --type and --action as well")
    pdp = open_pdp(settings)
    moment = pdp.moment(now)
    require_known(moment.vocabulary.schema, subject[0], kind, action)
    request = AccessRequest(
        *subject,
        action or "",
        kind or "",
        "",
        subject_properties=subject_properties,
        action_properties=properties,
        resource_properties=resource_properties,
        context=context,
    )
    asked, failure = _asked(moment, request, kind, action)
    found = [_allowed(pdp, moment, each, only_scope) for each in asked]
    if as_json:
        print_json(
            {
                "revision": moment.directory.revision,
                **failure_body(failure),
                "results": [
                    _body(pdp, moment, request, each, only_scope, explain) for each in found
                ],
            }
        )
    elif only_scope:
        print_rows(("type", "action", "where"), [row for each in found for row in _places(each)])
    elif kind and action:
        _print_resources(pdp, moment, request, found, explain)
    else:
        rows = [
            (each.kind, each.action, len(each.stored), _where(each.scope))
            for each in found
            if each.stored or (each.scope and (each.scope.subtrees or each.scope.organizations))
        ]
        print_rows(("type", "action", "stored", "where"), rows)


def _asked(
    moment: Moment, request: AccessRequest, kind: str | None, action: str | None
) -> tuple[list[AccessRequest], Failure | None]:
    """The requests for all types and actions that are meant, or why none of them can be asked.

    What cannot be asked is complained of once.
    """
    types = moment.vocabulary.schema.types
    wanted = [
        request.but(resource_type=name, action=each)
        for name in sorted(types)
        for each in sorted(types[name].actions)
        if kind in (None, name) and action in (None, each)
    ]
    failures = [(each, refusal("resource", moment, each)) for each in wanted]
    for _, failure in failures:
        if failure is not None and failure.reason != INVALID_PROPERTIES:
            click.echo(f"nothing: {failure.reason}, {one_line(failure.detail)}", err=True)
            return [], failure
    lacking = {f"{each.action} {each.resource_type}": failure for each, failure in failures}
    lacking = {name: failure for name, failure in lacking.items() if failure is not None}
    if len(wanted) == 1 and lacking:
        (failure,) = lacking.values()
        click.echo(f"nothing: {one_line(failure.detail)}", err=True)
        return [], failure
    if lacking:
        click.echo(f"not asked, for want of --property: {', '.join(lacking)}", err=True)
    return [each for each, failure in failures if failure is None], None


def _allowed(
    pdp: PolicyDecisionPoint, moment: Moment, request: AccessRequest, only_scope: bool
) -> Allowed:
    kind = request.resource_type
    scope = None
    if kind == "organization" or kind not in BUILT_IN_TYPES:
        scope = find_scope(pdp.engine, moment, request)
    stored = [] if only_scope else list(find_resources(pdp.engine, moment, request))
    return Allowed(kind, request.action, stored, scope)


def _body(
    pdp: PolicyDecisionPoint,
    moment: Moment,
    request: AccessRequest,
    found: Allowed,
    only_scope: bool,
    explain: bool,
) -> dict[str, Any]:
    body: dict[str, Any] = {"type": found.kind, "action": found.action}
    if not only_scope:
        body["resources"] = [
            {**entity_body(key), **_why(pdp, moment, request, found, key, explain)}
            for key in found.stored
        ]
    if found.scope is not None:
        body["scope"] = scope_body(found.scope, moment.directory)
        body["assumes"] = assumptions_body(found.scope)
    return body


def _why(
    pdp: PolicyDecisionPoint,
    moment: Moment,
    request: AccessRequest,
    found: Allowed,
    key: Key,
    explain: bool,
) -> dict[str, Any]:
    if not explain:
        return {}
    asked = request.but(action=found.action, resource_type=key[0], resource_id=key[1])
    return {"context": reasons_body(pdp, moment, asked)}


def _print_resources(
    pdp: PolicyDecisionPoint,
    moment: Moment,
    request: AccessRequest,
    found: list[Allowed],
    explain: bool,
) -> None:
    rows = []
    for each in found:
        for key in each.stored:
            why = _why(pdp, moment, request, each, key, explain).get("context", {})
            place = "/".join(why["paths"].get("resource", ())) if why else ""
            rows.append((reference(key), place, ", ".join(why.get("rules", ()))))
    if explain:
        print_rows(("resource", "lies in", "by"), rows)
    else:
        print_rows(("resource",), [row[:1] for row in rows])


def _places(found: Allowed) -> Iterator[tuple[str, str, str]]:
    if found.scope is not None:
        for subtree in found.scope.subtrees:
            yield found.kind, found.action, _spelled(subtree)
        for name in found.scope.organizations:
            yield found.kind, found.action, name


def _where(scope: Scope | None) -> str:
    if scope is None:
        return ""
    return "; ".join([*map(_spelled, scope.subtrees), *scope.organizations])


def _spelled(subtree: Subtree) -> str:
    text = "everywhere" if subtree.within is None else f"{subtree.within} and below"
    if subtree.levels is not None:
        text += f", level {', '.join(map(str, subtree.levels))}"
    if subtree.without:
        text += f", without {', '.join(subtree.without)}"
    return text
