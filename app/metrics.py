"""/metrics for Prometheus: what the database knows about the whole, and how this process answers.

Workers and watchers tell what only they know (requests to API servers, leases) on ports of their own. Numbers of the
database are the same from every API process: take their maximum, not their sum. While Postgres is away,
orchestrator_database_up is 0 and its numbers are left out rather than repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import get_args

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from db.access import require_everything
from db.database import Database
from db.errors import Contended, Unavailable
from db.measures import RECONCILE_SECONDS, EventMeasure, Measures, measure
from db.rollouts import RolloutState

# A second series beside each, which nothing here reads.
disable_created_metrics()
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
HTTP_REQUESTS = Histogram(
    "orchestrator_http_request_seconds",
    "Requests to this API by method, route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
STREAMS = Gauge("orchestrator_streams_open", "Server-sent event streams of this API.", registry=REGISTRY)
STREAMS_ENDED = Counter("orchestrator_streams_ended", "Streams that ended, by reason.", ["reason"], registry=REGISTRY)
CONTENT_TYPE = "text/plain; version=0.0.4"
# Ends of reconciliations, as the events call them.
OUTCOMES = {"ReconcileSucceeded": "succeeded", "ReconcileFailed": "failed"}
# Why an object was applied that others had changed, deleted or replaced.
PUT_BACK = ("drifted", "missing", "recreated")
_COUNTED_FROM = "as recorded since this API process first looked"


class Counted:
    """Sums of events, from one look to the next. Events are read once, in the order in which they were committed."""

    def __init__(self) -> None:
        self.next_xid: int | None = None
        self.events: dict[str, int] = {}
        self.put_backs: dict[str, int] = dict.fromkeys(PUT_BACK, 0)
        self.spread: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        # One look at a time, so that none counts an event twice.
        self.looking = asyncio.Lock()

    def add(self, events: list[EventMeasure], next_xid: int) -> None:
        """Count what a look found."""
        for event in events:
            self.events[event.type] = self.events.get(event.type, 0) + event.count
            if event.reason in self.put_backs:
                self.put_backs[event.reason] += event.count
            if event.type in OUTCOMES and event.buckets:
                known = self.spread.get(event.type, [0] * len(event.buckets))
                self.spread[event.type] = [a + b for a, b in zip(known, event.buckets, strict=True)]
                self.seconds[event.type] = self.seconds.get(event.type, 0.0) + event.milliseconds / 1000
        self.next_xid = next_xid


@get("/metrics", media_type=CONTENT_TYPE, summary="Metrics for Prometheus")
async def show_metrics(database: NamedDependency[Database], counted: NamedDependency[Counted]) -> Response[bytes]:
    """Prometheus' text format."""
    async with counted.looking:
        try:
            async with database.transaction() as session:
                await require_everything(session, "metrics")  # one count for all who ask
                seen = await measure(session, counted.next_xid)
        except (Unavailable, Contended):
            return Response(generate_latest(Shown([gauge_up(0)])) + generate_latest(REGISTRY), media_type=CONTENT_TYPE)
        counted.add(seen.events, seen.xid)
        families = [gauge_up(1), *database_families(seen), *event_families(counted)]
    return Response(generate_latest(Shown(families)) + generate_latest(REGISTRY), media_type=CONTENT_TYPE)


