"""What one decision costs: by oso alone, by plans, on trees of all sizes, and beside other engines.

Everything is measured on one core, in one process, in interleaved rounds, with the mix of questions
of fixtures/traffic.py. Every round asks new questions at a moment of its own; in a small world the
few things to share and to report on come again, conversations never do. All answers are compared
first. Each decision is timed by itself, and the reading of the clock taken off.

    python benchmarks/decide.py S M L
    python benchmarks/decide.py S --trees --questions 1000 --rounds 3
    python benchmarks/decide.py L --peers
    python benchmarks/decide.py S --trees --peers --peers-world M

The peers decide one rule; Watershed is asked beside them by all policies, and by a policy set of
that one rule (benchmarks/one_rule). The peers need an environment that is not the project's own:

    python -m venv peers
    peers/bin/pip install --require-hashes -r requirements.txt
    peers/bin/pip install cedarpy pycasbin gordon-to-regorus
    peers/bin/python benchmarks/decide.py L --peers

regorus publishes no wheel under its own name; gordon-to-regorus, a fork, does. Peers that are not
installed are named and left out. benchmarks/beside_oso.py, trees.py and beside.py are the parts.
"""

import argparse
import sys
from pathlib import Path

sys.path.pop(0)  # this folder, in which http.py would be taken for Python's own `http`
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring, peers
from benchmarks.bench import Bench
from benchmarks.beside import beside_peers
from benchmarks.beside_oso import beside_oso
from benchmarks.trees import TREES, trees
from service.config import Settings
from service.policy.policy_set import read_policy_set


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["S", "M", "L"], help="S, M, L, XL")
    parser.add_argument("--questions", type=int, default=5_000, help="in a round (default: 5000)")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seed", type=int, default=1, help="of worlds and questions (default: 1)")
    parser.add_argument(
        "--trees", type=int, nargs="*", default=TREES, help="sizes to compare; none: do not"
    )
    parser.add_argument("--peers", action="store_true", help="beside cedarpy, pycasbin, regorus")
    parser.add_argument("--peers-world", default="L", help="on which peers are asked (default: L)")
    options = parser.parse_args()
    core = measuring.pin()
    others = [name for name, _ in peers.installed()] if options.peers else []
    print(measuring.header(["oso", *others], core, options.seed))
    bench = Bench(options, read_policy_set(Settings().policies))
    print(
        f"{bench.rounds} rounds of {bench.questions:,} questions; medians of the rounds; "
        f"the clock's {bench.clock} ns are taken off"
    )
    for profile in options.profiles:
        beside_oso(bench, profile)
    if options.trees:
        trees(bench, options.trees)
    if options.peers:
        beside_peers(bench, options.peers_world)
    print()
    bench.goals.report()


if __name__ == "__main__":
    main()
