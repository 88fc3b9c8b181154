"""What a worker tells Prometheus of its work; `kube.metrics` has what the API server answers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Histogram(
    "orchestrator_reconcile_seconds",
    "Duration of reconciliations by outcome, from claim to settled.",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_WORK = Gauge("orchestrator_reconciles_in_work", "Deployments this worker is reconciling.")
LEASES_LOST = Counter("orchestrator_leases_lost_total", "Leases that ended before their reconciliation was settled.")
UNREACHABLE = Gauge("orchestrator_cluster_unreachable", "1 while this worker does not reach its cluster.")
