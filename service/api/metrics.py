"""What the service has done, in Prometheus's words: decisions, plans, facts, requests' seconds.

Whoever decides only counts in variables of its own process. From there the counts are carried into
prometheus-client, before every answer and, where several workers share one folder, every second:
then each worker can answer for all of them.
"""

import os
from bisect import bisect_left
from threading import Event, Lock, Thread

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from service.config import COUNTS_FOLDER
from service.policy.pdp import PolicyDecisionPoint

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN_ROUTE = "none"
CARRIED_SECONDS = 1.0
BUCKETS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


class _Durations(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, counts: list[int], seconds: float) -> None:
        """Add so many to each bucket, and what they come to together."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            bucket.inc(count)
        self._sum.inc(seconds)


class _Timed:
    """How long the requests of one route and status took, since they were last carried."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_SECONDS) + 1)
        self.seconds = 0.0


class Metrics:
    """The metrics of one process; with COUNTS_FOLDER set, of all that share it."""

    def __init__(self, pdp: PolicyDecisionPoint):
        self._pdp = pdp
        self._shared = os.environ.get(COUNTS_FOLDER)
        self._carried: dict[tuple[Counter, *tuple[str, ...]], int] = {}
        self._carrying, self._counting = Lock(), Lock()
        registry = self._registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"watershed_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, mode: str, *labels: str) -> Gauge:
            return Gauge(
                f"watershed_{name}", about, labels, registry=registry, multiprocess_mode=mode
            )

        self._decisions = counter("decisions", "Decisions made, by reason", "reason")
        self._asked_oso = counter("oso_questions", "Questions that no plan could answer yet")
        self._compiled = counter("plan_compilations", "How often a plan was compiled")
        self._not_compiled = counter(
            "plan_compilations_failed", "Plans that could not be compiled; must stay 0"
        )
        self._kept_out = counter("plan_kept_out", "Recordings that a limit kept out of their plan")
        self._contradictions = counter(
            "plan_contradictions", "Plans retired since a recording did not fit; must stay 0"
        )
        self._shapes = gauge("plan_shapes", "Plans, one for each shape of question", "livemax")
        self._nodes = gauge("plan_nodes", "Reads in all plans together", "livemax")
        self._wide = gauge(
            "plan_wide_reads", "1 for a read with more answers than a plan keeps", "livemax", "read"
        )
        self._revision = gauge("facts_revision", "Of the facts decided from", "livemin")
        self._newest = gauge("facts_newest_revision", "That the database has named", "livemax")
        self._age = gauge(
            "facts_age_seconds", "Since the database last confirmed the facts", "livemax"
        )
        self._reading = gauge(
            "facts_reading_seconds", "For how long a newer revision is being read", "livemax"
        )
        self._seconds = _Durations(
            "watershed_request_seconds",
            "From a request's headers to its answer, by route and status",
            ("route", "status"),
            registry=registry,
            buckets=BUCKETS_SECONDS,
        )
        self._timed: dict[tuple[str, int], _Timed] = {}
        if self._shared:
            self._carry_now_and_then()
        else:
            # Words have no sum, so that a shared folder cannot hold them.
            policy = Info("watershed_policy", "The policies in force", registry=registry)
            policy.info({"revision": pdp.engine.policies.revision})

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Note one request. `route` is a name of ours, never a path that a caller sent."""
        with self._counting:
            timed = self._timed.get((route, status))
            if timed is None:
                timed = self._timed[route, status] = _Timed()
            timed.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
            timed.seconds += seconds

    def exposition(self) -> bytes:
        """All metrics as Prometheus reads them (text format 0.0.4)."""
        self._carry()
        if not self._shared:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, self._shared)
        return generate_latest(together)

    def _carry(self) -> None:
        """Bring what has been counted since the last time."""
        with self._carrying:
            for reason, count in self._pdp.answers.items():
                self._advance(self._decisions, count, reason)
            self._carry_plans()
            with self._counting:
                timed, self._timed = self._timed, {}
            for (route, status), each in timed.items():
                self._seconds.labels(route, status).add(each.counts, each.seconds)
            known = self._pdp.facts.known()
            self._revision.set(known.revision)
            self._newest.set(known.newest)
            self._age.set(known.age_seconds)
            self._reading.set(known.reading_seconds)

    def _carry_plans(self) -> None:
        plans = self._pdp.engine.plans
        if plans is None:
            return
        counts = plans.counts()
        self._advance(self._asked_oso, counts.asked_oso)
        self._advance(self._compiled, counts.compiled)
        self._advance(self._not_compiled, counts.not_compiled)
        self._advance(self._kept_out, counts.kept_out)
        self._advance(self._contradictions, counts.contradictions)
        self._shapes.set(counts.shapes)
        self._nodes.set(counts.nodes)
        for name in counts.wide:
            self._wide.labels(name).set(1)

    def _advance(self, counter: Counter, count: int, *labels: str) -> None:
        key = (counter, *labels)
        (counter.labels(*labels) if labels else counter).inc(count - self._carried.get(key, 0))
        self._carried[key] = count

    def _carry_now_and_then(self) -> None:
        never = Event()

        def carry() -> None:
            while not never.wait(CARRIED_SECONDS):
                self._carry()

        Thread(target=carry, name="metrics", daemon=True).start()
