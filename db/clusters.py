"""Clusters and how each is: reached or not, watched how recently, what waits for it, who works, how its servers are."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import dict_row

from db.connection import Session
from db.listing import Status
from db.processes import Watcher, Worker, list_watchers, list_workers


class Queue(msgspec.Struct, frozen=True):
    """One lane of a cluster's queue: small changes ("now") or many at once ("bulk"). `leased` are with a worker now."""

    lane: str
    depth: int
    leased: int
    oldest_seconds: float


class Watch(msgspec.Struct, frozen=True):
    """One watched kind: connected, synced or lost, since when, and when all of it was last listed.

    One that is not `listed` is only followed: to be connected is all there is for it.
    """

    kind: str
    listed: bool
    state: str
    restarts: int
    error: str | None
    changed_at: datetime
    synced_at: datetime | None


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster. `reachable` is what workers say; `seen_at` is when a watcher last listed a kind whole.

    `deployments` counts those that the asker may see, by status; `waiting` those that are tried again at a later time.
    """

    name: str
    reachable: bool
    reachable_since: datetime | None
    unreachable_since: datetime | None
    unreachable_reason: str | None
    resync_seconds: int
    seen_at: datetime | None
    waiting: int
    deployments: dict[Status, int]
    queues: list[Queue]
    watches: list[Watch]
    created_at: datetime


class ClusterDetail(Cluster, frozen=True, kw_only=True):
    """A cluster with who works for it, and on what, and who watches it."""

    workers: list[Worker]
    watchers: list[Watcher]


# Each part is counted in an index, or in a table of a few rows.
_CLUSTERS = """
    SELECT c.name, c.unreachable_since IS NULL AS reachable, c.reachable_since, c.unreachable_since,
           c.unreachable_reason, c.resync_seconds, w.seen_at, coalesce(s.waiting, 0) AS waiting,
           coalesce(d.deployments, '{}') AS deployments, coalesce(q.queues, '[]') AS queues,
           coalesce(w.watches, '[]') AS watches, c.created_at
      FROM orchestrator.clusters c
      LEFT JOIN (SELECT s.cluster_id, count(*) AS waiting FROM orchestrator.reconcile_slots s
                  WHERE s.due_at IS NOT NULL GROUP BY 1) s ON s.cluster_id = c.id
      LEFT JOIN (SELECT f.cluster_id, jsonb_object_agg(f.status_summary, f.count) AS deployments
                   FROM (SELECT d.cluster_id, d.status_summary, count(*) FROM orchestrator.deployments d
                          WHERE d.finalised_at IS NULL GROUP BY 1, 2) f GROUP BY 1) d ON d.cluster_id = c.id
      LEFT JOIN (SELECT m.cluster, jsonb_agg(to_jsonb(m) - 'cluster' ORDER BY m.lane DESC) AS queues
                   FROM orchestrator.measure_queues() m GROUP BY 1) q ON q.cluster = c.name
      LEFT JOIN (SELECT w.cluster_id, max(w.synced_at) AS seen_at,
                        jsonb_agg(to_jsonb(w) - 'cluster_id' || jsonb_build_object('listed', w.kind <> 'Event')
                                  ORDER BY w.kind) AS watches
                   FROM orchestrator.watch_streams w GROUP BY 1) w ON w.cluster_id = c.id
     ORDER BY c.name
"""


async def list_clusters(session: Session) -> list[Cluster]:
    """All of them, by name: there are few."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CLUSTERS)
        return msgspec.convert(await cursor.fetchall(), list[Cluster])


async def describe_clusters(session: Session) -> list[ClusterDetail]:
    """The same with the processes of each."""
    found, workers, watchers = await list_clusters(session), await list_workers(session), await list_watchers(session)
    return [
        ClusterDetail(
            **msgspec.structs.asdict(one),
            workers=[worker for worker in workers if worker.cluster == one.name],
            watchers=[watcher for watcher in watchers if watcher.cluster == one.name],
        )
        for one in found
    ]
