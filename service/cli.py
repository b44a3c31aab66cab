"""The command `watershed`. Each verb lives in `service/commands`, imported when it is used."""

import os
from importlib import import_module

import click

from service import __version__
from service.errors import WatershedError

_VERBS = {
    "serve": "serve",
    "check": "check",
    "explain": "explain",
    "verify": "verify",
    "simulate": "simulate",
    "impact": "impact",
    "who-can": "who_can",
    "what-can": "what_can",
    "inherited": "inherited",
    "test": "tables",
    "policies": "policies",
    "world": "world",
    "changes": "changes",
    "subscriptions": "subscriptions",
    "invoice": "invoice",
    "report": "report",
    "usage": "usage",
    "config": "settings",
}
"""Each verb and its module under `service.commands`, in which it has the same name, spelled with
`_` for `-`."""


class _Verbs(click.Group):
    """The verbs, and what they have in common: a refusal is a line on standard error and exit 2."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        module = import_module(f"service.commands.{_VERBS[name]}")
        return getattr(module, name.replace("-", "_"))

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except WatershedError as error:
            from service.commands.terminal import print_refusal

            print_refusal(error)
            context.exit(2)


@click.group(
    "watershed",
    cls=_Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "color": False if os.environ.get("NO_COLOR") else None,
    },
    epilog="""\b
Examples:
  watershed serve --world accounts.world.toml
  watershed check user:dora reply conversation:test-drive --world accounts.world.toml
  watershed test accounts.cases.toml
""",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Authorization for account trees: rights flow down from upstream, and so does what is shared.

    Settings come from WATERSHED_* variables (see `watershed config`); options win over them.
    """
