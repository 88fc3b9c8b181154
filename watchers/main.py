"""The watcher process: one per cluster writes, the others stand by for the lock that goes with its session.

follow (one a kind) ─┐            ┌─▶ record_observations, record_drift
events ──────────────┼─▶ pending ─┼─▶ record_relist ──▶ doubts: look up what seems gone ─▶ pending
resync (one a kind) ─┘            └─▶ record_stream, record_kubernetes_events
"""

import asyncio

import structlog

from db import observations as doors
from db.connection import Session, connect
from db.errors import DatabaseError
from db.processes import Presence
from kube import metrics as kube_metrics
from kube.cluster import Cluster
from kube.errors import CredentialsError
from kube.kinds import OBSERVED
from watchers import metrics
from watchers.doubts import Doubts
from watchers.follow import follow_events, follow_kind
from watchers.pending import Pending
from watchers.resync import resync_kind
from watchers.settings import WatcherSettings
from watchers.writer import Writer

log = structlog.get_logger()

DEFAULT_RESYNC_SECONDS = 60.0
# Between attempts to reach Postgres, or to read credentials that are not there yet.
RETRY_SECONDS = 1.0


async def run(settings: WatcherSettings) -> None:
    """Watch until cancelled. Whatever fails meanwhile is taken up again; nothing needs to be handed over."""
    kube_metrics.serve(settings.metrics_host, settings.metrics_port)
    try:
        await watch(settings)
    finally:
        log.info("watcher stopped", cluster=settings.cluster.name)


async def watch(settings: WatcherSettings) -> None:
    """Stand by, watch, and stand by again whenever the session is lost."""
    log.info("watcher started", cluster=settings.cluster.name)
    presence = Presence(settings.cluster.name, "watcher", settings.name)
    async with await reach_cluster(settings) as cluster:
        while True:
            try:
                async with await connect(settings.database.url, name="watcher") as session:
                    await stand_by(session, settings, presence)
                    await serve(session, cluster, settings, presence)
            except* DatabaseError as errors:
                log.warning("postgres lost", error=str(errors.exceptions[0]))
            finally:
                metrics.ACTIVE.set(0)
            await asyncio.sleep(RETRY_SECONDS)


async def reach_cluster(settings: WatcherSettings) -> Cluster:
    """The cluster, once its credentials can be read: a local one may still be building."""
    told = ""
    while True:
        try:
            return await Cluster.connect(settings.cluster, kube_metrics.observe_request)
        except CredentialsError as error:
            if str(error) != told:
                told = str(error)
                log.warning("no way into the cluster yet", error=told)
            await asyncio.sleep(RETRY_SECONDS)


async def stand_by(session: Session, settings: WatcherSettings, presence: Presence) -> None:
    """Wait until no other watcher of this cluster is active. Raises DatabaseError."""
    told = False
    while not await doors.try_become_active(session, settings.cluster.name):
        if not told:
            told = True
            log.info("standing by", cluster=settings.cluster.name)
        await presence.tell(session, active=False)
        await asyncio.sleep(settings.standby_seconds)
    log.info("watching", cluster=settings.cluster.name)


async def serve(session: Session, cluster: Cluster, settings: WatcherSettings, presence: Presence) -> None:
    """Watch and write for as long as the session lives. Raises a group of DatabaseErrors."""
    metrics.ACTIVE.set(1)
    pending = Pending()
    doubts = Doubts(cluster, pending)
    row_says = await doors.resync_seconds(session, settings.cluster.name)
    writer = Writer(
        session, cluster, settings.cluster.name, pending, doubts, presence, row_says or DEFAULT_RESYNC_SECONDS
    )

    def interval_seconds() -> float:
        return settings.resync_seconds or writer.resync_seconds

    async with asyncio.TaskGroup() as group:
        group.create_task(writer.write_forever())
        group.create_task(doubts.settle())
        group.create_task(follow_events(cluster, pending, settings.idle_seconds))
        for kind in OBSERVED:
            group.create_task(follow_kind(cluster, kind.name, pending, doubts, settings.idle_seconds))
            group.create_task(resync_kind(cluster, kind.name, pending, interval_seconds))
