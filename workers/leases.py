"""The leases this worker holds, and the moment each runs out by its own clock.

Fencing in Postgres keeps a late settle out; it does not stop a late HTTP request. So every write to a cluster
asks here first, and the work itself is cancelled before its lease ends.
"""

from __future__ import annotations

import asyncio
import time

from db.queue import Wish

# Stop this long before another worker may begin.
MARGIN_SECONDS = 3.0


class LeaseLost(Exception):
    """The lease on a deployment is no longer ours, or can no longer be proved to be: write nothing more."""


class Lease:
    """One deployment in work."""

    def __init__(self, wish: Wish, deadline: float) -> None:
        """`deadline` is of time.monotonic()."""
        self.wish = wish
        self.deadline = deadline
        self.task: asyncio.Task[None] | None = None
        self.lost = False

    def expired(self) -> bool:
        """Whether work must have stopped by now."""
        return self.lost or time.monotonic() >= self.deadline


class Leases:
    """All leases of this process, by deployment."""

    def __init__(self, lease_seconds: int) -> None:
        """Seconds as claimed with."""
        self.lease_seconds = lease_seconds
        self.database_answers = True
        self._held: dict[str, Lease] = {}

    def __len__(self) -> int:
        """How many deployments are in work."""
        return len(self._held)

    def take(self, wish: Wish, started: float) -> Lease:
        """Note a claimed deployment; `started` was taken before the claim was sent."""
        lease = Lease(wish, started + self.lease_seconds - MARGIN_SECONDS)
        self._held[wish.deployment_id] = lease
        return lease

    def end(self, lease: Lease) -> None:
        """Forget a lease that was settled or lost."""
        if self._held.get(lease.wish.deployment_id) is lease:
            del self._held[lease.wish.deployment_id]

    def held(self) -> list[Lease]:
        """The leases in work."""
        return list(self._held.values())

    def renewed(self, asked: list[Lease], kept: set[str], started: float) -> None:
        """Put the answer of a heartbeat into effect; leases not kept are cancelled at once."""
        for lease in asked:
            if lease.wish.deployment_id in kept:
                lease.deadline = started + self.lease_seconds - MARGIN_SECONDS
            else:
                self._lose(lease)

    def drop_expired(self) -> None:
        """Cancel work whose lease has run out unrenewed."""
        for lease in self.held():
            if lease.expired():
                self._lose(lease)

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost unless a write may be started now."""
        if lease.expired() or not self.database_answers:
            raise LeaseLost

    def _lose(self, lease: Lease) -> None:
        lease.lost = True
        if lease.task is not None:
            lease.task.cancel()
