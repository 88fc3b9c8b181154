"""(i) What the API takes to read at 10,000 deployments: every list and detail, against the same query by psql.

The baseline is the very statements that the handler sends, by psql and timed by its \\timing, on a session that has
entered as the same user and plans the same: what HTTP, the credential and the transaction take is ours alone. Requests
and queries alternate, so that what else the machine does strikes both.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from litestar.datastructures import MultiDict

from app.gate import SESSION_COOKIE
from app.page import home
from db import (
    access,
    catalogue,
    clusters,
    contests,
    deployments,
    drift,
    feed,
    listing,
    plans,
    revisions,
    rollouts,
    windows,
)
from db.connection import Session
from db.database import PLANNING
from db.listing import Filter
from tests.bench import population
from tests.bench.figures import Figure
from tests.bench.psql import psql, statements_of
from tests.bench.rig import OPERATOR, Database, durable_postgres, make_database, room
from tests.people import session_of
from tests.waiting import eventually_blocking

ROWS = 10_000
ASKED = 300
WARM = 30
TARGET = 5.0
PERCENTILE = 0.99
ONE = UUID(int=5_000)
HERE = "/api/deployments"
# By then all of them were there.
THEN = datetime(2999, 1, 1, tzinfo=UTC)

Read = Callable[[Session], Awaitable[object]]

_HISTORY = (
    "UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('motd', %s::text) WHERE id = %s"
)
_DRIFT = """
UPDATE orchestrator.deployment_resources SET drifted_at = now(),
       drift = '[{"path": "spec.replicas", "wanted": 1, "live": 2, "manager": "kubectl"}]'
 WHERE kind = 'StatefulSet' AND deployment_id IN (
       SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(4950, 5100) n)
"""
_STATUSES = """
UPDATE orchestrator.deployments d SET status_summary = 'Degraded' FROM generate_series(1, 200) n
 WHERE d.id = lpad(to_hex(n * 50), 32, '0')::uuid
"""
_CONTESTED = """
INSERT INTO orchestrator.put_backs
       (deployment_id, cluster_id, kind, name, path, put_backs, recent, last_at, contested_since, next_at)
SELECT d.id, d.cluster_id, 'StatefulSet', d.name, 'spec.replicas', 3, ARRAY[now()], now(), now(), now()
  FROM orchestrator.deployments d
 WHERE d.id IN (SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(4950, 4999) n)
