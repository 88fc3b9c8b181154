"""What every process that speaks to an API server tells Prometheus of it, on a port of its own: how it answers."""

from __future__ import annotations

from prometheus_client import Histogram, start_http_server

REQUESTS = Histogram(
    "orchestrator_kubernetes_request_seconds",
    "Requests to the API server by method, kind and class of answer.",
    ["method", "kind", "answer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
# Somebody was faster; history is gone; slow down. Each is a different trouble.
_OF_INTEREST = frozenset({"409", "410", "429"})


def observe_request(method: str, kind: str, answer: str, seconds: float) -> None:
    """For kube.cluster.Cluster: `answer` is a status code, or why there was none."""
    grouped = f"{answer[0]}xx" if answer.isdigit() and answer not in _OF_INTEREST else answer
    REQUESTS.labels(method, kind, grouped).observe(seconds)


def serve(host: str, port: int) -> None:
    """Answer /metrics on this port of this address; 0 serves nothing."""
    if port:
        start_http_server(port, host)
