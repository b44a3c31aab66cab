"""What a whole explanation costs, and what the impact of a change costs, on the large worlds.

Requests are the mix of fixtures/traffic.py, with as many denials as allows: an explanation of a
denial looks for the nearest allow, which is most of its work. Every request is explained once
before the clock starts, as a server would have met its kind before.

    python benchmarks/explain.py XL
    python benchmarks/explain.py L --requests 400
    python benchmarks/explain.py L --impact
"""

import argparse
import random
import sys
import time
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
from service.explain.impact import impact
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set

GOAL_MS, GOAL_IMPACT_S = 50, 2


def explanations(pdp: PolicyDecisionPoint, document: dict, count: int, seed: int) -> None:
    """Explain `count` allows and as many denials."""
    explainer = Explainer(pdp)
    moment = pdp.moment()
    chosen = {True: [], False: []}
    for each in draw(document, 40 * count, seed):
        allowed = pdp.decide(each.request, moment).allowed
        if len(chosen[allowed]) < count:
            chosen[allowed].append(each.request)
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
                spent.append((now() - begin) / 1e6)
                trials.append(account.nearest.trials if account.nearest else 0)
            name = f"{'allow' if allowed else 'deny'} {('first', 'again')[turn]}"
            p95 = quantiles(spent, n=20, method="inclusive")[-1]
            print(
                f"{name:12}{len(spent):6}{median(spent):11.2f}{p95:9.2f}{max(spent):10.2f}"
                f"{max(trials):8}   goal p95 ≤ {GOAL_MS} ms: {'yes' if p95 <= GOAL_MS else 'no'}"
            )


def impacts(pdp: PolicyDecisionPoint, document: dict, count: int, seed: int) -> None:
    """Weigh moves of single dealers to other accounts."""
    chance = random.Random(seed)
    parents = {name: entry.get("parent") for name, entry in document["organizations"].items()}
    accounts = [name for name, parent in parents.items() if parent and not parents[parent]]
    dealers = [name for name, parent in parents.items() if parent and parents[parent]]
    measuring.settle()
    spent, processor = [], []
    print(f"\n{'move':18}{'s':>7}{'CPU s':>7}{'gained':>9}{'lost':>9}{'decided':>10}  of questions")
    for turn in range(count + 1):
        dealer, account = chance.choice(dealers), chance.choice(accounts)
        if account == parents[dealer]:  # then it becomes an account itself
            account = parents[account]
        move = {"op": "move_organization", "organization": dealer, "to": account}
        moment, begin, begin_cpu = pdp.moment(), now(), time.process_time()
        found = impact(pdp, [move], moment)
        seconds, cpu = (now() - begin) / 1e9, time.process_time() - begin_cpu
        if turn:  # the first one warms the plans
            spent.append(seconds)
            processor.append(cpu)
        print(
            f"{dealer} to {account:10}{seconds:7.2f}{cpu:7.2f}{found.count(gained=True):9,}"
            f"{found.count(gained=False):9,}{found.decided:10,}  {found.questions:,}"
        )
    reached = "yes" if median(processor) <= GOAL_IMPACT_S else "no"
    print(
        f"median of the last {count}: {median(spent):.2f} s, of which {median(processor):.2f} s "
        f"on the processor (at most {max(processor):.2f}); goal ≤ {GOAL_IMPACT_S} s of processor: "
        f"{reached}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profile", nargs="?", default="XL", help="S, M, L, XL")
    parser.add_argument("--requests", type=int, default=500, help="of each verdict (default: 500)")
    parser.add_argument("--seed", type=int, default=1, help="of world and requests (default: 1)")
    parser.add_argument("--impact", action="store_true", help="weigh moves of dealers instead")
    parser.add_argument("--moves", type=int, default=7, help="how many of them (default: 7)")
    options = parser.parse_args()
    core = measuring.pin()
    print(measuring.header(("oso",), core, options.seed))
    policies = read_policy_set(Settings().policies)
    document = generate.world(options.profile, options.seed)
    pdp = PolicyDecisionPoint(Engine(policies), FixedFacts(read_world(document, policies.schema)))
    if options.impact:
        impacts(pdp, document, options.moves, options.seed)
    else:
        explanations(pdp, document, options.requests, options.seed)


if __name__ == "__main__":
    main()
