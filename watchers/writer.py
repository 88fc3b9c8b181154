"""Write what was seen to Postgres: batches of one statement each, in one task, on the session that holds the lock.

If that session fails the whole watcher starts anew, so that nobody writes who no longer holds the lock. A row that
Postgres cannot take is left out and told; one bad object must not stop the others.
"""

import asyncio
import time

import structlog

from db import observations as doors
from db.connection import Session
from db.errors import Contended, Fault, Refused
from db.observations import KubernetesEvent, Suspect
from db.processes import Presence
from kube.cluster import Cluster
from kube.errors import KubeError
from kube.events import ClusterEvent
from kube.live import Live
from watchers import metrics
from watchers.doubts import Doubt, Doubts
from watchers.drift import report
from watchers.pending import Batch, Entry, ObjectKey, Pending, Relist

log = structlog.get_logger()

BATCH_OBJECTS = 500
# Deployments that somebody is writing this moment are tried again after this.
BUSY_SECONDS = 0.02
CONTENDED_SECONDS = 0.1
# What flows faster than this is written in fewer, larger batches: a statement costs more than the rows it writes.
# Below it every observation is written at once, for somebody may be waiting.
HURRY_OBJECTS_A_SECOND = 250.0
LINGER_SECONDS = 0.1
# With nothing to write, make sure this often that the session is alive, and learn the interval of resyncs.
PULSE_SECONDS = 5.0


