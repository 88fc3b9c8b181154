"""(j) what it costs to be sure that nothing drifted: for an event, for a suspect, and for 10,000 objects at once.

The objects are StatefulSets of the shipped `paper` template without replicas, as the API server stores them; its
controllers are held still. Two baselines: a comparison of all that is wanted with all that is live, the least that
tools without the server's own record do at each event; and a server-side dry run of each object, as Flux does and
Argo CD can, against one listing anew.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from db.observations import Suspect
from deploy.cluster import read_status
from kube.cluster import Cluster
from kube.concurrency import Gate
from kube.credentials import load
from kube.live import Live, decode_live
from kube.naming import dress
from kube.ownership import owned
from tests.bench.bare import AT_ONCE
from tests.bench.figures import Figure
from tests.bench.processes import CONTROLLERS, held_still, named
from tests.bench.rig import durable_postgres, make_database
from tests.conftest import local_control_plane
from watchers import observe
from watchers.drift import report
from watchers.pending import Pending
from watchers.resync import list_anew

DRY_RUNS = 1_000
EVENTS = 2_000
NAMESPACE = "drift"
START = "a watcher's start"
RESYNC = f"a resync; the baseline is made of {DRY_RUNS:,} dry runs"
DEPLOYMENT = "6a4fd6f0-0b53-4b62-9f6e-4c1f1c1ad001"
KIND = "StatefulSet"
_DEPLOY = "SELECT orchestrator.deploy('game', template => 'paper', parameters => '{\"eula\": \"TRUE\"}')"
_SPEC = "SELECT desired_spec_json FROM orchestrator.deployments"


def measure(folder: Path, runs: int, objects: int) -> list[Figure]:
    """What the watcher alone does of (j)."""
    manifest = paper(folder)
    with local_control_plane(folder / "cluster") as plane:
        plane.kubectl("create", "namespace", NAMESPACE)
        status = read_status(folder / "cluster")
        assert status is not None
        with held_still(named(status.process, CONTROLLERS)):
            return asyncio.run(measured(plane.kubeconfig, manifest, runs, objects))


def paper(folder: Path) -> dict[str, Any]:
    """The workload as SQL renders it, without replicas, and dressed as a worker does."""
    with durable_postgres(folder) as (server, _), make_database(server, "drift").connect() as session:
        session.execute(_DEPLOY)
        row = session.execute(_SPEC).fetchone()
    assert row is not None
    manifest = next(one for one in row[0] if one["kind"] == KIND)
    manifest["metadata"]["namespace"] = NAMESPACE
    manifest["spec"]["replicas"] = 0
    return dress(manifest, deployment_id=DEPLOYMENT, generation=1, template_version=1, root_uid=None)


async def measured(kubeconfig: Path, manifest: dict[str, Any], runs: int, objects: int) -> list[Figure]:
    gate = Gate(AT_ONCE, least=AT_ONCE, most=AT_ONCE)
    async with Cluster(load(kubeconfig, None, in_cluster=False), gate=gate) as cluster:
        await applied(cluster, manifest, objects, dry_run=False)
        live = await cluster.get(KIND, NAMESPACE, "game-1")
        edited = await cluster.get(KIND, NAMESPACE, "game-2")
        assert live is not None
        assert edited is not None
        return [*await relists(cluster, manifest, runs, objects), *events(manifest, live, runs)]


async def applied(cluster: Cluster, manifest: dict[str, Any], count: int, *, dry_run: bool) -> float:
    """Apply so many of them, 16 at once; answers the seconds."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            named_so = {**manifest, "metadata": {**manifest["metadata"], "name": f"game-{number}"}}
            await cluster.apply(named_so, force=True, dry_run=dry_run)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return time.perf_counter() - started


