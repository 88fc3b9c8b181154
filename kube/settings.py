"""What a process must be told about its cluster. Read from the environment; flags of the command set the same names."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from kube.concurrency import START
from kube.credentials import Credentials, load


class ClusterSettings(msgspec.Struct, frozen=True):
    """Which cluster, and how to get in."""

    name: str = "default"
    kubeconfig: Path | None = None
    context: str | None = None
    in_cluster: bool = False
    # Where the seed of generated secrets is kept.
    system_namespace: str = "server-orchestrator"
    concurrency: int = START
    request_timeout_seconds: float = 30.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ClusterSettings":
        """Read ORCHESTRATOR_CLUSTER, _KUBECONFIG, _CONTEXT, _IN_CLUSTER,
        _SYSTEM_NAMESPACE, _CONCURRENCY and _REQUEST_TIMEOUT_SECONDS.
        """
        kubeconfig = environment.get("ORCHESTRATOR_KUBECONFIG")
        return cls(
            name=environment.get("ORCHESTRATOR_CLUSTER", "default"),
            kubeconfig=Path(kubeconfig) if kubeconfig else None,
            context=environment.get("ORCHESTRATOR_CONTEXT") or None,
            in_cluster=environment.get("ORCHESTRATOR_IN_CLUSTER", "").lower() in ("1", "true", "yes"),
            system_namespace=environment.get("ORCHESTRATOR_SYSTEM_NAMESPACE", "server-orchestrator"),
            concurrency=int(environment.get("ORCHESTRATOR_CONCURRENCY", START)),
            request_timeout_seconds=float(environment.get("ORCHESTRATOR_REQUEST_TIMEOUT_SECONDS", "30")),
        )

    def credentials(self) -> Credentials:
        """The credentials these settings name. Blocks and raises as `kube.credentials.load`."""
        return load(self.kubeconfig, self.context, self.in_cluster)
