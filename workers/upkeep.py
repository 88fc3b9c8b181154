"""What any worker does for all, beside its claims, which must not wait for it: repair, tend, roll out, be seen."""

from __future__ import annotations

import asyncio
import contextlib
import random

import structlog

from db import dry_runs, queue
from db.connection import Pool, borrow
from db.errors import DatabaseError
from db.processes import Presence
from workers.reach import Reach

log = structlog.get_logger()

# db/routines/queue/report_cluster.sql holds a worker's word for good a little longer than this.
UPKEEP_SECONDS = 10.0
PRESENCE_SECONDS = 5.0
LEAVE_SECONDS = 2.0


class Upkeep:
    """Loops that run until cancelled. `rolling` is set by whoever saw a rollout to carry on."""

    def __init__(self, cluster: str, worker: str, pool: Pool, reach: Reach) -> None:
        """Nothing runs yet."""
        self.rolling = asyncio.Event()
        self._cluster = cluster
        self._pool = pool
        self._reach = reach
        self._presence = Presence(cluster, "worker", worker)

    def loops(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start all of them."""
        return [group.create_task(loop) for loop in (self._keep_up(), self._roll(), self._be_seen())]

    async def leave(self) -> None:
        """Say that it stops; when Postgres does not listen, a minute's silence says the same."""
        with contextlib.suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS), borrow(self._pool) as session:
                await self._presence.end(session)

    async def _keep_up(self) -> None:
        """Now and then: repair, mark what is stale, tend fights and windows, tell of the cluster."""
        while True:
            await asyncio.sleep(UPKEEP_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311
            name = self._cluster
            try:
                async with borrow(self._pool) as session:
                    await queue.repair(session, name)
                    await dry_runs.end_dry_runs(session, name)
                    await queue.mark_stale(session, name)
                    await queue.tend_contests(session, name)
                    await queue.tend_windows(session, name)
                await self._reach.look()
            except DatabaseError as error:
                log.warning("upkeep failed", error=str(error))

    async def _roll(self) -> None:
        """Carry rollouts on whenever a look found one."""
        while True:
            await self.rolling.wait()
            self.rolling.clear()
            try:
                async with borrow(self._pool) as session:
                    await queue.advance_rollouts(session)
            except DatabaseError as error:
                log.warning("rollouts not advanced", error=str(error))

    async def _be_seen(self) -> None:
        """Tell that this worker is there, for people who look at the cluster."""
        while True:
            # Not worth a word of its own: when Postgres is away, others say so.
            with contextlib.suppress(DatabaseError):
                async with borrow(self._pool) as session:
                    await self._presence.tell(session)
            await asyncio.sleep(PRESENCE_SECONDS)
