"""The scene of (a) to (e) and (h): Postgres, the control plane without its controllers, a worker and a watcher."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from deploy.cluster import read_status
from deploy.postgres import free_port
from tests.bench.bare import Deployed
from tests.bench.processes import CONTROLLERS, cpu_seconds, held_still, named
from tests.bench.rig import OPERATOR, Database, durable_postgres, make_database, room
from tests.conftest import REPOSITORY, ControlPlane, local_control_plane
from tests.waiting import eventually_blocking

RESYNC_SECONDS = 30
SETTLED_SECONDS = 300
LOOK_SECONDS = 0.02
# Kinds that only we write; the API server itself keeps a lease of its own.
OUR_RESOURCES = (
    "configmaps",
    "secrets",
    "persistentvolumeclaims",
    "services",
    "statefulsets",
    "deployments",
    "ingresses",
)
# Server-side applies are counted as APPLY, apart from other PATCH requests.
WRITES = ("APPLY", "POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION")
_ADD = """
INSERT INTO orchestrator.deployments (name, namespace, template_id, parameters)
SELECT 'server-' || n, %(namespace)s, t.id,
       jsonb_build_object('eula', 'TRUE', 'image', 'itzg/minecraft-server', 'memory', '2Gi', 'motd', 'Message 0')
  FROM generate_series(1, %(count)s) n, (SELECT id FROM orchestrator.templates WHERE name = 'paper' LIMIT 1) t
"""
_UNSETTLED = """
SELECT count(*) FROM orchestrator.reconcile_slots
 WHERE msg_id IS NOT NULL OR due_at IS NOT NULL OR last_error IS NOT NULL
"""
_SPECS = """
SELECT id::text, name, namespace, generation, template_version, desired_spec_json FROM orchestrator.deployments
 WHERE namespace = %s ORDER BY name
"""


class Scene(msgspec.Struct, frozen=True):
    """All that runs, with pids."""

    folder: Path
    database: Database
    plane: ControlPlane
    worker: int
    watcher: int
    postgres: int
    api: int | None

    @property
    def ours(self) -> list[int]:
        """The processes whose CPU we answer for; only what Postgres does for us is in it, for nobody else uses it."""
        return [self.worker, self.watcher, self.postgres]

    def operator(self) -> psycopg.Connection:
        """A person at psql."""
        return psycopg.connect(self.database.dsn_of(OPERATOR), autocommit=True)

    def cpu_seconds(self) -> float:
        """CPU used so far by worker, watcher and Postgres."""
        return sum(cpu_seconds(pid) for pid in self.ours)

    def add_namespace(self, name: str) -> None:
        """A namespace for a run."""
        self.plane.kubectl("create", "namespace", name)

    def add_deployments(self, namespace: str, count: int) -> float:
        """Insert so many by one statement; answers the seconds until all are applied and settled."""
        self.add_namespace(namespace)
        with self.operator() as session:
            started = time.perf_counter()
            session.execute(_ADD, {"namespace": namespace, "count": count})
            return self.settled(session) - started

    def settled(self, session: psycopg.Connection) -> float:
        """When nothing was left to do. Raises with the reason if it does not come to that."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while session.execute(_UNSETTLED).fetchone() != (0,):
            if time.monotonic() > deadline:
                why = session.execute(
                    "SELECT last_error, count(*) FROM orchestrator.reconcile_slots GROUP BY 1 ORDER BY 2 DESC LIMIT 3"
                ).fetchall()
                raise RuntimeError(f"not settled within {SETTLED_SECONDS} s: {why}; logs in {self.folder}")
            time.sleep(LOOK_SECONDS)
        return time.perf_counter()

    def specs(self, namespace: str, target: str) -> Path:
        """A file of what the bare loop should apply: the deployments of a namespace, moved to another."""
        with self.database.connect() as session:
            rows = session.execute(_SPECS, [namespace]).fetchall()
        file = self.folder / f"{target}.json"
        file.write_bytes(msgspec.json.encode([Deployed(i, n, target, g, v, m) for i, n, _, g, v, m in rows]))
        return file

    def bare_apply(self, file: Path) -> float:
        """The bare loop in its own process; answers its seconds. Our processes are idle meanwhile."""
        command = [sys.executable, "-m", "tests.bench.bare", "apply", str(self.plane.kubeconfig), str(file)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the bare loop failed: {done.stderr[-2000:]}")
        return float(done.stdout)

    def writes(self) -> int:
        """Write requests to kinds that we write, by the API server's own count."""
        total = 0
        for line in self.plane.kubectl("get", "--raw", "/metrics").splitlines():
            if line.startswith("apiserver_request_total{"):
                labels = dict(part.split("=", 1) for part in line[line.index("{") + 1 : line.rindex("}")].split(","))
                if labels["verb"].strip('"') in WRITES and labels["resource"].strip('"') in OUR_RESOURCES:
                    total += int(float(line.rsplit(" ", 1)[1]))
        return total

    def calm(self, quiet_seconds: float = 1.0) -> None:
        """Return once worker, watcher and Postgres have done next to nothing for a while (the watcher lags behind)."""

        def still() -> bool:
            before = self.cpu_seconds()
            time.sleep(quiet_seconds)
            return self.cpu_seconds() - before < 0.1 * quiet_seconds

        eventually_blocking(still, 60, "worker, watcher and Postgres come to rest")


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Start everything, hold the controllers still, and let them go on at the end."""
    with contextlib.ExitStack() as stack:
        server, postgres = stack.enter_context(durable_postgres(folder))
        database = make_database(server, "orchestrator")
        plane = stack.enter_context(local_control_plane(folder / "cluster"))
        status = read_status(folder / "cluster")
        if status is None:
            raise RuntimeError("the local cluster tells no status")
        stack.enter_context(held_still(named(status.process, CONTROLLERS)))
        resync = {"ORCHESTRATOR_RESYNC_SECONDS": str(RESYNC_SECONDS)}
        watcher = stack.enter_context(room("watcher", database.dsn_of("so_watcher"), plane.kubeconfig, folder, resync))
        worker = stack.enter_context(room("worker", database.dsn_of("so_worker"), plane.kubeconfig, folder))
        api = stack.enter_context(api_room(database, folder))
        made = Scene(folder, database, plane, worker, watcher, postgres, api)
        wait_until_at_work(made)
        yield made


@contextlib.contextmanager
def api_room(database: Database, folder: Path) -> Iterator[int | None]:
    """The API, for its memory; None where it is not built yet."""
    if importlib.util.find_spec("app.main") is None:
        yield None
        return
    address = {"ORCHESTRATOR_HOST": "127.0.0.1", "ORCHESTRATOR_PORT": str(free_port())}
    with room("api", database.dsn_of("so_api"), Path("/nonexistent"), folder, address) as pid:
        yield pid


def wait_until_at_work(made: Scene) -> None:
    """Return when the worker reaches the cluster and the watcher has seen all of it once."""

    def at_work() -> bool:
        with made.database.connect() as session:
            row = session.execute(
                "SELECT unreachable_since IS NULL, (SELECT count(*) FROM orchestrator.watch_streams"
                " WHERE state = 'synced') FROM orchestrator.clusters WHERE name = 'default'"
            ).fetchone()
        return row is not None and bool(row[0]) and row[1] >= len(OUR_RESOURCES)

    eventually_blocking(
        at_work, 60, lambda: [(made.folder / f"{k}.log").read_text()[-1500:] for k in ("worker", "watcher")]
    )
