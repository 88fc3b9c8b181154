"""The baseline of (a), (b) and (d): a bare asyncio loop of server-side applies, 16 at once, in a process of its own.

    python -m tests.bench.bare apply KUBECONFIG MANIFESTS.json     applies everything once, prints the seconds it took
    python -m tests.bench.bare react KUBECONFIG MANIFESTS.json     watches workloads and applies again what was edited

It does nothing else: no queue, no history, no comparison. The manifests are the very ones that the worker applies,
dressed in the same labels but for the value of managed-by, so that our own watcher is not woken by these objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from kube.cluster import Cluster
from kube.concurrency import Gate
from kube.credentials import load
from kube.generated import fill
from kube.kinds import kind_named
from kube.live import decode_live
from kube.naming import MANAGED_BY_LABEL, Manifest, dress, root_manifest, root_name

AT_ONCE = 16
SEED = b"s" * 32
BARE = "bare-loop-of-applies"
BARE_SELECTOR = f"{MANAGED_BY_LABEL}={BARE}"


class Deployed(msgspec.Struct):
    """One deployment as SQL has it."""

    id: str
    name: str
    namespace: str
    generation: int
    template_version: int
    manifests: list[Manifest]


def open_cluster(kubeconfig: Path) -> Cluster:
    """A connection with a gate that stays at 16."""
    return Cluster(load(kubeconfig, None, in_cluster=False), gate=Gate(AT_ONCE, least=AT_ONCE, most=AT_ONCE))


def dressed(which: Deployed, manifest: Manifest, root_uid: str | None) -> Manifest:
    """As the worker dresses it, but for the value of one label."""
    named = {**manifest, "metadata": {**manifest["metadata"], "namespace": which.namespace}}
    worn = dress(
        named,
        deployment_id=which.id,
        generation=which.generation,
        template_version=which.template_version,
        root_uid=root_uid,
        root_name=root_name(which.name),
    )
    worn["metadata"]["labels"][MANAGED_BY_LABEL] = BARE
    return fill(worn, which.id, SEED)


async def apply_one(cluster: Cluster, which: Deployed) -> None:
    """Every object of one deployment, in order, the root first because the others need its uid."""
    root = await cluster.apply(
        dressed(which, root_manifest(which.id, which.name, which.namespace), None), force=True, metadata_only=True
    )
    for manifest in sorted(which.manifests, key=lambda m: kind_named(m["kind"]).rank):
        await cluster.apply(dressed(which, manifest, root.live.uid), force=True, metadata_only=True)


async def apply_all(cluster: Cluster, deployed: list[Deployed]) -> float:
    """All of them, 16 deployments at once; answers the seconds."""
    waiting = iter(deployed)

    async def work() -> None:
        for which in waiting:
            await apply_one(cluster, which)

    await cluster.version()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return time.perf_counter() - started


async def react(cluster: Cluster, deployed: list[Deployed]) -> None:
    """Put back each workload whose image is not the wanted one. Says "ready" once it watches; runs until killed."""
    wanted = {(d.namespace, d.name): (d, next(m for m in d.manifests if m["kind"] == "StatefulSet")) for d in deployed}
    roots = await cluster.list("ConfigMap", selector=BARE_SELECTOR)
    uids = {(root.namespace, root.name): root.uid for root in roots.items}
    listed = await cluster.list("StatefulSet", selector=BARE_SELECTOR)
    async with asyncio.TaskGroup() as group:
        print("ready", flush=True)  # noqa: T201
        version = listed.resource_version
        async for events in cluster.watch(
            "StatefulSet", selector=BARE_SELECTOR, resource_version=version, server_seconds=3600
        ):
            for event in events:
                if event.type != "MODIFIED":
                    continue
                live = decode_live(bytes(event.object), "apps/v1", "StatefulSet")
                which, manifest = wanted[live.namespace, live.name]
                if image_of(live.object) != image_of(manifest):
                    root_uid = uids[which.namespace, root_name(which.name)]
                    group.create_task(_put_back(cluster, dressed(which, manifest, root_uid)))


async def _put_back(cluster: Cluster, manifest: Manifest) -> None:
    await cluster.apply(manifest, force=True, metadata_only=True)


def image_of(workload: dict[str, Any]) -> str:
    """The image of the first container."""
    return workload["spec"]["template"]["spec"]["containers"][0]["image"]


async def main(mode: str, kubeconfig: Path, deployed: list[Deployed]) -> None:
    """Run one of the modes."""
    async with open_cluster(kubeconfig) as cluster:
        if mode == "apply":
            print(await apply_all(cluster, deployed))  # noqa: T201
        else:
            await react(cluster, deployed)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        told = msgspec.json.decode(Path(sys.argv[3]).read_bytes(), type=list[Deployed])
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), told))