class Writer:
    """The only one that talks to Postgres while this watcher is active."""

    def __init__(
        self,
        session: Session,
        cluster: Cluster,
        name: str,
        pending: Pending,
        doubts: Doubts,
        presence: Presence,
        resync_seconds: float,
    ) -> None:
        """`name` is the cluster's row; `resync_seconds` holds until the row says otherwise."""
        self._session = session
        self._cluster = cluster
        self._name = name
        self._pending = pending
        self._doubts = doubts
        self._presence = presence
        self.resync_seconds = resync_seconds
        self._at_once = HURRY_OBJECTS_A_SECOND
        self._filled = time.monotonic()

    async def write_forever(self) -> None:
        """Take what is pending, as soon as there is any. Raises DatabaseError when the session is of no use."""
        while True:
            await self._presence.tell(self._session)
            try:
                async with asyncio.timeout(PULSE_SECONDS):
                    await self._pending.news.wait()
            except TimeoutError:
                self.resync_seconds = await doors.resync_seconds(self._session, self._name) or self.resync_seconds
                continue
            if not self._may_hurry():
                await asyncio.sleep(LINGER_SECONDS)
            batch = self._pending.take(BATCH_OBJECTS)
            self._at_once -= len(batch.entries)
            metrics.PENDING.set(len(self._pending))
            await self._write(batch)

    def _may_hurry(self) -> bool:
        """Whether fewer objects than HURRY_OBJECTS_A_SECOND came lately: a bucket that fills at that rate."""
        now = time.monotonic()
        most = HURRY_OBJECTS_A_SECOND
        self._at_once = min(most, max(self._at_once, 0.0) + (now - self._filled) * most)
        self._filled = now
        return self._at_once > 0.2 * most

    async def _write(self, batch: Batch) -> None:
        busy = await self._record_fairly(batch.entries) if batch.entries else set[ObjectKey]()
        if batch.events:
            await self._record_events(batch.events)
        for kind, state in batch.streams.items():
            error = str(state.error) if state.error else None
            how = "connected" if state.connected else "lost"
            await doors.record_stream(self._session, self._name, kind, how, state.restarts, error)
        for kind, relist in batch.relists.items():
            await self._record_relist(kind, relist)
        for entry in batch.entries:
            if entry.key in busy:
                self._pending.again(entry)
        if busy and len(busy) == len(self._pending):
            await asyncio.sleep(BUSY_SECONDS)

    async def _record_fairly(self, entries: list[Entry]) -> set[ObjectKey]:
        """Write all that can be written; halve what Postgres refuses until the culprit stands alone."""
        try:
            busy = await self._record(entries)
        except (Contended, KubeError) as error:
            log.info("observations put off", objects=len(entries), error=str(error))
            await asyncio.sleep(CONTENDED_SECONDS)
            return {entry.key for entry in entries}
        except (Refused, Fault) as error:
            if len(entries) == 1:
                told = entries[0].observation
                # Not the traceback: what led here is known, and its locals are other people's data.
                log.error(  # noqa: TRY400
                    "observation refused",
                    deployment_id=told.deployment_id,
                    generation=told.generation,
                    kind=told.kind,
                    namespace=told.namespace,
                    name=told.name,
                    error=str(error),
                )
                self._pending.written(entries)
                return set()
            half = len(entries) // 2
            return await self._record_fairly(entries[:half]) | await self._record_fairly(entries[half:])
        self._pending.written([entry for entry in entries if entry.key not in busy])
        return busy

    async def _record(self, entries: list[Entry]) -> set[ObjectKey]:
        """One statement for the observations; where any of them is drift one more, and what can wait in one later."""
        started = time.monotonic()
        batch = [entry.observation for entry in entries]
        async with doors.recording(self._session):
            recorded = await doors.record_observations(self._session, self._name, batch)
            if recorded.suspects:
                lives = {entry.key: entry.live for entry in entries}
                looked = [await self._look_closer(suspect, lives) for suspect in recorded.suspects]
                # What stands as it was recorded is no news, and what is left to others is looked at often.
                known = [suspect.known or [] for suspect in recorded.suspects]
                reports = [report for report, before in zip(looked, known, strict=True) if report.drift != before]
                unjudged = [suspect.deployment_id for suspect in recorded.suspects if suspect.unjudged]
                if reports or unjudged:
                    await doors.record_drift(self._session, self._name, reports, unjudged)
        busy = set(recorded.busy)
        if recorded.suspects:
            suspects = [suspect.deployment_id for suspect in recorded.suspects]
            busy |= set(await doors.catch_up(self._session, self._name, batch, suspects))
        metrics.BATCHES.observe(time.monotonic() - started)
        metrics.WRITTEN.inc(len(entries) - len(busy))
        return busy

    async def _look_closer(self, suspect: Suspect, lives: dict[ObjectKey, Live | None]) -> doors.DriftReport:
        key = (suspect.kind, suspect.namespace, suspect.name)
        live = lives.get(key) or await self._cluster.get(*key)
        found = report(suspect, live)
        before = {(row["path"], row["manager"]) for row in suspect.known or ()}
        if not {(row["path"], row["manager"]) for row in found.drift} <= before:
            metrics.DRIFTED.labels(suspect.kind).inc()
            paths = [row["path"] for row in found.drift]
            log.info(
                "drift found",
                deployment_id=suspect.deployment_id,
                generation=suspect.generation,
                kind=suspect.kind,
                name=suspect.name,
                paths=paths,
            )
        return found

    async def _record_events(self, batch: list[ClusterEvent]) -> None:
        rows = [
            KubernetesEvent(
                type=event.type,
                kind=event.kind,
                namespace=event.namespace,
                name=event.name,
                reason=event.reason,
                message=event.message,
                count=event.count,
                last_at=event.last_at,
            )
            for event in batch
        ]
        try:
            await doors.record_kubernetes_events(self._session, self._name, rows)
        except Contended:
            self._pending.untold(batch)
            await asyncio.sleep(CONTENDED_SECONDS)
        except (Refused, Fault) as error:
            # They are noise by nature and come again; not worth finding the culprit.
            log.error("events refused", events=len(batch), error=str(error))  # noqa: TRY400

    async def _record_relist(self, kind: str, relist: Relist) -> None:
        version = relist.resource_version
        try:
            missing = await doors.record_relist(self._session, self._name, kind, version, relist.present)
        except Contended:
            self._pending.relisted(kind, relist)
            await asyncio.sleep(CONTENDED_SECONDS)
            return
        for lost in missing:
            self._doubts.add(
                Doubt(kind, lost.namespace, lost.name, lost.uid, version, lost.deployment_id, lost.generation)
            )
        self._pending.forget(kind, relist)
        metrics.synced(kind)
