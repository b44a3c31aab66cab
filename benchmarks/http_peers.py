"""The servers that are compared: how each is started, asked, and understood.

Peers cannot hold the facts of this service, so each question brings them what they need: the role
of the user where he acts, and the path of the organization that owns the conversation. What is left
to decide is the same: whether a role counts there, and suffices for the action.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "watershed-benchmarks"
PACKAGES = ("@cerbos/cerbos-linux-x64@0.55.0", "@cedar-policy/cedar-wasm@4.13.0")
CERBOS = CACHE / "node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64"
CEDAR = CACHE / "node_modules/@cedar-policy/cedar-wasm"


class Question(NamedTuple):
    """One question as a peer needs it: with the facts that it hangs on."""

    user: str
    role: str
    organization: str
    action: str
    conversation: str
    path: tuple[str, ...]
    request: dict[str, Any]
    """As this service is asked, which knows the facts itself."""


class Server(NamedTuple):
    """A server to be measured. `spell` makes the body of several questions by one user."""

    name: str
    command: Callable[[int, Path], list[str]]
    path: str
    batch_path: str
    spell: Callable[[list[Question]], Any]
    understand: Callable[[Any], list[bool]]
    most_items: int = 1000
    installed: bool = True
    decides: bool = True
    """Or only says something, to show what a machine and a server leave over."""


def _watershed(port: int, folder: Path) -> list[str]:
    # A database of its own: a service reads a world only if its database is not there yet.
    database = f"sqlite:///{folder / 'facts.db'}"
    options = ["--world", str(folder / "world.json"), "--database", database, "--port", str(port)]
    return [sys.executable, "-m", "service", "serve", *options]


def _spell_authzen(questions: list[Question]) -> Any:
    if len(questions) == 1:
        return questions[0].request
    return {"evaluations": [question.request for question in questions]}


def _understand_authzen(answer: Any) -> list[bool]:
    return [each["decision"] for each in answer.get("evaluations", [answer])]


_CERBOS_POLICY = """\
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: conversation
  rules:
    - actions: [read]
      effect: EFFECT_ALLOW
      roles: [owner, admin, supervisor, agent, guest]
      condition: &at-or-below
        match:
          expr: P.attr.organization in R.attr.path
    - actions: [reply]
      effect: EFFECT_ALLOW
      roles: [owner, admin, supervisor, agent]
      condition: *at-or-below
"""
_CERBOS_SETTINGS = """\
server:
  httpListenAddr: 127.0.0.1:{port}
  grpcListenAddr: unix:{folder}/cerbos.sock
  requestLimits: {{maxResourcesPerRequest: 500}}
storage: {{driver: disk, disk: {{directory: {folder}/cerbos}}}}
telemetry: {{disabled: true}}
"""


def _cerbos(port: int, folder: Path) -> list[str]:
    policies = folder / "cerbos"
    policies.mkdir(exist_ok=True)
    (policies / "conversation.yaml").write_text(_CERBOS_POLICY)
    settings = folder / "cerbos.yaml"
    settings.write_text(_CERBOS_SETTINGS.format(port=port, folder=folder))
    return [str(CERBOS), "server", f"--config={settings}", "--log-level=error"]


def _spell_cerbos(questions: list[Question]) -> Any:
    first = questions[0]
    return {
        "requestId": "1",
        "principal": {
            "id": first.user,
            "roles": [first.role],
            "attr": {"organization": first.organization},
        },
        "resources": [
            {
                "actions": [each.action],
                "resource": {
                    "kind": "conversation",
                    "id": each.conversation,
                    "attr": {"path": each.path},
                },
            }
            for each in questions
        ],
    }


def _understand_cerbos(answer: Any) -> list[bool]:
    return ["EFFECT_ALLOW" in each["actions"].values() for each in answer["results"]]


def _cedar(port: int, folder: Path) -> list[str]:
    return ["node", str(HERE / "cedar.mjs"), str(port), str(CACHE)]


def _spell_cedar(questions: list[Question]) -> Any:
    return [{k: v for k, v in each._asdict().items() if k != "request"} for each in questions]


def _bare(worker: str, *options: str) -> Callable[[int, Path], list[str]]:
    def command(port: int, folder: Path) -> list[str]:
        how = ["--worker-class", worker, *options, "--bind", f"127.0.0.1:{port}"]
        quiet = ["--no-control-socket", "--log-level", "warning"]
        return [sys.executable, "-m", "gunicorn", *how, *quiet, "benchmarks.bare:app"]

    return command


def _bare_server(name: str, command: Callable[[int, Path], list[str]]) -> Server:
    def understand(answer: Any) -> list[bool]:
        return [answer["decision"]]

    return Server(name, command, "/", "/", _spell_authzen, understand, 1, decides=False)


SERVERS = (
    Server(
        "watershed",
        _watershed,
        "/authorize",
        "/access/v1/evaluations",
        _spell_authzen,
        _understand_authzen,
    ),
    Server(
        "cerbos",
        _cerbos,
        "/api/check/resources",
        "/api/check/resources",
        _spell_cerbos,
        _understand_cerbos,
        most_items=500,
        installed=CERBOS.exists(),
    ),
    Server(
        "cedar (node)",
        _cedar,
        "/",
        "/",
        _spell_cedar,
        lambda answer: answer,
        installed=CEDAR.exists(),
    ),
    _bare_server("bare, gunicorn", _bare("asgi", "--asgi-loop", "uvloop")),
    _bare_server("bare, uvicorn", _bare("uvicorn_worker.UvicornWorker")),
)


def install() -> None:
    """Install the peers that the registries offer, outside the repository.

    OPA, SpiceDB and OpenFGA offer no server there.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text(json.dumps({"private": True}))
    options = ["--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "install", *options, *PACKAGES], cwd=CACHE, check=True)
