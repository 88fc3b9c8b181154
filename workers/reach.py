"""One worker's way to its cluster: opened by the first probe, held to be there or away, and told of to Postgres.

Between the breaker, which says when to ask, and Postgres, which believes a worker that is cut off alone nothing.
"""

from __future__ import annotations

import asyncio

import structlog

from db import queue
from db.connection import Pool, borrow
from db.errors import DatabaseError
from kube import metrics as kube_metrics
from kube.cluster import Cluster
from kube.errors import KubeError
from kube.generated import ensure_seed
from kube.settings import ClusterSettings
from workers import metrics
from workers.breaker import Breaker

log = structlog.get_logger()


class Reach:
    """The cluster of this process. `breaker` tells whether it is there."""

    def __init__(self, settings: ClusterSettings, worker: str, pool: Pool) -> None:
        """Nothing is opened yet."""
        self.breaker = Breaker()
        self._settings = settings
        self._worker = worker
        self._pool = pool
        self._cluster: Cluster | None = None
        self._seed: bytes | None = None
        self._seeding = asyncio.Lock()

    @property
    def cluster(self) -> Cluster:
        """The cluster, which was reached once: nothing is claimed before."""
        if self._cluster is None:
            raise AssertionError("claimed before the cluster was reached")
        return self._cluster

    async def watch(self) -> None:
        """Find out when the cluster answers again, whenever it is away. Runs until cancelled."""
        await self.breaker.watch(self._probe, self._report)

    async def look(self) -> None:
        """Tell that the cluster answers, having asked: others go by this word when one of them is cut off."""
        if not self.breaker.open:
            try:
                await self._probe()
            except KubeError as error:
                self.breaker.trip(error.message)
                return
        await self._report(not self.breaker.open, self.breaker.reason if self.breaker.open else None)

    async def read_seed(self) -> bytes:
        """What generated secrets derive from; asked for once. Raises KubeError."""
        async with self._seeding:
            if self._seed is None:
                self._seed = await ensure_seed(self.cluster, self._settings.system_namespace)
            return self._seed

    async def close(self) -> None:
        """Close every connection."""
        if self._cluster is not None:
            await self._cluster.__aexit__(None, None, None)

    async def _probe(self) -> None:
        """Raise with the reason unless the cluster is ready: the question by which a run takes it for away."""
        if self._cluster is None:
            self._cluster = await Cluster.connect(self._settings, observe=kube_metrics.observe_request)
        await self._cluster.require_ready()

    async def _report(self, reachable: bool, reason: str | None) -> None:
        metrics.UNREACHABLE.set(0 if reachable else 1)
        try:
            async with borrow(self._pool) as session:
                await queue.report_cluster(
                    session, self._settings.name, self._worker, reachable=reachable, reason=reason
                )
        except DatabaseError as error:
            log.warning("report failed", error=str(error))
