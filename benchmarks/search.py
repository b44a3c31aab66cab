"""What lists and scopes cost, beside asking for a decision about every item.

A platform's administrator, the administrator of the largest account and an agent of one of its
dealers: what they can read, where they may reply, who may reply, what the dealer inherits. Each
search is made with plans that have not seen its shape (cold) and with plans that have; a whole
list, and its first page of 100. Beside it, in the same run, every candidate is put to `decide`, or
so many of them that the rest can be reckoned; the answers are compared.

    python benchmarks/search.py L
    python benchmarks/search.py XL --rounds 5

A figure is the best of the rounds: what else the machine does only ever adds to it.
"""

import argparse
import resource
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.measuring import now
from fixtures import generate
from service.config import Settings
from service.domain.inheritance import holdings
from service.domain.moment import Moment
from service.domain.world import read_world
from service.policy.decision import AccessRequest
from service.policy.engine import Engine
from service.policy.pdp import FixedFacts, PolicyDecisionPoint
from service.policy.policy_set import read_policy_set
from service.search.lists import find_actions, find_resources, find_subjects
from service.search.scopes import find_scope

PAGE_ITEMS = 100
DECISIONS_AT_MOST = 20_000
"""So many candidates are decided beside a list; from that the cost of all is reckoned."""
LIST_MS_PER_10000, SCOPE_MS, PAGE_MS = 10, 2, 5


class Case(NamedTuple):
    """A search, by name; `each` makes the request about one candidate of all."""

    name: str
    find: Callable[[Engine, Moment], Iterator]
    each: Callable[[str], AccessRequest]
    kind: str


class People(NamedTuple):
    """Whom the benchmark is about, and where they stand."""

    staff: str
    admin: str
    agent: str
    account: str
    dealer: str


def people_of(profile: str, seed: int) -> People:
    plan = generate.outline(profile, seed)
    account = max(plan.accounts, key=lambda each: len(each.children))
    dealer = account.children[0]
    agent = next(
        user for user, home, role in generate.homes(plan) if home == dealer and role == "agent"
    )
    return People(plan.staff[0], account.users[1], agent, account.organization, dealer)


def cases(people: People) -> Iterator[Case]:
    """The lists; a candidate that stands in the place of the id is `""`."""

    def what(name: str, user: str, action: str, kind: str) -> Case:
        asked = AccessRequest("user", user, action, kind, "")
        return Case(
            f"what can {name} {action}: {kind}",
            lambda engine, moment: find_resources(engine, moment, asked),
            lambda each: asked.but(resource_id=each),
            kind,
        )

    for kind, action in (("article", "read"), ("channel", "view"), ("organization", "view")):
        yield what("a platform's administrator", people.staff, action, kind)
        yield what("an account's administrator", people.admin, action, kind)
        yield what("a dealer's agent", people.agent, action, kind)

    def who(name: str, action: str, kind: str, item: str, **said: Any) -> Case:
        asked = AccessRequest("user", "", action, kind, item, resource_properties=said)
        return Case(
            f"who can {name}",
            lambda engine, moment: find_subjects(engine, moment, asked),
            lambda each: asked.but(subject_id=each),
            "user",
        )

    yield who(
        "reply to this conversation", "reply", "conversation", "c", organization=people.dealer
    )
    yield who("read this shared article", "read", "article", f"{people.account}.1")


