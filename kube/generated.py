"""Secret values that nobody chooses and nobody stores: derived anew, whenever needed, from a seed kept in the cluster.

A template asks for one with `{"$generate": "password"}` in a Secret's stringData. The value is a keyed hash of what it
is for, so any worker derives the same, Postgres never sees it, and a password edited behind our back is put back.
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
from typing import Any

from kube.cluster import Cluster
from kube.errors import AlreadyExists, KubeError, NamespaceMissing, NotFound
from kube.kinds import NAMESPACE, SECRET
from kube.naming import FIELD_MANAGER, MANAGED_BY_LABEL, Manifest

SEED_NAME = "server-orchestrator-seed"
MARK = "$generate"
_SEED_BYTES = 32
_LEAST_SEED_BYTES = 16
# 160 bits, as hexadecimal: safe in a shell, a URL, a properties file and an RCON packet.
_VALUE_CHARACTERS = 40


async def ensure_seed(cluster: Cluster, namespace: str) -> bytes:
    """The cluster's seed, made on first use. Safe against others doing the same: one create wins, all read it.

    Only where the namespace is missing does this take the right to make one.
    """
    seed = await _read_seed(cluster, namespace)
    if seed is not None:
        return seed
    with contextlib.suppress(AlreadyExists):
        try:
            await cluster.create(_seed_manifest(namespace))
        except NamespaceMissing:
            with contextlib.suppress(AlreadyExists):
                await cluster.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": namespace}})
            await cluster.create(_seed_manifest(namespace))
    seed = await _read_seed(cluster, namespace)
    if seed is None:
        raise NotFound(f"the seed {namespace}/{SEED_NAME} vanished while it was made")
    return seed


def needs_seed(manifest: Manifest) -> bool:
    """Whether filling this manifest takes the seed."""
    wanted: dict[str, Any] = manifest.get("stringData", {}) if manifest["kind"] == SECRET.name else {}
    return any(isinstance(value, dict) for value in wanted.values())


def fill(manifest: Manifest, deployment_id: str, seed: bytes | None) -> Manifest:
    """A Secret with its generated values in place and all of stringData turned into data; others as they are.

    stringData is write-only: an apply that sends it owns `stringData` and not `data`, so edits and removals of the
    values would go unseen (1.37). Raises ValueError for an unknown generator or a missing seed.
    """
    if manifest["kind"] != SECRET.name or "stringData" not in manifest:
        return manifest
    data = dict(manifest.get("data", {}))
    name: str = manifest["metadata"]["name"]
    for key, wanted in manifest["stringData"].items():
        value = wanted if isinstance(wanted, str) else _generate(wanted, seed, f"{deployment_id}/{name}/{key}")
        data[key] = base64.b64encode(value.encode()).decode()
    filled = {key: value for key, value in manifest.items() if key != "stringData"}
    filled["data"] = data
    return filled


def derive(seed: bytes, purpose: str) -> str:
    """The value for one purpose: 40 hexadecimal characters of HMAC-SHA256."""
    return hmac.new(seed, purpose.encode(), hashlib.sha256).hexdigest()[:_VALUE_CHARACTERS]


def _generate(wanted: Any, seed: bytes | None, purpose: str) -> str:
    if not isinstance(wanted, dict) or wanted.get(MARK) != "password":  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(f"the value for {purpose} is neither text nor a known generator")
    if seed is None:
        raise ValueError("a generated value needs the seed")
    return derive(seed, purpose)


async def _read_seed(cluster: Cluster, namespace: str) -> bytes | None:
    live = await cluster.get(SECRET.name, namespace, SEED_NAME, metadata_only=False)
    if live is None:
        return None
    seed = base64.b64decode(live.object.get("data", {}).get("seed", ""))
    if len(seed) < _LEAST_SEED_BYTES:
        raise KubeError(f"the Secret {namespace}/{SEED_NAME} holds no seed: restore it, or delete it to have a new one")
    return seed


def _seed_manifest(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": SECRET.name,
        # Not labelled as managed: it belongs to no deployment, and no watch or prune should meet it.
        "metadata": {"name": SEED_NAME, "namespace": namespace, "labels": {MANAGED_BY_LABEL: f"{FIELD_MANAGER}-seed"}},
        "immutable": True,
        "data": {"seed": base64.b64encode(secrets.token_bytes(_SEED_BYTES)).decode()},
    }
