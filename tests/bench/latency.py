"""(c) one change at a time, from COMMIT sent to seen; (d) an edit behind our back, from sent to restored."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psycopg

from kube.cluster import Cluster
from kube.naming import Manifest, root_name
from tests.bench.bare import Deployed, dressed, open_cluster
from tests.bench.figures import Figure
from tests.bench.rig import OPERATOR
from tests.bench.scene import Scene
from tests.bench.sight import Sight, watching, within
from tests.conftest import REPOSITORY

CHANGES = 30
EDITS = 20
CHANGE_TARGET = 1.4
EDIT_TARGET = 1.5
# Long enough for worker and watcher to come to rest, and never in step with their polling.
PAUSE_SECONDS = (0.25, 0.45)
IMAGE = b'"image":"itzg/minecraft-server"'
_CHANGE = """
UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('memory', %s::text)
 WHERE namespace = %s AND name = %s
"""


class Place(msgspec.Struct, frozen=True):
    """Where both sides work: ours in one namespace, the bare loop's copies in another."""

    ours: str
    bare: str
    deployed: list[Deployed]
    file: Path


def prepared(scene: Scene, size: int) -> Place:
    """The deployments of a namespace of its own on both sides."""
    scene.add_deployments("latency", size)
    scene.add_namespace("latency-bare")
    file = scene.specs("latency", "latency-bare")
    scene.bare_apply(file)
    scene.calm()
    return Place("latency", "latency-bare", msgspec.json.decode(file.read_bytes(), type=list[Deployed]), file)


def measure(scene: Scene, groups: set[str], runs: int, size: int) -> list[Figure]:
    """p50 of each run on both sides."""
    place = prepared(scene, size)
    found: list[Figure] = []
    if "c" in groups:
        found.append(asyncio.run(changes(scene, place, runs)))
    if "d" in groups:
        found.append(asyncio.run(edits(scene, place, runs)))
    return found


def pause() -> float:
    """Seconds between two measurements."""
    return random.uniform(*PAUSE_SECONDS)


# ---------------------------------------------------------------- (c)


async def changes(scene: Scene, place: Place, runs: int) -> Figure:
    """One change of memory, which reaches the StatefulSet alone, against one bare apply of the same."""
    ours, bare = [], []
    number = 1001  # odd, since the API server writes 1024Mi as 1Gi
    async with (
        open_cluster(scene.plane.kubeconfig) as cluster,
        watching(cluster, place.ours) as sight,
        watching(cluster, place.bare) as bare_sight,
        await psycopg.AsyncConnection.connect(scene.database.dsn_of(OPERATOR)) as session,
    ):
        uids = {root.name: root.uid for root in (await cluster.list("ConfigMap", namespace=place.bare)).items}
        for _ in range(runs):
            samples, bare_samples = [], []
            for i in range(CHANGES):
                which = place.deployed[i % len(place.deployed)]
                number += 2
                samples.append(await changed(session, sight, place.ours, which.name, f"{number}Mi"))
                await asyncio.sleep(pause())
                manifest = bare_manifest(which, f"{number}Mi", uids[root_name(which.name)])
                bare_samples.append(await applied(cluster, bare_sight, manifest, f"{number}Mi"))
                await asyncio.sleep(pause())
            ours.append(1000 * statistics.median(samples))
            bare.append(1000 * statistics.median(bare_samples))
    return Figure(
        group="c",
        name="one change, COMMIT sent → seen, p50",
        unit="ms",
        ours=ours,
        baseline=bare,
        baseline_name="one bare apply",
        bound="at most",
        target=CHANGE_TARGET,
    )


async def changed(session: psycopg.AsyncConnection, sight: Sight, namespace: str, name: str, memory: str) -> float:
    """Seconds from COMMIT sent to the workload seen with its new memory."""
    seen = sight.await_state(name, f'"memory":"{memory}"'.encode())
    await session.execute(_CHANGE, [memory, namespace, name], prepare=True)
    started = time.perf_counter()
    await session.commit()
    return await within(seen, f"{namespace}/{name} with memory {memory}") - started


async def applied(cluster: Cluster, sight: Sight, manifest: Manifest, memory: str) -> float:
    """Seconds from one bare apply sent to its result seen."""
    name = manifest["metadata"]["name"]
    seen = sight.await_state(name, f'"memory":"{memory}"'.encode())
    started = time.perf_counter()
    await cluster.apply(manifest, force=True, metadata_only=True)
    return await within(seen, f"bare {name} with memory {memory}") - started


def bare_manifest(which: Deployed, memory: str, root_uid: str) -> Manifest:
    """The StatefulSet of a deployment with another memory."""
    manifest = msgspec.json.decode(msgspec.json.encode(next(m for m in which.manifests if m["kind"] == "StatefulSet")))
    resources = manifest["spec"]["template"]["spec"]["containers"][0]["resources"]
    resources["requests"]["memory"] = resources["limits"]["memory"] = memory
    return dressed(which, manifest, root_uid)


# ---------------------------------------------------------------- (d)


async def edits(scene: Scene, place: Place, runs: int) -> Figure:
    """Another manager sets another image; restored by us, or by the bare loop that reacts to the same watch."""
    ours, bare = [], []
    async with (
        reacting(scene, place.file),
        open_cluster(scene.plane.kubeconfig) as cluster,
        watching(cluster, place.ours) as sight,
        watching(cluster, place.bare) as bare_sight,
    ):
        for run in range(runs):
            samples, bare_samples = [], []
            for i in range(EDITS):
                # Never the same one soon again: what is fought over may be treated with more patience.
                name = place.deployed[(run * EDITS + i) % len(place.deployed)].name
                samples.append(await edited(cluster, sight, place.ours, name))
                await asyncio.sleep(pause())
                bare_samples.append(await edited(cluster, bare_sight, place.bare, name))
                await asyncio.sleep(pause())
            ours.append(1000 * statistics.median(samples))
            bare.append(1000 * statistics.median(bare_samples))
    return Figure(
        group="d",
        name="an edit behind our back → restored, p50",
        unit="ms",
        ours=ours,
        baseline=bare,
        baseline_name="bare loop on the same watch",
        bound="at most",
        target=EDIT_TARGET,
    )


async def edited(cluster: Cluster, sight: Sight, namespace: str, name: str) -> float:
    """Seconds from the edit sent to the workload seen with its own image again."""
    container = {"name": "minecraft", "image": "intruder"}
    edit: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    restored = sight.await_state(name, IMAGE)
    started = time.perf_counter()
    await cluster.apply(edit, force=True, metadata_only=True, manager="intruder")
    return await within(restored, f"{namespace}/{name} with its image restored") - started


@contextlib.asynccontextmanager
async def reacting(scene: Scene, file: Path) -> AsyncIterator[None]:
    """The bare loop in its own process, watching."""
    command = [sys.executable, "-m", "tests.bench.bare", "react", str(scene.plane.kubeconfig), str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        async with asyncio.timeout(20):
            if process.stdout is None or await process.stdout.readline() != b"ready\n":
                raise RuntimeError("the reacting bare loop did not start")
        yield
    finally:
        process.kill()
        await process.wait()
