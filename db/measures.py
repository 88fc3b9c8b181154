"""What the database tells about the whole: whether its schema is current, and the numbers for Prometheus.

Everything is a count or an age that one statement finds; nothing here is kept between calls.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from psycopg.rows import class_row

from db.connection import Session
from db.migrate import migration_scripts, repeatable_scripts

# Upper bounds in seconds of the histogram of reconciliations.
RECONCILE_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class QueueMeasure(msgspec.Struct, frozen=True):
    """One lane of one cluster. `leased` are with a worker now."""

    cluster: str
    lane: str
    depth: int
    leased: int
    oldest_seconds: float


class ClusterMeasure(msgspec.Struct, frozen=True):
    """One cluster: whether a worker reaches it, and the deployments that need attention. `contested` counts paths."""

    cluster: str
    unreachable_seconds: float | None
    waiting: int
    quarantined: int
    failing: int
    drifted: int
    contested: int
    stale: int


class StatusMeasure(msgspec.Struct, frozen=True):
    """How many deployments of a cluster have a status."""

    cluster: str
    status: str
    count: int


class WatchMeasure(msgspec.Struct, frozen=True):
    """One watched kind. Ages are seconds; `synced_seconds` is None where it was never listed in full."""

    cluster: str
    kind: str
    state: str
    restarts: int
    state_seconds: float
    synced_seconds: float | None


class EventMeasure(msgspec.Struct, frozen=True):
    """Events of one type in a window, and how long the reconciliations took that they end.

    `reason` is why an object was applied, for events that tell of that. `milliseconds` is the sum; `buckets` counts
    them by RECONCILE_SECONDS, one more for those beyond. Both are empty for events that end none.
    """

    type: str
    reason: str | None
    count: int
    milliseconds: float
    buckets: list[int]


class RolloutMeasure(msgspec.Struct, frozen=True):
    """How many rollouts are in a state."""

    state: str
    count: int


class Measures(msgspec.Struct, frozen=True):
    """One look at everything. Events are those from the place asked for up to `xid`, where the next look begins.

    `snapshot_seconds` is None where nobody may know.
    """

    queues: list[QueueMeasure]
    clusters: list[ClusterMeasure]
    statuses: list[StatusMeasure]
    watches: list[WatchMeasure]
    rollouts: list[RolloutMeasure]
    snapshot_seconds: float | None
    events: list[EventMeasure]
    xid: int


_CLUSTERS = """
    SELECT c.name AS cluster,
           extract(epoch FROM clock_timestamp() - c.unreachable_since)::double precision AS unreachable_seconds,
           coalesce(s.waiting, 0) AS waiting, coalesce(s.quarantined, 0) AS quarantined,
           coalesce(s.failing, 0) AS failing, coalesce(r.drifted, 0) AS drifted, coalesce(f.contested, 0) AS contested,
           coalesce(d.stale, 0) AS stale
      FROM orchestrator.clusters c
      LEFT JOIN (SELECT s.cluster_id, count(*) FILTER (WHERE s.due_at IS NOT NULL) AS waiting,
                        count(*) FILTER (WHERE s.quarantined_at IS NOT NULL) AS quarantined,
                        count(*) FILTER (WHERE s.last_error IS NOT NULL) AS failing
                   FROM orchestrator.reconcile_slots s GROUP BY s.cluster_id) s ON s.cluster_id = c.id
      LEFT JOIN (SELECT r.cluster_id, count(DISTINCT r.deployment_id) AS drifted
                   FROM orchestrator.deployment_resources r
                  WHERE r.differs AND orchestrator.shows_drift(r.cluster_id, r.kind, r.namespace, r.name)
                  GROUP BY r.cluster_id) r
             ON r.cluster_id = c.id
      LEFT JOIN (SELECT p.cluster_id, count(*) AS contested FROM orchestrator.put_backs p
                  WHERE p.contested_since IS NOT NULL GROUP BY p.cluster_id) f ON f.cluster_id = c.id
      LEFT JOIN (SELECT d.cluster_id, count(*) AS stale FROM orchestrator.deployments d
                  WHERE d.stale_since IS NOT NULL GROUP BY d.cluster_id) d ON d.cluster_id = c.id
     ORDER BY c.name
"""
_STATUSES = """
    SELECT c.name AS cluster, d.status_summary AS status, count(*) AS count
      FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id
     GROUP BY c.name, d.status_summary ORDER BY c.name, d.status_summary
