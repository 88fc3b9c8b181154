"""Follow one kind: every change goes to what is pending, at once, whatever the database is doing."""

import structlog

from kube import events
from kube.cluster import Cluster
from kube.kinds import EVENT
from kube.naming import MANAGED_SELECTOR
from kube.watch import Connected, Gone, Lost, Synced, Upsert, stream
from watchers import metrics
from watchers.doubts import Doubts
from watchers.pending import Pending, Relist, StreamState

log = structlog.get_logger()


async def follow_kind(cluster: Cluster, kind: str, pending: Pending, doubts: Doubts, idle_seconds: float) -> None:
    """Objects of a kind that carry our label, for ever."""
    restarts = 0
    metrics.RESTARTS.labels(kind)  # shown as 0: a series that begins with the first break hides it
    async for change in stream(cluster, kind, selector=MANAGED_SELECTOR, idle_seconds=idle_seconds):
        match change:
            case Upsert(live):
                pending.seen(live)
            case Gone(live):
                doubts.left(live)
            case Synced(present, resource_version):
                pending.relisted(kind, Relist(present, resource_version))
            case Connected():
                pending.stream(kind, StreamState(connected=True, restarts=restarts, error=None))
            case Lost():
                restarts += 1
                tell_loss(kind, change, restarts, pending)


async def follow_events(cluster: Cluster, pending: Pending, idle_seconds: float) -> None:
    """Kubernetes' own Events, of all objects: they carry no label of ours. What is pending knows which are about us."""
    restarts = 0
    async for change in stream(cluster, EVENT.name, idle_seconds=idle_seconds):
        match change:
            case Upsert(live):
                pending.told(events.read_event(live))
            case Gone() | Synced():
                # They expire by themselves, and are no inventory.
                pass
            case Connected():
                pending.stream(EVENT.name, StreamState(connected=True, restarts=restarts, error=None))
            case Lost():
                restarts += 1
                tell_loss(EVENT.name, change, restarts, pending)


def tell_loss(kind: str, lost: Lost, restarts: int, pending: Pending) -> None:
    """A watch broke: count it, log it, and let Postgres know."""
    metrics.RESTARTS.labels(kind).inc()
    log.warning(
        "watch lost", kind=kind, error=str(lost.error), category=lost.error.category, pause=round(lost.pause_seconds, 2)
    )
    pending.stream(kind, StreamState(connected=False, restarts=restarts, error=lost.error))
