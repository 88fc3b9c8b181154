"""A worker in slow motion: its own code, taken step by step by a test that does something in between."""

from collections.abc import Callable

from db import queue
from db.connection import Session
from db.queue import InventoryItem, Settlement, Wish
from kube.cluster import Cluster
from kube.generated import ensure_seed
from tests.intent import Intent
from tests.waiting import eventually
from workers.reconcile import Run, reconcile

LEASE_SECONDS = 30


class Steps:
    """Claim, reconcile, settle: as workers.main does, without its clock."""

    def __init__(self, session: Session, cluster: Cluster) -> None:
        self.session = session
        self.cluster = cluster

    async def claim(self, deployment: str) -> Wish:
        """Take this deployment, the only one that is due."""
        await queue.promote(self.session, "default")
        wishes = await queue.claim(self.session, "default", "steps", 10, LEASE_SECONDS)
        assert [wish.deployment_id for wish in wishes] == [deployment]
        return wishes[0]

    async def reconcile(self, wish: Wish, may_write: Callable[[], None] = lambda: None) -> Settlement:
        """Do the work of one claim. `may_write` raises LeaseLost once the lease is over."""
        return await reconcile(self.run_of(wish, may_write))

    def run_of(self, wish: Wish, may_write: Callable[[], None]) -> Run:
        async def read_seed() -> bytes:
            return await ensure_seed(self.cluster, "server-orchestrator")

        async def read_fields(item: InventoryItem) -> dict[str, object] | None:
            return await queue.applied_fields(self.session, wish.deployment_id, item)

        async def give_way(item: InventoryItem, found: list[dict[str, object]]) -> InventoryItem:
            return await queue.withhold_found(self.session, wish.deployment_id, item, found)

        return Run(wish, self.cluster, read_seed, read_fields, give_way, may_write)

    async def settle(self, settlement: Settlement) -> str:
        """Write how it ended."""
        return await queue.settle(self.session, settlement)

    async def once(self, deployment: str) -> Settlement:
        """A whole turn."""
        settlement = await self.reconcile(await self.claim(deployment))
        assert await self.settle(settlement) == "settled"
        return settlement

    async def until(self, deployment: str, intent: Intent, status: str) -> None:
        """Turn after turn, without the pauses in between, until the deployment says so."""

        async def turn() -> bool:
            if intent.status(deployment) == status:
                return True
            intent.superuser.execute("UPDATE orchestrator.reconcile_slots SET due_at = now() WHERE due_at IS NOT NULL")
            await self.once(deployment)
            return intent.status(deployment) == status

        await eventually(turn, 30, intent.story)
