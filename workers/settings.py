"""What a worker is told at its start, from the environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import msgspec

from db.settings import DatabaseSettings
from kube.settings import ClusterSettings


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds.

    `concurrency` deployments are worked on at once: somewhat more than the requests a cluster is given at once,
    so that the API server does not wait while we settle.
    """

    database: DatabaseSettings
    cluster: ClusterSettings
    name: str
    concurrency: int = 24
    lease_seconds: int = 30
    grace_seconds: float = 20.0
    poll_seconds: float = 1.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    until_empty: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, until_empty: bool = False) -> WorkerSettings:
        """Raises SystemExit with what to do when something is missing."""
        return cls(
            database=DatabaseSettings.from_environment(environment),
            cluster=ClusterSettings.from_environment(environment),
            name=environment.get("ORCHESTRATOR_WORKER") or f"{socket.gethostname()}-{os.getpid()}",
            concurrency=int(environment.get("ORCHESTRATOR_DEPLOYMENTS_AT_ONCE", "24")),
            lease_seconds=int(environment.get("ORCHESTRATOR_LEASE_SECONDS", "30")),
            grace_seconds=float(environment.get("ORCHESTRATOR_GRACE_SECONDS", "20")),
            metrics_host=environment.get("ORCHESTRATOR_METRICS_HOST", "127.0.0.1"),
            metrics_port=int(environment.get("ORCHESTRATOR_METRICS_PORT", "0")),
            until_empty=until_empty,
        )