"""
_WATCHES = """
    SELECT c.name AS cluster, w.kind, w.state, w.restarts,
           extract(epoch FROM clock_timestamp() - w.changed_at)::double precision AS state_seconds,
           extract(epoch FROM clock_timestamp() - w.synced_at)::double precision AS synced_seconds
      FROM orchestrator.watch_streams w JOIN orchestrator.clusters c ON c.id = w.cluster_id ORDER BY c.name, w.kind
"""
# The window ends below the oldest running transaction, so that no event is passed over: see orchestrator.events_after.
_EVENTS = """
    WITH found AS (
        SELECT e.type, CASE WHEN e.type = 'ResourceApplied' THEN e.data_json ->> 'reason' END AS reason,
               (e.data_json ->> 'milliseconds')::double precision AS milliseconds
          FROM orchestrator.deployment_events e WHERE e.xid >= %(first)s::text::xid8 AND e.xid < %(end)s::text::xid8
    ), sorted AS (
        SELECT f.type, f.reason, width_bucket(f.milliseconds, %(bounds)s::double precision[]) AS bucket,
               count(*) AS count, sum(f.milliseconds) AS milliseconds
          FROM found f GROUP BY 1, 2, 3
    )
    SELECT s.type, s.reason, sum(s.count)::bigint AS count, coalesce(sum(s.milliseconds), 0) AS milliseconds,
           coalesce(jsonb_object_agg(s.bucket, s.count) FILTER (WHERE s.bucket IS NOT NULL), '{}') AS buckets
      FROM sorted s GROUP BY s.type, s.reason ORDER BY s.type, s.reason
"""


async def measure(session: Session, first_xid: int | None) -> Measures:
    """Look at everything; events from `first_xid` on, none for None."""
    end = await _oldest_running(session)
    events = [] if first_xid is None else await _events(session, first_xid, end)
    async with session.cursor(row_factory=class_row(QueueMeasure)) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.measure_queues()")
        queues = await cursor.fetchall()
    async with session.cursor(row_factory=class_row(ClusterMeasure)) as cursor:
        await cursor.execute(_CLUSTERS)
        clusters = await cursor.fetchall()
    async with session.cursor(row_factory=class_row(StatusMeasure)) as cursor:
        await cursor.execute(_STATUSES)
        statuses = await cursor.fetchall()
    async with session.cursor(row_factory=class_row(WatchMeasure)) as cursor:
        await cursor.execute(_WATCHES)
        watches = await cursor.fetchall()
    async with session.cursor(row_factory=class_row(RolloutMeasure)) as cursor:
        await cursor.execute("SELECT r.state, count(*) AS count FROM orchestrator.rollouts r GROUP BY r.state")
        rollouts = await cursor.fetchall()
    cursor = await session.execute("SELECT orchestrator.measure_snapshots()")
    row = await cursor.fetchone()
    snapshot_seconds = None if row is None else row[0]
    return Measures(queues, clusters, statuses, watches, rollouts, snapshot_seconds, events, end)


async def _oldest_running(session: Session) -> int:
    cursor = await session.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def _events(session: Session, first: int, end: int) -> list[EventMeasure]:
    bounds = [seconds * 1000 for seconds in RECONCILE_SECONDS]
    cursor = await session.execute(_EVENTS, {"first": str(first), "end": str(end), "bounds": bounds})
    return [
        EventMeasure(str(kind), reason, int(count), float(milliseconds), _spread(buckets))
        for kind, reason, count, milliseconds, buckets in await cursor.fetchall()
    ]


def _spread(counts: dict[str, int]) -> list[int]:
    """Counts by bucket, in a list that has every bucket; [] where there are none."""
    return [counts.get(str(bucket), 0) for bucket in range(len(RECONCILE_SECONDS) + 1)] if counts else []


def expected_scripts() -> dict[str, str]:
    """Name and checksum of all that this release's schema consists of. Reads files."""
    scripts = [*migration_scripts(), *repeatable_scripts()]
    return {name: hashlib.sha256(script.encode()).hexdigest() for name, script in scripts}


async def applied_scripts(session: Session) -> dict[str, str] | None:
    """What the database has of it; None where there is no schema of ours at all."""
    cursor = await session.execute("SELECT to_regclass('orchestrator.applied_migrations') IS NOT NULL")
    row: tuple[Any, ...] | None = await cursor.fetchone()
    if row is None or not row[0]:
        return None
    cursor = await session.execute("SELECT name, checksum FROM orchestrator.applied_migrations")
    return {str(name): str(checksum) for name, checksum in await cursor.fetchall()}
