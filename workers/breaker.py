"""Holds a worker's claims back while its cluster does not answer, and finds out when it does again.

Open from the start: a worker that has not reached its cluster claims nothing, so deployments wait in the queue
with a reason instead of failing one by one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

FIRST_PROBE_SECONDS = 0.25
LONGEST_PROBE_SECONDS = 3.0


class Breaker:
    """`open` means: the cluster is away, start nothing."""

    def __init__(self) -> None:
        """Begin open."""
        self.reason = "connecting to the cluster"
        self._closed = asyncio.Event()
        self._tripped = asyncio.Event()
        self._tripped.set()

    @property
    def open(self) -> bool:
        """Whether the cluster is held to be away."""
        return not self._closed.is_set()

    def trip(self, reason: str) -> None:
        """A request could not reach the cluster."""
        if not self.open:
            log.warning("cluster unreachable", reason=reason)
        self.reason = reason
        self._closed.clear()
        self._tripped.set()

    async def closed(self) -> None:
        """Wait until the cluster answers."""
        await self._closed.wait()

    async def watch(
        self, probe: Callable[[], Awaitable[None]], report: Callable[[bool, str | None], Awaitable[None]]
    ) -> None:
        """Probe while open, and report each change. `probe` raises with the reason; runs until cancelled."""
        while True:
            await self._tripped.wait()
            await report(False, self.reason)
            await self._probe_until_answered(probe, report)
            self._tripped.clear()
            self._closed.set()
            log.info("cluster reachable")
            await report(True, None)

    async def _probe_until_answered(
        self, probe: Callable[[], Awaitable[None]], report: Callable[[bool, str | None], Awaitable[None]]
    ) -> None:
        wait_seconds = FIRST_PROBE_SECONDS
        while True:
            try:
                await probe()
            except Exception as error:
                if str(error) != self.reason:
                    self.reason = str(error)
                    await report(False, self.reason)
            else:
                return
            await asyncio.sleep(wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            wait_seconds = min(wait_seconds * 2, LONGEST_PROBE_SECONDS)