async def relists(cluster: Cluster, manifest: dict[str, Any], runs: int, objects: int) -> list[Figure]:
    """A listing of all objects with nothing known (a watcher's start), with all known (a resync); and the dry runs."""
    first: list[float] = []
    again: list[float] = []
    cpu: list[float] = []
    dry: list[float] = []
    tried = min(DRY_RUNS, objects)
    for _ in range(runs):
        pending = Pending()
        first.append(await drained(cluster, pending, objects))
        started = time.process_time()
        again.append(await drained(cluster, pending, 0))
        cpu.append(time.process_time() - started)
        dry.append(await applied(cluster, manifest, tried, dry_run=True) * objects / tried)
    name = f"drift check of {objects:,} unchanged objects"
    baseline = {"baseline": dry, "baseline_name": "a server-side dry run of each"}
    return [
        Figure(group="j", name=f"{name}, none known", unit="s", ours=first, note=START, **baseline),
        Figure(group="j", name=f"{name}, all known", unit="s", ours=again, note=RESYNC, **baseline),
        Figure(group="j", name=f"{name}, all known: CPU of the watcher", unit="s", ours=cpu),
    ]  # fmt: skip


async def drained(cluster: Cluster, pending: Pending, expected: int) -> float:
    """The seconds of one listing, with a writer that takes what comes, and so many objects at least; none at 0."""
    seen = 0

    async def take() -> None:
        nonlocal seen
        while True:
            await pending.news.wait()
            batch = pending.take(500)
            pending.written(batch.entries)
            seen += len(batch.entries)

    started = time.perf_counter()
    writer = asyncio.create_task(take())
    await list_anew(cluster, KIND, pending)
    await asyncio.sleep(0)
    seconds = time.perf_counter() - started
    writer.cancel()
    if seen < expected if expected else seen:
        raise RuntimeError(f"{seen} objects were judged")
    return seconds


def events(manifest: dict[str, Any], live: Live, runs: int) -> list[Figure]:
    """CPU for one object as an event brings it."""
    wanted = {**manifest, "metadata": {**manifest["metadata"], "name": live.name}}
    raw = live.raw
    fields = owned(live).fields
    changed = copy.deepcopy(live.object)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "theirs:1"
    entry = changed["metadata"]["managedFields"][0]
    container = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"minecraft"}']
    theirs = {
        "f:spec": {
            "f:template": {
                "f:spec": {"f:containers": {'k:{"name":"minecraft"}': {"f:image": container.pop("f:image")}}}
            }
        }
    }
    changed["metadata"]["managedFields"].append(
        {**entry, "manager": "kubectl-edit", "operation": "Update", "fieldsV1": theirs}
    )
    suspect = decode_live(msgspec.json.encode(changed), "apps/v1", KIND)
    told = Suspect(DEPLOYMENT, KIND, NAMESPACE, live.name, "game", 1, 1, None, fields, wanted)

    def as_event() -> None:
        observe.seen(decode_live(raw, "apps/v1", KIND))

    def hashed() -> None:
        owned(live, content)

    def compared() -> None:
        if differs(wanted, msgspec.json.decode(raw)):
            raise RuntimeError("nothing was changed")

    def looked_closer() -> None:
        if [row["path"] for row in report(told, suspect).drift] != [
            "spec.template.spec.containers[name=minecraft].image"
        ]:
            raise RuntimeError("the edit was not found")

    content = live.object
    baseline = {"baseline": timed(compared, runs), "baseline_name": "comparing all of it"}
    return [
        Figure(group="j", name="drift check of an event: a hash", unit="µs", ours=timed(hashed, runs), **baseline),
        Figure(group="j", name="an event whole: decode, health, digest, hash", unit="µs", ours=timed(as_event, runs)),
        Figure(group="j", name="a closer look at a suspect", unit="µs", ours=timed(looked_closer, runs)),
    ]  # fmt: skip


def timed(work: Callable[[], None], runs: int) -> list[float]:
    """Microseconds of CPU for one call, a run each."""
    found: list[float] = []
    for _ in range(runs):
        started = time.process_time()
        for _ in range(EVENTS):
            work()
        found.append((time.process_time() - started) / EVENTS * 1e6)
    return found


def differs(wanted: Any, live: Any) -> bool:
    """Whether anything that is wanted reads otherwise: all of it, walked through; lists in their order."""
    if isinstance(wanted, dict):
        return not isinstance(live, dict) or any(differs(value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return not isinstance(live, list) or len(wanted) != len(live) or any(map(differs, wanted, live))
    return wanted != live
