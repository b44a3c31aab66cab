"""Trying a policy set where it can do no harm: in a process of its own, with limits.

A policy of 13 KB can crash oso or keep it busy for minutes. So nobody compiles a policy set that
has not been compiled once here, whatever the scan of its text has let through.
"""

import json
import resource
import subprocess
import sys

from service.errors import InvalidPolicy, Problem
from service.policy.engine import Engine
from service.policy.policy_set import PolicySet, policy_set

MEMORY_LIMIT_BYTES = 2 << 30
CPU_LIMIT_SECONDS = 10
WALL_LIMIT_SECONDS = 60


def try_policies(policies: PolicySet) -> None:
    """Compile the policy set in a child process and throw the result away.

    Raises:
        InvalidPolicy: it does not compile, or the child died of it or ran out of its limits.
    """
    sources = [(name, content.decode("utf-8")) for name, content in policies.sources]
    message = json.dumps({"sources": sources, "types": policies.types.decode("utf-8")})
    try:
        child = subprocess.run(
            [sys.executable, "-m", "service.policy.trial"],
            input=message.encode(),
            capture_output=True,
            timeout=WALL_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"takes longer than {WALL_LIMIT_SECONDS} seconds to compile"
        raise InvalidPolicy([Problem("policies", None, reason)]) from None
    try:
        problems = json.loads(child.stdout)
    except ValueError:
        reason = f"ends the process that compiles them (exit status {child.returncode})"
        raise InvalidPolicy([Problem("policies", None, reason)]) from None
    if problems:
        raise InvalidPolicy([Problem(*problem) for problem in problems])


def _limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_SECONDS, CPU_LIMIT_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child's side: read a policy set from standard input, print its problems as JSON."""
    message = json.load(sys.stdin)
    _limit_this_process()
    sources = [(name, text.encode("utf-8")) for name, text in message["sources"]]
    problems: list[Problem] = []
    try:
        Engine(policy_set(sources, message["types"].encode("utf-8")))
    except InvalidPolicy as invalid:
        problems = list(invalid.problems)
    json.dump([[each.path, None, each.reason] for each in problems], sys.stdout)


if __name__ == "__main__":
    main()