class Shown(CollectorRegistry):
    """Families that are there already, in the shape that prometheus_client writes out."""

    def __init__(self, families: list[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """The families."""
        return iter(self._families)


def gauge_up(value: int) -> Metric:
    """Whether Postgres answered this very look."""
    return GaugeMetricFamily("orchestrator_database_up", "1 if Postgres answers the API.", value=value)


def database_families(seen: Measures) -> list[Metric]:
    """Queues, clusters, deployments and watches."""
    known = [*queue_families(seen), *cluster_families(seen), *watch_families(seen), rollout_family(seen)]
    return known if seen.snapshot_seconds is None else [*known, snapshot_family(seen.snapshot_seconds)]


def snapshot_family(seconds: float) -> Metric:
    """How long somebody's transaction has kept dead rows from being cleared away."""
    text = "Age of the oldest transaction with a snapshot: the queues grow slow behind it."
    return GaugeMetricFamily("orchestrator_oldest_snapshot_seconds", text, value=seconds)


def rollout_family(seen: Measures) -> Metric:
    """Rollouts by state; one that is paused waits for a person."""
    counts = dict.fromkeys(get_args(RolloutState), 0) | {row.state: row.count for row in seen.rollouts}
    rollouts = gauge("orchestrator_rollouts", "Rollouts by state.", "state")
    for state, count in counts.items():
        rollouts.add_metric([state], count)
    return rollouts


def queue_families(seen: Measures) -> list[Metric]:
    """What waits for workers."""
    depth = gauge("orchestrator_queue_depth", "Messages in a queue, those with a worker among them.", "cluster", "lane")
    leased = gauge("orchestrator_queue_leased", "Messages that a worker holds.", "cluster", "lane")
    oldest = gauge("orchestrator_queue_oldest_seconds", "Age of the oldest message in a queue.", "cluster", "lane")
    for row in seen.queues:
        depth.add_metric([row.cluster, row.lane], row.depth)
        leased.add_metric([row.cluster, row.lane], row.leased)
        oldest.add_metric([row.cluster, row.lane], row.oldest_seconds)
    return [depth, leased, oldest]


def cluster_families(seen: Measures) -> list[Metric]:
    """Whether each cluster is reached, and how many of its deployments need attention."""
    reachable = gauge("orchestrator_cluster_reachable", "1 while workers reach the API server.", "cluster")
    away = gauge("orchestrator_cluster_unreachable_seconds", "For how long workers have not reached it.", "cluster")
    waiting = gauge("orchestrator_deployments_waiting", "Deployments that wait for a time to try again.", "cluster")
    quarantined = gauge("orchestrator_deployments_quarantined", "Deployments whose work no worker survived.", "cluster")
    failing = gauge("orchestrator_deployments_failing", "Deployments whose last reconciliation failed.", "cluster")
    drifted = gauge("orchestrator_deployments_drifted", "Deployments changed or deleted behind our back.", "cluster")
    contested = gauge("orchestrator_contested_paths", "Paths that somebody else keeps setting.", "cluster")
    stale = gauge("orchestrator_deployments_stale", "Deployments no watcher has seen for two resyncs.", "cluster")
    for row in seen.clusters:
        reachable.add_metric([row.cluster], row.unreachable_seconds is None)
        away.add_metric([row.cluster], row.unreachable_seconds or 0)
        waiting.add_metric([row.cluster], row.waiting)
        quarantined.add_metric([row.cluster], row.quarantined)
        failing.add_metric([row.cluster], row.failing)
        drifted.add_metric([row.cluster], row.drifted)
        contested.add_metric([row.cluster], row.contested)
        stale.add_metric([row.cluster], row.stale)
    statuses = gauge("orchestrator_deployments", "Deployments by status.", "cluster", "status")
    for status in seen.statuses:
        statuses.add_metric([status.cluster, status.status], status.count)
    return [reachable, away, waiting, quarantined, failing, drifted, contested, stale, statuses]


def watch_families(seen: Measures) -> list[Metric]:
    """How the watches of each kind do, by what the watcher wrote last."""
    labels = ("cluster", "kind")
    connected = gauge("orchestrator_watch_connected", "1 unless the watch of a kind is lost.", *labels)
    stale = gauge("orchestrator_watch_synced_seconds_ago", "Since when a kind was not listed in full.", *labels)
    lost = gauge("orchestrator_watch_lost_seconds", "For how long the watch of a kind has been lost.", *labels)
    restarts = CounterMetricFamily("orchestrator_watch_restarts", "How often a watch began again.", labels=labels)
    for row in seen.watches:
        place = [row.cluster, row.kind]
        connected.add_metric(place, row.state != "lost")
        lost.add_metric(place, row.state_seconds if row.state == "lost" else 0)
        restarts.add_metric(place, row.restarts)
        if row.synced_seconds is not None:
            stale.add_metric(place, row.synced_seconds)
    return [connected, stale, lost, restarts]


def event_families(counted: NamedDependency[Counted]) -> list[Metric]:
    """Every type of event, what was put back, and the reconciliations among them with their duration."""
    events = CounterMetricFamily("orchestrator_events", f"Events by type, {_COUNTED_FROM}.", labels=["type"])
    for kind, count in sorted(counted.events.items()):
        events.add_metric([kind], count)
    put_backs = CounterMetricFamily(
        "orchestrator_put_backs", f"Objects put back by what had been done to them, {_COUNTED_FROM}.", labels=["reason"]
    )
    for reason, count in counted.put_backs.items():
        put_backs.add_metric([reason], count)
    reconciles = HistogramMetricFamily(
        "orchestrator_recorded_reconcile_seconds", f"Reconciliations by outcome, {_COUNTED_FROM}.", labels=["outcome"]
    )
    for kind, spread in sorted(counted.spread.items()):
        bounds = [*(str(bound) for bound in RECONCILE_SECONDS), "+Inf"]
        sums = [sum(spread[: position + 1]) for position in range(len(spread))]
        reconciles.add_metric([OUTCOMES[kind]], list(zip(bounds, sums, strict=True)), counted.seconds[kind])
    return [events, put_backs, reconciles]


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """A gauge yet without values."""
    return GaugeMetricFamily(name, text, labels=labels)
