"""The worker process: claims what is due, reconciles it, settles. Stateless; add more to go faster.

LISTEN ─┐                     ┌─ heartbeat (every third of a lease)
poll  ──┴─→ claim → reconcile ┴→ settle     upkeep: promote, repair, stale, rollouts     breaker: is the cluster there?
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog

from db import dry_runs, queue
from db.connection import Pool, Session, borrow, open_pool
from db.dry_runs import Proposal
from db.errors import Contended, DatabaseError, Unavailable
from db.queue import Settlement
from kube import metrics as kube_metrics
from kube.errors import Unavailable as ClusterAway
from workers import dry_runs as answering
from workers import metrics
from workers.leases import Lease, LeaseLost, Leases
from workers.reach import Reach
from workers.reconcile import Run, failed, reconcile
from workers.settings import WorkerSettings
from workers.settling import Settler
from workers.upkeep import LEAVE_SECONDS, Upkeep
from workers.wake import Wake

log = structlog.get_logger()

# While there is work all the time. Longer than a poll, so that a lone change after a rest is not held up by it.
PROMOTE_SECONDS = 1.5
MOST_DRY_RUNS = 2
SETTLE_RETRY_SECONDS = 0.1
# How long a worker that is to end by itself waits for its cluster. One that serves waits for ever.
AWAY_SECONDS = 10.0
# One settlement may wait for the watcher to let go of its deployment, with the next behind it.
SETTLING_SESSIONS = 2
OTHER_SESSIONS = 5


class Sessions(msgspec.Struct, frozen=True):
    """On Postgres, by what they are for. Nothing waits behind a settlement that waits.

    A session keeps some megabytes of plans. Those of one pool take turns, and a claim by one that rested takes longer
    for finding none of it in the processor's caches.
    """

    claims: Pool
    settlements: Pool
    others: Pool


async def run(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT; with `until_empty`, until nothing is due.

    Raises kube.errors.Unavailable where it was to end by itself and its cluster stays away: nothing is done then.
    """
    kube_metrics.serve(settings.metrics_host, settings.metrics_port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    url, name = settings.database.url, f"worker {settings.name}"
    async with (
        open_pool(url, name=name, size=1) as claims,
        open_pool(url, name=name, size=SETTLING_SESSIONS) as settlements,
        open_pool(url, name=name, size=OTHER_SESSIONS) as others,
    ):
        await Worker(settings, Sessions(claims, settlements, others)).run(stop)


class Worker:
    """One worker: what it holds, and the loops that serve it."""

    def __init__(self, settings: WorkerSettings, sessions: Sessions) -> None:
        """Nothing is opened yet."""
        pool = sessions.others
        self.settings = settings
        self.pool = pool
        self.claims = sessions.claims
        self.leases = Leases(settings.lease_seconds)
        self.settler = Settler(sessions.settlements)
        self.reach = Reach(settings.cluster, settings.name, pool)
        self.breaker = self.reach.breaker
        self.upkeep = Upkeep(settings.cluster.name, settings.name, pool, self.reach)
        self.wake = Wake(settings.database.url, settings.cluster.name, settings.poll_seconds)
        self.freed = asyncio.Event()
        self._promoted = 0.0
        self._dry_runs = set[asyncio.Task[None]]()
        self.stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then drain."""
        log.info("worker started", worker=self.settings.name, cluster=self.settings.cluster.name)
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self.wake.listen(self._database_answers)),
                    group.create_task(self.reach.watch()),
                    group.create_task(self._beat()),
                    *self.upkeep.loops(group),
                ]
                trouble = await self._feed(group, stop)
                await self._drain()
                for helper in helpers:
                    helper.cancel()
            await self.upkeep.leave()
        finally:
            await self.reach.close()
        log.info("worker stopped", worker=self.settings.name)
        if trouble is not None:
            raise ClusterAway(trouble)

    async def _feed(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> str | None:
        """Claim while there is room, wait for news otherwise. Answers why it gave up, if it did."""
        most = self.settings.concurrency
        while not stop.is_set():
            if self.breaker.open:
                if self.settings.until_empty and not await self._reached(stop):
                    return (
                        f"cluster {self.settings.cluster.name} has not answered for {AWAY_SECONDS:.0f} s"
                        f" ({self.breaker.reason}); what is due waits in the queue: run this again once it answers"
                    )
                await _first(self.breaker.closed(), stop.wait())
                continue
            free = most - len(self.leases)
            # Claims of one at a time would double the queries of a busy worker.
            if free < max(1, most // 4):
                await _first(self._room(), stop.wait())
                continue
            taken = await self._take(group, free)
            if taken == free:
                continue
            if taken:
                # Both lanes were empty a moment ago. To look again at once would only take the processor from the
                # first requests of what was found.
                await _first(self.wake.next(busy=True), stop.wait())
                continue
            if self.settings.until_empty and await self._is_done(group, free):
                return None
            await _first(self.wake.next(busy=len(self.leases) > 0), stop.wait())
        return None

    async def _reached(self, stop: asyncio.Event) -> bool:
        """Whether the cluster answers in time, for one that does not wait for ever; or it is told to stop anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AWAY_SECONDS):
                await _first(self.breaker.closed(), stop.wait())
        return stop.is_set() or not self.breaker.open

    async def _is_done(self, group: asyncio.TaskGroup, limit: int) -> bool:
        """Whether nothing is in hand and nothing due. What has become due is queued first, then asked for."""
        if len(self.leases) or self._dry_runs:
            return False
        try:
            async with borrow(self.claims) as session:
                due_seconds, _, asked = await queue.look_around(session, self.settings.cluster.name)
                taken = await self._start(group, session, limit)
        except DatabaseError as error:
            log.warning("claim failed", error=str(error))
            self.wake.rest()
            return False
        return not taken and not asked and (due_seconds is None or due_seconds > 0)

    async def _take(self, group: asyncio.TaskGroup, limit: int) -> int:
        """Set to work on up to `limit` deployments, and now and then queue what has become due; answers how many.

        What was claimed before Postgres went away is counted: it is ours all the same.
        """
        taken = 0
        try:
            async with borrow(self.claims) as session:
                taken = await self._start(group, session, limit)
                # Work that was just committed goes first: a person waits for it.
                if not taken or time.monotonic() - self._promoted > PROMOTE_SECONDS:
                    self._promoted = time.monotonic()
                    due_seconds, rolling, asked = await queue.look_around(session, self.settings.cluster.name)
                    self.wake.due(due_seconds)
                    if rolling:
                        self.upkeep.rolling.set()
                    if asked:
                        await self._take_dry_run(group, session)
        except DatabaseError as error:
            log.warning("claim failed", error=str(error))
            self.wake.rest()
        return taken

    async def _take_dry_run(self, group: asyncio.TaskGroup, session: Session) -> None:
        """Set to work on one dry run, if one is due and there is room: they are few, and none holds up a wish."""
        if len(self._dry_runs) >= MOST_DRY_RUNS:
            return
        proposal = await dry_runs.claim_dry_run(
            session, self.settings.cluster.name, self.settings.name, answering.LEASE_SECONDS
        )
        if proposal is not None:
            task = group.create_task(self._try_out(proposal))
            self._dry_runs.add(task)
            task.add_done_callback(self._dry_runs.discard)

    async def _try_out(self, proposal: Proposal) -> None:
        """Answer one dry run. Never raises: one that could not be settled is taken again when its lease ends."""
        told = {
            "dry_run_id": proposal.dry_run_id,
            "deployment_id": proposal.deployment_id,
            "generation": proposal.generation,
        }
        try:
            state, answers, message = await answering.answer(proposal, self.reach.cluster)
        except asyncio.CancelledError:
            state, answers, message = "queued", [], "its worker stopped"
        if state == "queued" and not self.stopping:
            self.breaker.trip(message)
        with contextlib.suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS), borrow(self.pool) as session:
                await dry_runs.settle_dry_run(session, proposal, state, answers, message)
        log.info("dry run", state=state, **told)
        self.wake.nudge()

    async def _start(self, group: asyncio.TaskGroup, session: Session, limit: int) -> int:
        """Claim up to `limit` deployments and set to work on them; answers how many. Raises DatabaseError."""
        started = time.monotonic()
        settings = self.settings
        wishes = await queue.claim(session, settings.cluster.name, settings.name, limit, settings.lease_seconds)
        self._database_answers(True)
        for wish in wishes:
            lease = self.leases.take(wish, started)
            lease.task = group.create_task(self._work(lease))
        return len(wishes)

    async def _work(self, lease: Lease) -> None:
        """Reconcile and settle one deployment. Never raises: a fault ends in its settlement or with its lease."""
        wish = lease.wish
        started = time.monotonic()
        outcome = "lost"
        bound = {"deployment_id": wish.deployment_id, "generation": wish.generation}
        metrics.IN_WORK.inc()
        try:
            settlement = await self._reconcile(lease)
            outcome = settlement.outcome
            if await self._settle(lease, settlement) == "lost":
                outcome = "lost"
            if settlement.outcome == "deferred":
                # Settled before anybody reports the outage: the report then gives its reason to all that wait.
                self.breaker.trip(settlement.error or "no answer")
        except (LeaseLost, asyncio.CancelledError) as error:
            log.warning("lease lost", **bound)
            if isinstance(error, LeaseLost):
                await self._hand_back(lease)
        else:
            log.info("reconciled", outcome=outcome, milliseconds=round((time.monotonic() - started) * 1000), **bound)
        finally:
            self.leases.end(lease)
            metrics.IN_WORK.dec()
            metrics.RECONCILES.labels(outcome).observe(time.monotonic() - started)
            if outcome == "lost":
                metrics.LEASES_LOST.inc()
            self.freed.set()

    async def _reconcile(self, lease: Lease) -> Settlement:

        async def read_fields(item: queue.InventoryItem) -> dict[str, object] | None:
            async with borrow(self.pool) as session:
                return await queue.applied_fields(session, lease.wish.deployment_id, item)

        async def give_way(item: queue.InventoryItem, found: list[dict[str, object]]) -> queue.InventoryItem:
            async with borrow(self.pool) as session:
                return await queue.withhold_found(session, lease.wish.deployment_id, item, found)

        def may_write() -> None:
            self.leases.check(lease)

        work = Run(lease.wish, self.reach.cluster, self.reach.read_seed, read_fields, give_way, may_write)
        try:
            settlement = await reconcile(work)
        except LeaseLost:
            raise
        except Exception as error:
            # A fault of ours must not take the other deployments down with it.
            log.exception("reconcile broke", deployment_id=lease.wish.deployment_id, generation=lease.wish.generation)
            return failed(work, f"internal error: {error!r}", "internal", permanent=False)
        return settlement

    async def _settle(self, lease: Lease, settlement: Settlement) -> str:
        """Settle, again and again while Postgres is away, until it is answered or the lease is over.

        What Postgres will never take is given up: the lease runs out, and the fifth time ends in quarantine.
        """
        which = {"deployment_id": settlement.deployment_id, "generation": settlement.generation}
        while True:
            try:
                return await self.settler.settle(settlement)
            except (Contended, Unavailable) as error:
                log.warning("settle put off", error=str(error), **which)
            except DatabaseError:
                log.exception("settle refused", **which)
                return "lost"
            if lease.expired():
                return "lost"
            await asyncio.sleep(SETTLE_RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311

    async def _hand_back(self, lease: Lease) -> None:
        """Work given up because Postgres was away, with time left on its lease: let it be taken again at once."""
        while not lease.expired():
            try:
                async with borrow(self.pool) as session:
                    await queue.release(session, [lease.wish])
            except DatabaseError:
                await asyncio.sleep(SETTLE_RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
            else:
                return

    async def _beat(self) -> None:
        """Extend the leases; what cannot be extended in time is cancelled."""
        every_seconds = self.settings.lease_seconds / 3
        while True:
            await asyncio.sleep(every_seconds)
            asked = self.leases.held()
            started = time.monotonic()
            if asked:
                try:
                    async with asyncio.timeout(every_seconds), borrow(self.pool) as session:
                        kept = await queue.heartbeat(session, [a.wish for a in asked], self.settings.lease_seconds)
                    self.leases.renewed(asked, kept, started)
                except (DatabaseError, TimeoutError) as error:
                    log.warning("heartbeat failed", error=str(error))
            self.leases.drop_expired()

    async def _drain(self) -> None:
        """Finish what is in work within the grace period; hand the rest back."""
        self.stopping = True
        deadline = time.monotonic() + self.settings.grace_seconds
        while len(self.leases) and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._room()
        for task in self._dry_runs:
            task.cancel()
        unfinished = self.leases.held()
        tasks = [lease.task for lease in unfinished if lease.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            # Hand back only what has stopped writing.
            await asyncio.wait(tasks)
            with contextlib.suppress(DatabaseError):
                async with borrow(self.pool) as session:
                    count = await queue.release(session, [lease.wish for lease in unfinished])
                log.info("leases handed back", count=count)

    async def _room(self) -> None:
        self.freed.clear()
        await self.freed.wait()

    def _database_answers(self, answers: bool) -> None:
        self.leases.database_answers = answers


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of several; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
