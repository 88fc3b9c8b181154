"""The kinds of object we write and watch: their paths, the order they are applied in, and how they are read.

Everything above this file names a kind by its short name ("StatefulSet"); the API's paths are known here only.
"""

from typing import Literal
from urllib.parse import quote

import msgspec

KindName = Literal[
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "StatefulSet",
    "Deployment",
    "CronJob",
    "Ingress",
    "HorizontalPodAutoscaler",
    "Pod",
    "Event",
]


class Kind(msgspec.Struct, frozen=True):
    """One kind: `rank` orders applies (low first), prunes go the other way."""

    name: str
    api_version: str
    plural: str
    rank: int
    # May carry an owner reference to the root object. Never a claim: its data must outlive the deployment.
    owned: bool = True
    # Written by us; the others are only watched.
    applied: bool = True
    # Watched without its content, so that no value ever reaches this process.
    metadata_only: bool = False
    namespaced: bool = True
    # Its watches say now and then how far they are. Events are served past the cache that does so (seen on 1.37).
    bookmarks: bool = True

    @property
    def prefix(self) -> str:
        """The path of the API group and version."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of one object, or of the collection; without a namespace, across all of them."""
        where = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        which = f"/{quote(name, safe='')}" if name else ""
        return f"{self.prefix}{where}/{self.plural}{which}"


CONFIG_MAP = Kind("ConfigMap", "v1", "configmaps", 10)
SECRET = Kind("Secret", "v1", "secrets", 20, metadata_only=True)
CLAIM = Kind("PersistentVolumeClaim", "v1", "persistentvolumeclaims", 30, owned=False)
SERVICE = Kind("Service", "v1", "services", 40)
# What protects pods stands before the first of them, and goes after the last.
NETWORK_POLICY = Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", 45)
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", 45)
STATEFUL_SET = Kind("StatefulSet", "apps/v1", "statefulsets", 50)
DEPLOYMENT = Kind("Deployment", "apps/v1", "deployments", 50)
CRON_JOB = Kind("CronJob", "batch/v1", "cronjobs", 50)
INGRESS = Kind("Ingress", "networking.k8s.io/v1", "ingresses", 60)
# Goes before what it scales, so that nothing is scaled up while it is taken down.
AUTOSCALER = Kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", 60)
POD = Kind("Pod", "v1", "pods", 100, applied=False)
EVENT = Kind("Event", "v1", "events", 100, applied=False, bookmarks=False)
NAMESPACE = Kind("Namespace", "v1", "namespaces", 0, owned=False, namespaced=False)

_known = {
    kind.name: kind
    for kind in (
        CONFIG_MAP,
        SECRET,
        CLAIM,
        SERVICE,
        NETWORK_POLICY,
        DISRUPTION_BUDGET,
        STATEFUL_SET,
        DEPLOYMENT,
        CRON_JOB,
        INGRESS,
        AUTOSCALER,
        POD,
        EVENT,
        NAMESPACE,
    )
}

APPLIED = tuple(kind for kind in _known.values() if kind.applied and kind.namespaced)
OBSERVED = (*APPLIED, POD)


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises LookupError naming what is known."""
    kind = _known.get(name)
    if kind is None:
        raise LookupError(f"kind {name!r} is not supported; supported are {', '.join(known.name for known in APPLIED)}")
    return kind
