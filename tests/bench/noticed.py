"""(j) with Postgres: from an edit to the committed row of drift, what that costs, and the view when much differs.

The worker is held still meanwhile, so that nothing is put back and only what notices is measured.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.bench import population
from tests.bench.figures import Figure
from tests.bench.processes import cpu_seconds, held_still
from tests.bench.rig import durable_postgres, make_database
from tests.bench.scene import Scene, scene
from tests.outsider import Outsider, outsider_of
from tests.waiting import eventually_blocking

NAMESPACE = "noticed"
KIND = "StatefulSet"
LOOK_SECONDS = 0.001
SEEN_SECONDS = 30
_DRIFTED = "SELECT count(*) FROM orchestrator.deployment_resources WHERE drift IS NOT NULL"
_ONE_DRIFTED = (
    "SELECT drift IS NOT NULL FROM orchestrator.deployment_resources WHERE kind = 'StatefulSet' AND name = %s"
)
_DRIFT = """
UPDATE orchestrator.deployment_resources SET drifted_at = now(),
       drift = '[{"path": "spec.replicas", "wanted": 1, "live": 2, "manager": "kubectl"}]'
 WHERE kind = 'StatefulSet'
"""


def measure(folder: Path, runs: int, size: int) -> list[Figure]:
    """Edits of so many servers, one at a time and all of them."""
    late: list[float] = []
    spent: dict[str, list[float]] = {"Postgres": [], "the watcher": []}
    with scene(folder) as stage, stage.database.connect() as session:
        stage.add_deployments(NAMESPACE, size)
        outsider = outsider_of(stage.plane.kubeconfig, folder)
        for _ in range(runs):
            stage.calm()
            with held_still([stage.worker]):
                late += [1000 * one_at_a_time(session, outsider, number) for number in range(1, min(size, 60) + 1)]
            put_back(stage, session)
            pids = {"Postgres": stage.postgres, "the watcher": stage.watcher}
            with held_still([stage.worker]):
                before = {name: cpu_seconds(pid) for name, pid in pids.items()}
                for number in range(1, size + 1):
                    edit(outsider, number)
                eventually_blocking(lambda: counted(session) == size, SEEN_SECONDS, "every edit noticed")
                for name, pid in pids.items():
                    spent[name].append(1000 * (cpu_seconds(pid) - before[name]) / size)
            put_back(stage, session)
    return [
        Figure(group="j", name="from an edit's answer to the committed row of drift", unit="ms", ours=late),
        *(
            Figure(group="j", name=f"an edit noticed, of {size} at once: CPU of {name}", unit="ms", ours=found)
            for name, found in spent.items()
        ),
    ]


def view(folder: Path, runs: int, objects: int) -> list[Figure]:
    """The view drift where so many objects differ, read whole."""
    with durable_postgres(folder) as (server, _):
        database = make_database(server, "view")
        population.populate(database, objects)
        with database.connect() as session:
            session.execute(_DRIFT)
            session.execute("VACUUM ANALYZE")
            found: list[float] = []
            for _ in range(runs):
                started = time.perf_counter()
                rows = session.execute("SELECT * FROM orchestrator.drift").fetchall()
                found.append(time.perf_counter() - started)
                if len(rows) != objects:
                    raise RuntimeError(f"{len(rows)} of {objects} differ")
    return [Figure(group="j", name=f"SELECT * FROM drift, {objects:,} objects differ", unit="s", ours=found)]


def one_at_a_time(session: psycopg.Connection, outsider: Outsider, number: int) -> float:
    """The seconds from the answer to an edit until its drift can be read."""
    edit(outsider, number)
    started = time.perf_counter()
    while session.execute(_ONE_DRIFTED, [f"server-{number}"]).fetchone() != (1,):
        if time.perf_counter() - started > SEEN_SECONDS:
            raise RuntimeError(f"the edit of server-{number} was not noticed within {SEEN_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - started


def edit(outsider: Outsider, number: int) -> None:
    """Somebody scales a server."""
    outsider.merge(KIND, NAMESPACE, f"server-{number}", {"spec": {"replicas": 3}})


def put_back(stage: Scene, session: psycopg.Connection) -> None:
    """Have the worker undo it all; no path is contested, however often that is done."""
    session.execute("UPDATE orchestrator.clusters SET contested_after = 100")
    stage.settled(session)
    eventually_blocking(lambda: counted(session) == 0, SEEN_SECONDS, "all of it put back")


def counted(session: psycopg.Connection) -> int:
    """How many objects differ."""
    row = session.execute(_DRIFTED).fetchone()
    return 0 if row is None else int(row[0])
