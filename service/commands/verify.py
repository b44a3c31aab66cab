"""`watershed verify`: whether a proof holds, by a checker that knows nothing of the engine."""

import json
from pathlib import Path

import click

from service.checker.proofs import refusal
from service.commands.opening import named_world
from service.commands.settings import json_option, settings_options
from service.commands.terminal import print_json
from service.config import Settings
from service.errors import ProofRefused


@click.command(
    epilog="""\b
Examples:
  watershed explain user:lukas reply conversation:recall-linz --proof > proof.json
  watershed verify proof.json --world brand.world.toml
"""
)
@click.argument("proof", type=click.Path(path_type=Path))
@settings_options("world", "policies")
@json_option
def verify(settings: Settings, proof: Path, as_json: bool) -> None:
    """Check a PROOF of `watershed explain --proof` against a world document and policies.

    The exit status is 0 if it holds, and 2 if it does not.
    """
    why = refusal(proof, named_world(settings), settings.policies)
    if why is not None:
        raise ProofRefused(why)
    known = json.loads(proof.read_bytes())
    if as_json:
        print_json({"proven": True, "decision": known["decision"], "reason": known["reason"]})
    else:
        names = ", ".join(rule["name"] for rule in known["rules"])
        verdict = "allow" if known["decision"] else "deny"
        click.echo(f"proven: {verdict}  {known['reason']}" + (f"  by {names}" if names else ""))