def milliseconds(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = now()
    result = call()
    return (now() - begin) / 1e6, result


class Bench:
    """The facts, the policies, and what was measured for the goals."""

    def __init__(self, facts: FixedFacts, policies: Any, rounds: int):
        self.facts = facts
        self.policies = policies
        self.rounds = rounds
        self.engine = Engine(policies)
        self.worst: dict[str, float] = {}

    def moment(self) -> Moment:
        return PolicyDecisionPoint(self.engine, self.facts).moment()

    def best(self, call: Callable[[Moment], Any]) -> tuple[float, Any]:
        """The best of the rounds, each at a moment of its own, and the last result."""
        spent, result = [], None
        for _ in range(self.rounds):
            moment = self.moment()
            took, result = milliseconds(lambda: call(moment))  # noqa: B023
            spent.append(took)
        return min(spent), result

    def cold(self, call: Callable[[Engine, Moment], Any]) -> float:
        """With plans that have seen nothing."""
        engine = Engine(self.policies)
        moment = PolicyDecisionPoint(engine, self.facts).moment()
        return milliseconds(lambda: call(engine, moment))[0]

    def note(self, goal: str, value: float) -> None:
        self.worst[goal] = max(value, self.worst.get(goal, 0.0))

    def one_by_one(self, case: Case, found: set[str]) -> tuple[float, int]:
        """Milliseconds that decisions about all candidates take, and how many candidates there are.

        Ends the run if a decision and the list are of two minds.
        """
        names = [name for kind, name in self.facts.snapshot().records if kind == case.kind]
        step = max(1, len(names) // DECISIONS_AT_MOST)
        asked = names[::step]
        pdp = PolicyDecisionPoint(self.engine, self.facts)
        moment = pdp.moment()
        took, verdicts = milliseconds(
            lambda: [pdp.decide(case.each(name), moment).allowed for name in asked]
        )
        for name, verdict in zip(asked, verdicts, strict=True):
            if verdict is not (name in found):
                sys.exit(f"{case.name}: the list and the decision differ about {name}")
        return took / len(asked) * len(names), len(names)


def lists(bench: Bench, people: People) -> None:
    print(
        f"\n{'':48}{'items':>9}{'cold ms':>9}{'page ms':>9}{'whole ms':>10}{'per 10,000':>11}"
        f"{'candidates':>11}{'one by one ms':>15}{'times':>8}"
    )
    for case in cases(people):
        cold = bench.cold(lambda e, m: list(islice(case.find(e, m), PAGE_ITEMS)))  # noqa: B023
        page, _ = bench.best(lambda m: list(islice(case.find(bench.engine, m), PAGE_ITEMS)))  # noqa: B023
        whole, found = bench.best(lambda m: list(case.find(bench.engine, m)))  # noqa: B023
        slow, candidates = bench.one_by_one(case, {name for _, name in found})
        per = whole / len(found) * 10_000 if found else 0.0
        print(
            f"{case.name:48}{len(found):9,}{cold:9.2f}{page:9.2f}{whole:10.2f}{per:11.2f}"
            f"{candidates:11,}{slow:15,.0f}{slow / whole:8,.0f}"
        )
        if len(found) >= 1_000:
            bench.note("a list, ms per 10,000 items", per)
        bench.note("a first page, ms", page)
        bench.note("a first page with cold plans, ms", cold)


def scopes(bench: Bench, people: People) -> None:
    print(f"\n{'':48}{'subtrees':>9}{'cold ms':>9}{'warm ms':>9}")
    channel = {"channel": f"{people.account}.2"}
    for who in ("staff", "admin", "agent"):
        for name, action, kind, said in (
            ("read conversations", "read", "conversation", {}),
            ("reply", "reply", "conversation", {}),
            ("reply on a channel shared with ten", "reply", "conversation", channel),
            ("see invoices", "view", "invoice", {}),
        ):
            asked = AccessRequest(
                "user", getattr(people, who), action, kind, "", resource_properties=said
            )
            cold = bench.cold(lambda e, m: find_scope(e, m, asked))  # noqa: B023
            warm, found = bench.best(lambda m: find_scope(bench.engine, m, asked))  # noqa: B023
            print(f"{f'where can {who} {name}':48}{len(found.subtrees):9}{cold:9.2f}{warm:9.2f}")
            bench.note("a scope, ms", warm)
            bench.note("a scope with cold plans, ms", cold)


def the_rest(bench: Bench, people: People) -> None:
    warm, held = bench.best(lambda m: list(holdings(m, people.dealer)))
    print(f"\nwhat the dealer inherits: {len(held):,} items in {warm:.2f} ms")
    asked = AccessRequest("user", people.admin, "", "article", f"{people.account}.1")
    warm, found = bench.best(lambda m: find_actions(bench.engine, m, asked))
    print(f"which actions on an article: {len(found)} in {warm:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["L"], help="S, M, L, XL (default: L)")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seed", type=int, default=1, help="of the worlds (default: 1)")
    options = parser.parse_args()
    print(measuring.header(("oso",), measuring.pin(), options.seed))
    policies = read_policy_set(Settings().policies)
    for profile in options.profiles:
        document = generate.world(profile, options.seed)
        sizes = ", ".join(f"{len(section):,} {name}" for name, section in document.items())
        print(f"\n{profile}: {sizes}")
        facts = FixedFacts(read_world(document, policies.schema))
        del document
        measuring.settle()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bench, people = Bench(facts, policies, options.rounds), people_of(profile, options.seed)
        lists(bench, people)
        scopes(bench, people)
        the_rest(bench, people)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"\nmemory at its peak beyond the facts: {grown / 1024:.0f} MiB")
        goals = {
            "a list, ms per 10,000 items": LIST_MS_PER_10000,
            "a first page, ms": PAGE_MS,
            "a scope, ms": SCOPE_MS,
        }
        for what, worst in bench.worst.items():
            goal = goals.get(what)
            against = "" if goal is None else f"  goal {goal}, {worst / goal:.1f} times that"
            print(f"{what:36}{worst:9.2f}{against}")


if __name__ == "__main__":
    main()
