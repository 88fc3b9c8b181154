"""(e) what a resync of unchanged deployments writes, and of (h) what we take when nothing happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tests.bench.figures import Figure
from tests.bench.processes import resident_megabytes
from tests.bench.rig import Database
from tests.bench.scene import RESYNC_SECONDS, Scene
from tests.waiting import eventually_blocking

IDLE_SECONDS = 30.0
MEMORY_TARGETS = {"worker": 90, "watcher": 90, "api": 130}
_EVENTS = "SELECT count(*) FROM orchestrator.deployment_events"
_SYNCED = "SELECT min(synced_at) FROM orchestrator.watch_streams"


def resync(scene: Scene, deployments: int) -> list[Figure]:
    """(e): two full relists of every kind, with nothing changed between them."""
    scene.calm()
    with scene.database.connect() as session:
        writes, events = scene.writes(), session.execute(_EVENTS).fetchone()[0]
        for _ in range(2):
            begun = session.execute("SELECT clock_timestamp()").fetchone()[0]
            eventually_blocking(
                lambda begun=begun: (session.execute(_SYNCED).fetchone()[0] or begun) > begun,
                3 * RESYNC_SECONDS,
                "every kind listed again",
            )
        scene.calm()
        written, told = scene.writes() - writes, session.execute(_EVENTS).fetchone()[0] - events
    name = f"two resyncs of {deployments} unchanged deployments"
    return [
        Figure(group="e", name=f"{name}: writes", unit="requests", ours=[float(written)], bound="at most", target=0),
        Figure(group="e", name=f"{name}: event rows", unit="rows", ours=[float(told)], bound="at most", target=0),
    ]


def memory(scene: Scene, deployments: int) -> list[Figure]:
    """Of (h): resident memory of our processes, after what has been done so far."""
    scene.calm()
    return [
        Figure(
            group="h",
            name=f"resident memory of the {kind} at {deployments:,} deployments",
            unit="MB",
            ours=[resident_megabytes(pid)],
            bound="at most",
            target=MEMORY_TARGETS[kind],
        )
        for kind, pid in (("worker", scene.worker), ("watcher", scene.watcher), ("api", scene.api))
        if pid is not None
    ]


def idle(scene: Scene, deployments: int) -> list[Figure]:
    """Of (h): statements and CPU a second while nothing happens, resyncs included."""
    scene.calm()
    log = scene.folder / "postgres.log"
    with every_statement_logged(scene.database):
        at, before, started = log.stat().st_size, scene.cpu_seconds(), time.perf_counter()
        time.sleep(IDLE_SECONDS)
        seconds, spent = time.perf_counter() - started, scene.cpu_seconds() - before
        with log.open("rb") as file:
            file.seek(at)
            said = file.read()
    statements = said.count(b"LOG:  statement: ") + said.count(b"LOG:  execute ")
    where = f"when idle with {deployments:,} deployments"
    return [
        Figure(
            group="h",
            name=f"statements a second {where}",
            unit="/s",
            ours=[statements / seconds],
            note=f"counted in the server's log over {IDLE_SECONDS:.0f} s, BEGIN and COMMIT included",
        ),
        Figure(
            group="h",
            name=f"CPU {where}: worker + watcher + Postgres",
            unit="% of a core",
            ours=[100 * spent / seconds],
        ),
    ]


@contextlib.contextmanager
def every_statement_logged(database: Database) -> Iterator[None]:
    """Have the server write each statement to its log for the block."""
    with database.connect() as session:
        session.execute("ALTER SYSTEM SET log_statement = 'all'")
        session.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with database.connect() as session:
            session.execute("ALTER SYSTEM RESET log_statement")
            session.execute("SELECT pg_reload_conf()")
