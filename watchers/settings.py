"""What a watcher is told at its start, from the environment."""

import os
import socket
from collections.abc import Mapping

import msgspec

from db.settings import DatabaseSettings
from kube.settings import ClusterSettings
from kube.watch import IDLE_SECONDS


class WatcherSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds. `resync_seconds` is spread by a quarter either way; None takes it from the cluster's row."""

    database: DatabaseSettings
    cluster: ClusterSettings
    resync_seconds: float | None = None
    idle_seconds: float = IDLE_SECONDS
    standby_seconds: float = 2.0
    name: str = "watcher"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "WatcherSettings":
        """Read ORCHESTRATOR_RESYNC_SECONDS, _IDLE_SECONDS, _STANDBY_SECONDS, _WATCHER, _METRICS_HOST and _METRICS_PORT,
        and what the database and the cluster need.

        Raises SystemExit with what to do when something is missing.
        """
        resync = environment.get("ORCHESTRATOR_RESYNC_SECONDS")
        return cls(
            database=DatabaseSettings.from_environment(environment),
            cluster=ClusterSettings.from_environment(environment),
            resync_seconds=float(resync) if resync else None,
            idle_seconds=float(environment.get("ORCHESTRATOR_IDLE_SECONDS", IDLE_SECONDS)),
            standby_seconds=float(environment.get("ORCHESTRATOR_STANDBY_SECONDS", "2")),
            name=environment.get("ORCHESTRATOR_WATCHER") or f"{socket.gethostname()}-{os.getpid()}",
            metrics_host=environment.get("ORCHESTRATOR_METRICS_HOST", "127.0.0.1"),
            metrics_port=int(environment.get("ORCHESTRATOR_METRICS_PORT", "0")),
        )
