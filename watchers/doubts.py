"""Make sure of objects that seem gone: a filtered watch says DELETED also of one that only lost our label.

The two look the same on the wire, and so does an object missing from a filtered list. One read tells them apart.
"""

import asyncio

import msgspec
import structlog

from kube.cluster import Cluster
from kube.errors import KubeError
from kube.kinds import kind_named
from kube.live import Live
from watchers import observe
from watchers.pending import ObjectKey, Pending

log = structlog.get_logger()

AT_ONCE = 8
RETRY_SECONDS = 1.0


class Doubt(msgspec.Struct, frozen=True):
    """An object that may be gone: the uid and version it was last known by, its deployment and the generation of it."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    deployment_id: str | None = None
    generation: int | None = None


class Doubts:
    """Objects to be looked up. One entry an object, so a storm of deletions is bounded by what exists."""

    def __init__(self, cluster: Cluster, pending: Pending) -> None:
        """Nothing is in doubt yet."""
        self._cluster = cluster
        self._pending = pending
        self._open: dict[ObjectKey, Doubt] = {}
        self._news = asyncio.Event()

    def left(self, live: Live) -> None:
        """An object left the selection. If it was being deleted there is no doubt."""
        last = observe.gone(live)
        if live.deletion_timestamp is not None:
            self._pending.gone(last)
            return
        version = live.resource_version
        self.add(Doubt(live.kind, live.namespace, live.name, live.uid, version, last.deployment_id, last.generation))

    def add(self, doubt: Doubt) -> None:
        """Look this one up soon."""
        self._open[doubt.kind, doubt.namespace, doubt.name] = doubt
        self._news.set()

    async def settle(self) -> None:
        """Look up what is in doubt, for ever. What cannot be looked up now stays in doubt."""
        while True:
            await self._news.wait()
            self._news.clear()
            batch = [self._open.pop(key) for key in list(self._open)[:AT_ONCE]]
            if self._open:
                self._news.set()
            async with asyncio.TaskGroup() as group:
                looked = [group.create_task(self._look(doubt)) for doubt in batch]
            if not all(task.result() for task in looked):
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(self, doubt: Doubt) -> bool:
        """True if it is known now whether the object exists."""
        try:
            live = await self._cluster.get(doubt.kind, doubt.namespace, doubt.name)
        except KubeError as error:
            log.warning(
                "lookup failed",
                deployment_id=doubt.deployment_id,
                generation=doubt.generation,
                kind=doubt.kind,
                name=doubt.name,
                error=str(error),
            )
            self._open.setdefault((doubt.kind, doubt.namespace, doubt.name), doubt)
            self._news.set()
            return False
        if live is not None:
            self._pending.seen(live, asked_for=True)
            return True
        api_version = kind_named(doubt.kind).api_version
        identity = (api_version, doubt.kind, doubt.namespace, doubt.name, doubt.uid)
        self._pending.gone(observe.vanished(*identity, doubt.resource_version, doubt.deployment_id, doubt.generation))
        return True
