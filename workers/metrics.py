"""What a worker tells Prometheus: reconciliations by outcome and duration, API requests by class and latency."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

RECONCILES = Histogram(
    "orchestrator_reconcile_seconds",
    "Duration of reconciliations by outcome, from claim to settled.",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_WORK = Gauge("orchestrator_reconciles_in_work", "Deployments this worker is reconciling.")
LEASES_LOST = Counter("orchestrator_leases_lost_total", "Leases that ended before their reconciliation was settled.")
REQUESTS = Histogram(
    "orchestrator_kubernetes_request_seconds",
    "Requests to the API server by method, kind and class of answer.",
    ["method", "kind", "answer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_OF_INTEREST = frozenset({"409", "429"})
UNREACHABLE = Gauge("orchestrator_cluster_unreachable", "1 while this worker does not reach its cluster.")


def observe_request(method: str, kind: str, answer: str, seconds: float) -> None:
    """For kube.cluster.Cluster: `answer` is a status code, or why there was none."""
    grouped = f"{answer[0]}xx" if answer.isdigit() and answer not in _OF_INTEREST else answer
    REQUESTS.labels(method, kind, grouped).observe(seconds)


def serve(host: str, port: int) -> None:
    """Answer /metrics on this port of this address; 0 serves nothing."""
    if port:
        start_http_server(port, host)
