"""What a whole explanation costs, and what the impact of a change costs, on the large worlds.

Requests are the mix of fixtures/traffic.py, with as many denials as allows: an explanation of a
denial looks for the nearest allow, which is most of its work. Every request is explained once
before the clock starts, as a server would have met its kind before.

    python benchmarks/explain.py XL
    python benchmarks/explain.py L --requests 400
    python benchmarks/explain.py L --impact
"""

import argparse
import sys
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.measuring import now
from benchmarks.questions import draw
from fixtures import generate
from service.api.accounts import account_body
from service.config import Settings
from service.domain.world import read_world
from service.explain.account import Explainer
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set

GOAL_MS = 50


def explanations(pdp: PolicyDecisionPoint, document: dict, count: int, seed: int) -> None:
    """Explain `count` allows and as many denials."""
    explainer = Explainer(pdp)
    moment = pdp.moment()
    chosen = {True: [], False: []}
    for each in draw(document, 40 * count, seed):
        allowed = pdp.decide(each.request, moment).allowed
        if len(chosen[allowed]) < count:
            chosen[allowed].append(each.request)
    moment.forget()
    measuring.settle()
    print(f"{'':8}{'requests':>10}{'median ms':>11}{'p95 ms':>9}{'worst ms':>10}{'trials':>8}")
    for allowed, requests in chosen.items():
        for turn in range(2):
            spent, trials = [], []
            for request in requests:
                begin = now()
                moment = pdp.moment()
                account = explainer.explain(request, moment)
                account_body(account, explainer.speaker)
                moment.forget()
                spent.append((now() - begin) / 1e6)
                trials.append(account.nearest.trials if account.nearest else 0)
            name = f"{'allow' if allowed else 'deny'} {('first', 'again')[turn]}"
            p95 = quantiles(spent, n=20, method="inclusive")[-1]
            print(
                f"{name:12}{len(spent):6}{median(spent):11.2f}{p95:9.2f}{max(spent):10.2f}"
                f"{max(trials):8}   goal p95 ≤ {GOAL_MS} ms: {'yes' if p95 <= GOAL_MS else 'no'}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profile", nargs="?", default="XL", help="S, M, L, XL")
    parser.add_argument("--requests", type=int, default=500, help="of each verdict (default: 500)")
    parser.add_argument("--seed", type=int, default=1, help="of world and requests (default: 1)")
    options = parser.parse_args()
    core = measuring.pin()
    print(measuring.header(("oso",), core, options.seed))
    policies = read_policy_set(Settings().policies)
    document = generate.world(options.profile, options.seed)
    pdp = PolicyDecisionPoint(Engine(policies), FixedFacts(read_world(document, policies.schema)))
    explanations(pdp, document, options.requests, options.seed)


if __name__ == "__main__":
    main()
