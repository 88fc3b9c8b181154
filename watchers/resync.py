"""List a kind anew, now and then: the safety net under the watch, and the only thing that decides what is missing."""

import asyncio
import random
from collections.abc import Callable

import structlog

from kube.cluster import Cluster
from kube.errors import KubeError
from kube.naming import MANAGED_SELECTOR
from kube.watch import Synced, Upsert, listing
from watchers.pending import Pending, Relist

log = structlog.get_logger()

SPREAD = 0.25
# After a failed listing, try again after this part of the interval.
RETRY_PART = 0.25


async def resync_kind(cluster: Cluster, kind: str, pending: Pending, interval_seconds: Callable[[], float]) -> None:
    """List the kind every interval, spread by a quarter so that kinds and clusters do not keep step."""
    part = 1.0
    while True:
        await asyncio.sleep(part * interval_seconds() * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311 - a spread
        try:
            await list_anew(cluster, kind, pending)
            part = 1.0
        except KubeError as error:
            log.warning("resync failed", kind=kind, error=str(error), category=error.category)
            part = RETRY_PART


async def list_anew(cluster: Cluster, kind: str, pending: Pending) -> None:
    """One listing. What is known in this version already costs nothing further. Raises KubeError."""
    async for change in listing(cluster, kind, selector=MANAGED_SELECTOR):
        match change:
            case Upsert(live):
                await pending.room()
                pending.seen(live)
            case Synced(present, resource_version):
                pending.relisted(kind, Relist(present, resource_version))
