"""Carries a restart out where a workload waits for one: a StatefulSet whose pods are replaced only once deleted.

The last step of a run. What rolls by itself (a Deployment) does so when its pod template changes. Here the pods made
from an older template are deleted, after the controller has seen the new one: before, it would make their successors
from the old. Each pod is asked what it was made with, so a run may be cut off anywhere and the next one finishes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from db.queue import Wish
from kube.cluster import Cluster
from kube.errors import NotObserved, UidMismatch
from kube.live import Live
from kube.naming import DEPLOYMENT_LABEL, RESTARTED_ANNOTATION, Manifest

OBSERVE_SECONDS = 5.0
FIRST_LOOK_SECONDS = 0.02
LONGEST_LOOK_SECONDS = 0.5


async def replaced_pods(
    cluster: Cluster, wish: Wish, may_write: Callable[[], None]
) -> AsyncGenerator[tuple[Live, str]]:
    """Delete the pods that a restart is for; yields each, with the time it was asked for (RFC 3339).

    Raises KubeError, NotObserved among them, and what `may_write` raises.
    """
    for manifest in wish.manifests:
        asked_at = _restart_of(manifest)
        workload = None if asked_at is None else await _observed(cluster, wish, manifest["metadata"]["name"])
        if asked_at is None or workload is None:
            continue
        found = await cluster.list(
            "Pod", selector=f"{DEPLOYMENT_LABEL}={wish.deployment_id}", namespace=wish.namespace, metadata_only=True
        )
        for pod in found.items:
            if _is_outdated(pod, workload, asked_at):
                may_write()
                if await _delete(cluster, pod):
                    yield pod, asked_at


def _restart_of(manifest: Manifest) -> str | None:
    """The restart in a pod template whose pods wait for us to delete them; None for everything else."""
    if manifest["kind"] != "StatefulSet" or manifest["spec"].get("updateStrategy", {}).get("type") != "OnDelete":
        return None
    return manifest["spec"]["template"].get("metadata", {}).get("annotations", {}).get(RESTARTED_ANNOTATION)


async def _observed(cluster: Cluster, wish: Wish, name: str) -> Live | None:
    """The StatefulSet once its controller has seen it as it is; None if there is none. Raises NotObserved."""
    deadline = time.monotonic() + OBSERVE_SECONDS
    wait_seconds = FIRST_LOOK_SECONDS
    while True:
        live = await cluster.get("StatefulSet", wish.namespace, name)
        if live is None or live.object.get("status", {}).get("observedGeneration", 0) >= live.generation:
            return live
        if time.monotonic() + wait_seconds > deadline:
            raise NotObserved(
                f"the controller has not looked at StatefulSet {name} within {OBSERVE_SECONDS:g} s of its change,"
                " so its pods are not restarted yet"
            )
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, LONGEST_LOOK_SECONDS)


def _is_outdated(pod: Live, workload: Live, asked_at: str) -> bool:
    """Whether a pod of this workload was made before the restart, and is not on its way out already."""
    owners = pod.object["metadata"].get("ownerReferences", ())
    return (
        pod.deletion_timestamp is None
        and pod.annotations.get(RESTARTED_ANNOTATION) != asked_at
        and any(owner["uid"] == workload.uid for owner in owners)
    )


async def _delete(cluster: Cluster, pod: Live) -> bool:
    """Whether it was this very pod that was deleted."""
    try:
        return await cluster.delete("Pod", pod.namespace, pod.name, uid=pod.uid)
    except UidMismatch:
        return False
