"""(a) creating deployments, (b) changing one parameter of all of them, and of (h) the CPU that creating costs us."""

from __future__ import annotations

import time

import msgspec

from tests.bench.figures import Figure
from tests.bench.scene import Scene

CREATE_TARGET = 0.85
CHANGE_TARGET = 1.2
WRITES_TARGET = 2
WARM_UP = 16
CALM_SECONDS = 5.0
# Reaches the env ConfigMap, and by its digest the StatefulSet: two objects of six.
_CHANGE = """
UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('motd', %s::text) WHERE namespace = %s
"""


class Measured(msgspec.Struct):
    """One value a run of everything that creating and changing tells."""

    created: list[float] = []
    created_bare: list[float] = []
    changed: list[float] = []
    changed_bare: list[float] = []
    writes_each: list[float] = []
    cpu_milliseconds: list[float] = []


def measure(scene: Scene, groups: set[str], runs: int, size: int) -> list[Figure]:
    """Ours, then the bare loop, then again. The deployments of each run stay, in a namespace of their own."""
    warm_up(scene)
    measured = Measured()
    for run in range(runs):
        ours, bare = f"ours-{run}", f"bare-{run}"
        create(scene, measured, ours, bare, size)
        if "b" in groups:
            change(scene, measured, ours, bare, size, f"Message {run + 1}")
    found = [*created(measured, size)] if "a" in groups else []
    found += changed(measured, size) if "b" in groups else []
    found += [cpu(measured)] if "h" in groups else []
    return found


def warm_up(scene: Scene) -> None:
    """Connections, plans and the API server's caches, on both sides."""
    scene.add_deployments("warm-up", WARM_UP)
    scene.add_namespace("warm-up-bare")
    scene.bare_apply(scene.specs("warm-up", "warm-up-bare"))
    scene.calm()


def create(scene: Scene, measured: Measured, ours: str, bare: str, size: int) -> None:
    """(a), and what it costs: CPU until all is at rest again, less what idling would have taken."""
    idle = idle_cpu(scene)
    cpu_before, started = scene.cpu_seconds(), time.perf_counter()
    seconds = scene.add_deployments(ours, size)
    scene.calm()
    spent = scene.cpu_seconds() - cpu_before - idle * (time.perf_counter() - started)
    measured.created.append(size / seconds)
    measured.cpu_milliseconds.append(1000 * spent / size)
    scene.add_namespace(bare)
    measured.created_bare.append(size / scene.bare_apply(scene.specs(ours, bare)))
    scene.calm()


def change(scene: Scene, measured: Measured, ours: str, bare: str, size: int, motd: str) -> None:
    """(b): one statement that changes one parameter of all."""
    writes_before = scene.writes()
    with scene.operator() as session:
        started = time.perf_counter()
        session.execute(_CHANGE, [motd, ours])
        measured.changed.append(size / (scene.settled(session) - started))
    measured.writes_each.append((scene.writes() - writes_before) / size)
    scene.calm()
    measured.changed_bare.append(size / scene.bare_apply(scene.specs(ours, bare)))
    scene.calm()


def idle_cpu(scene: Scene) -> float:
    """CPU seconds a second that worker, watcher and Postgres take when nothing happens."""
    before = scene.cpu_seconds()
    time.sleep(CALM_SECONDS)
    return (scene.cpu_seconds() - before) / CALM_SECONDS


def created(measured: Measured, size: int) -> list[Figure]:
    """The line of (a)."""
    return [
        Figure(
            group="a",
            name=f"creating {size} deployments of 6 objects",
            unit="/s",
            ours=measured.created,
            baseline=measured.created_bare,
            baseline_name="bare applies",
            bound="at least",
            target=CREATE_TARGET,
        )
    ]


def changed(measured: Measured, size: int) -> list[Figure]:
    """The lines of (b)."""
    return [
        Figure(
            group="b",
            name=f"changing one parameter of {size}",
            unit="/s",
            ours=measured.changed,
            baseline=measured.changed_bare,
            baseline_name="bare applies",
            bound="at least",
            target=CHANGE_TARGET,
        ),
        Figure(
            group="b",
            name="write requests for each of them",
            unit="requests",
            ours=measured.writes_each,
            bound="at most",
            target=WRITES_TARGET,
            note="by the API server's apiserver_request_total; the bare loop sends 6",
        ),
    ]


def cpu(measured: Measured) -> Figure:
    """The CPU line of (h)."""
    return Figure(
        group="h",
        name="CPU for a deployment created: worker + watcher + Postgres",
        unit="ms",
        ours=measured.cpu_milliseconds,
        note="kopf alone took 15 ms on the machine of the design",
    )
