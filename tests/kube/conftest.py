"""What the tests of this room stand on: a Cluster on the real API server, straight or through a proxy with faults."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kube.cluster import Cluster
from kube.credentials import load
from tests.conftest import ControlPlane
from tests.proxy import Proxy

Manifest = dict[str, Any]


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with Cluster(load(control_plane.kubeconfig, None, in_cluster=False)) as cluster:
        yield cluster


@pytest.fixture
async def faulty(proxy: Proxy) -> AsyncIterator[Cluster]:
    """A Cluster that speaks through the proxy."""
    async with Cluster(proxy.credentials, request_timeout_seconds=5) as cluster:
        yield cluster


def config_map(namespace: str, name: str = "settings", **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"difficulty": "hard"},
    }


def secret(namespace: str, name: str = "rcon", **values: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": values or {"password": {"$generate": "password"}},
    }


def service(namespace: str, name: str = "game") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"name": "game", "port": 25565}]},
    }


def claim(namespace: str, name: str = "world") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def workload(namespace: str, name: str = "game", kind: str = "StatefulSet", **labels: str) -> Manifest:
    """A workload as a template renders it: quantities to be normalised, ports and settings in keyed lists."""
    container: Manifest = {
        "name": "minecraft",
        "image": "itzg/minecraft-server:2026.1",
        "env": [{"name": "EULA", "value": "TRUE"}, {"name": "MEMORY", "value": "1G"}],
        "ports": [{"name": "game", "containerPort": 25565}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
    }
    spec: Manifest = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name, **labels}}, "spec": {"containers": [container]}},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
