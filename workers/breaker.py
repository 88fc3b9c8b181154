"""Holds a worker's claims back while its cluster does not answer, and finds out when it does again.

Open from the start: a worker that has not reached its cluster claims nothing, so deployments wait in the queue
with a reason instead of failing one by one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from kube.errors import KubeError

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
        """Probe while open, and report what the probes find. `probe` raises with the reason; runs until cancelled.

        Only a failed probe is reported: one broken connection is no outage, and another worker may be well.
        """
        while True:
            await self._tripped.wait()
            wait_seconds = FIRST_PROBE_SECONDS
            while (reason := await _reason(probe)) is not None:
                if reason != self.reason:
                    log.warning("cluster unreachable", reason=reason)
                self.reason = reason
                await report(False, reason)
                await asyncio.sleep(wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
                wait_seconds = min(wait_seconds * 2, LONGEST_PROBE_SECONDS)
            self._tripped.clear()
            self._closed.set()
            log.info("cluster reachable")
            await report(True, None)


async def _reason(probe: Callable[[], Awaitable[None]]) -> str | None:
    try:
        await probe()
    except KubeError as error:
        return error.message
    return None
