"""What a watcher tells Prometheus: how fresh its picture is, how often streams break. See also `kube.metrics`."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram

ACTIVE = Gauge("orchestrator_watcher_active", "1 while this watcher is the one that writes, 0 on standby.")
RESTARTS = Counter("orchestrator_watch_restarts_total", "Watches that broke and were taken up again.", ["kind"])
SYNCED_AT = Gauge(
    "orchestrator_watch_synced_timestamp_seconds", "When a kind was last known in full, as Unix time.", ["kind"]
)
STALENESS = Gauge("orchestrator_watch_staleness_seconds", "How long ago a kind was last known in full.", ["kind"])
PENDING = Gauge("orchestrator_observations_pending", "Objects seen and not yet written.")
WRITTEN = Counter("orchestrator_observations_written_total", "Observations written to Postgres.")
BATCHES = Histogram(
    "orchestrator_observation_batch_seconds",
    "Time to write one batch of observations.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
DRIFTED = Counter("orchestrator_drifts_total", "Objects found changed behind our back.", ["kind"])


def synced(kind: str) -> None:
    """A kind is known in full as of now; its staleness counts from here."""
    now = time.time()
    SYNCED_AT.labels(kind).set(now)
    STALENESS.labels(kind).set_function(lambda: time.time() - now)