"""
# Twenty that ended, of a hundred members each.
_ROLLOUTS = """
WITH made AS (
    INSERT INTO orchestrator.rollouts
           (template_id, to_version, batch_size, max_unavailable, pause_on_failure, restart, force, patience_seconds,
            state, under_way, run_by, created_by)
    SELECT t.id, t.version, 5, 1, true, true, false, 300, 'done', false, 'bench', 'bench'
      FROM orchestrator.templates t, generate_series(1, 20) WHERE t.name = 'paper' RETURNING id
)
INSERT INTO orchestrator.rollout_members (rollout_id, deployment_id, position, batch, state, from_generation)
SELECT m.id, lpad(to_hex(n), 32, '0')::uuid, n, n / 5, 'done', 1 FROM made m, generate_series(1, 100) n
"""
_WINDOWS = """
INSERT INTO orchestrator.maintenance_windows (name, days, starts, lasts, zone)
SELECT 'night-' || n, '{Sat,Sun}', '04:00', '2 hours', 'Europe/Berlin' FROM generate_series(1, 10) n
"""


def listed(limit: int = 100, sort: listing.Sort = "name", **wanted: object) -> Read:
    """A page of the list."""
    chosen = Filter(**wanted)
    return lambda session: listing.list_deployments(session, chosen, sort=sort, limit=limit)


READS: dict[str, tuple[str, Read]] = {
    "deployments": (HERE, listed()),
    "500 deployments": (f"{HERE}?limit=500", listed(500)),
    "deployments by status": (f"{HERE}?sort=status", listed(sort="status")),
    "deployments by update": (f"{HERE}?sort=-updated", listed(sort="-updated")),
    "deployments in search": (f"{HERE}?q=999", listed(q="999")),
    "deployments that are Degraded": (f"{HERE}?status=Degraded", listed(status=["Degraded"])),
    "deployments that drifted": (f"{HERE}?drifted=true", listed(drifted=True)),
    "counts": (f"{HERE}/counts", lambda session: listing.count_deployments(session, Filter())),
    "one deployment": (f"{HERE}/{ONE}", lambda session: deployments.read_deployment(session, ONE)),
    "its resources": (f"{HERE}/{ONE}/resources", lambda session: deployments.list_resources(session, ONE)),
    "its drift": (f"{HERE}/{ONE}/drift", lambda session: drift.list_drift(session, ONE)),
    "its events": (f"{HERE}/{ONE}/events", lambda session: feed.read_events(session, feed.Place(), 100, ONE)),
    "its revisions": (f"{HERE}/{ONE}/revisions", lambda session: revisions.list_revisions(session, ONE, None, 101)),
    "a revision": (f"{HERE}/{ONE}/revisions/2", lambda session: revisions.compare_revisions(session, ONE, 2)),
    "events": ("/api/events", lambda session: feed.read_events(session, feed.Place(), 100)),
    "drift": ("/api/drift", lambda session: drift.list_all_drift(session, None, 100)),
    "clusters": ("/api/clusters", clusters.describe_clusters),
    "templates": ("/api/templates", catalogue.list_templates),
    "a template": ("/api/templates/paper", lambda session: catalogue.read_template(session, "paper", None)),
    "its versions": ("/api/templates/paper/versions", lambda session: catalogue.list_versions(session, "paper")),
    "its plan": (f"{HERE}/{ONE}/plan", lambda session: plans.read_plan(session, ONE)),
    "as of a time": (
        f"{HERE}/as-of?at={THEN:%Y-%m-%dT%H:%M:%SZ}",
        lambda session: revisions.list_as_of(session, THEN, None, 101),
    ),
    "contested": ("/api/contested", contests.list_contested),
    "rollouts": ("/api/rollouts", lambda session: rollouts.list_rollouts(session, None, 101)),
    "a rollout": ("/api/rollouts/1", lambda session: rollouts.read_rollout(session, 1)),
    "windows": ("/api/windows", windows.list_windows),
    "tokens": ("/api/tokens", access.list_tokens),
    "users": ("/api/users", access.list_users),
    "the page": ("/", lambda session: home.read_servers(session, MultiDict())),
}


def measure(folder: Path, runs: int) -> list[Figure]:
    """All of (i), on a server of its own."""
    with durable_postgres(folder) as (server, _):
        database = make_database(server, "reads")
        population.populate(database, ROWS)
        with database.connect() as session:
            for number in range(20):
                session.execute(_HISTORY, [f"Message {number}", ONE])
            session.execute(_DRIFT)
            for statement in (_STATUSES, _CONTESTED, _ROLLOUTS, _WINDOWS):
                session.execute(statement)
        population.drain(database)
        with api(database, folder) as (port, token):
            return asyncio.run(compared(database, port, token, runs))


@contextlib.contextmanager
def api(database: Database, folder: Path) -> Iterator[tuple[int, str]]:
    """The API process as `up` starts it, but for how much one client may ask."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {
        "ORCHESTRATOR_PORT": str(port),
        "ORCHESTRATOR_REQUESTS_PER_SECOND": "100000",
        "ORCHESTRATOR_REQUESTS_AT_ONCE": "100000",
    }
    with database.connect() as session:
        session.execute("SELECT orchestrator.create_user('bench', 'admin')")
        row = session.execute("""SELECT orchestrator.make_token('bench', "user" => 'bench')""").fetchone()
    with room("api", database.dsn_of("so_api"), Path(os.devnull), folder, environment):
        eventually_blocking(lambda: answers(port), 60, "the API answers")
        yield port, row[0]


def answers(port: int) -> bool:
    """Whether the API is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError), contextlib.closing(connection):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


async def compared(database: Database, port: int, token: str, runs: int) -> list[Figure]:
    """Each read, request and query by turns."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    # Each route reads the credential that is for it, and not the other.
    cookie = session_of(database.dsn, user="bench")
    headers = {"Authorization": f"Bearer {token}", "Cookie": f"{SESSION_COOKIE}={cookie}"}
    ours: dict[str, list[float]] = {name: [] for name in READS}
    theirs: dict[str, list[float]] = {name: [] for name in READS}
    queries = {name: await statements_of(database.dsn_of(OPERATOR), read) for name, (_, read) in READS.items()}
    with psql(database, "so_api", token, PLANNING) as session:
        for _ in range(runs):
            for name, (path, _) in READS.items():
                asked, queried = [], []
                for _ in range(WARM + ASKED):
                    started = time.perf_counter()
                    connection.request("GET", path, headers=headers)
                    response = connection.getresponse()
                    body = response.read()
                    asked.append(1000 * (time.perf_counter() - started))
                    if response.status != 200:
                        raise RuntimeError(f"GET {path}: {response.status} {body[:500]!r}")
                    queried.append(session.milliseconds(queries[name]))
                ours[name].append(p99(asked[WARM:]))
                theirs[name].append(p99(queried[WARM:]))
    return [
        Figure(
            group="i",
            name=f"GET {READS[name][0].replace(str(ONE), '…')}: {name}, p99",
            unit="ms",
            ours=ours[name],
            baseline=theirs[name],
            baseline_name="the query by psql",
            bound="at most",
            target=TARGET,
        )
        for name in READS
    ]


def p99(times: list[float]) -> float:
    """Of so many."""
    return sorted(times)[int(PERCENTILE * len(times))]
