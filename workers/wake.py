"""Wakes a worker: LISTEN to be quick, polling to be correct.

A nudge can be lost when two commits race, so a woken worker looks again after 20, 60 and 150 ms. Without LISTEN (a
pooler between, a connection that broke) everything still works by polling.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

import structlog

from db.connection import Session, connect, hung_up_after
from db.errors import DatabaseError
from db.queue import find_cluster, listen, notified, ping

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = (0.02, 0.06, 0.15)
PING_SECONDS = 5.0
RECONNECT_SECONDS = 1.0


class UnknownCluster(DatabaseError):
    """No row of that name in clusters."""


class Wake:
    """`next()` returns when it is time to claim."""

    def __init__(self, url: str, cluster: str, poll_seconds: float) -> None:
        """Nothing is opened until `listen`."""
        self._url = url
        self._cluster = cluster
        self._poll_seconds = poll_seconds
        self._nudged = asyncio.Event()
        self._looks: list[float] = []
        self._due_seconds: float | None = None

    def nudge(self) -> None:
        """Somebody committed work."""
        self._looks = list(LOOK_AGAIN_SECONDS)
        self._nudged.set()

    def due(self, seconds: float | None) -> None:
        """When the next waiting deployment is due, as a claim was told."""
        self._due_seconds = seconds

    def rest(self) -> None:
        """Postgres is away: do not look again before the next poll."""
        self._looks = []
        self._due_seconds = None

    async def next(self, *, busy: bool) -> None:
        """Wait for a nudge, the next look after one, the next due deployment or the poll, whichever is first."""
        wait_seconds = self._poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
        if self._looks:
            wait_seconds = self._looks.pop(0)
        elif self._due_seconds is not None and not busy:
            wait_seconds = min(wait_seconds, self._due_seconds + 0.005)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self._nudged.wait()
        self._nudged.clear()

    async def listen(self, database_answers: Callable[[bool], None]) -> None:
        """Hold one LISTEN connection, for as long as the worker lives. A new connection claims at once.

        That this connection ended does not tell that Postgres did: only when no new one can be had does it not answer.
        """
        while True:
            try:
                session = await connect(self._url, name="worker listen")
            except (DatabaseError, TimeoutError, OSError) as error:
                database_answers(False)
                log.warning("postgres does not answer", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311
                continue
            began = time.monotonic()
            try:
                async with session:
                    await self._subscribe(session)
                    database_answers(True)
                    self.nudge()
                    await self._hear(session)
            except (DatabaseError, TimeoutError, OSError) as error:
                log.warning("listen connection lost", error=str(error))
            # One that served may be replaced at once; one that was refused its work may not.
            if time.monotonic() - began < RECONNECT_SECONDS:
                await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311

    async def _hear(self, session: Session) -> None:
        """Pass on nudges until the connection is lost."""
        while True:
            if await notified(session, PING_SECONDS):
                self.nudge()
            else:
                # One that is half open answers nothing, not even that it is given up.
                with hung_up_after(session, PING_SECONDS):
                    await ping(session)

    async def _subscribe(self, session: Session) -> None:
        number = await find_cluster(session, self._cluster)
        if number is None:
            raise UnknownCluster(f"there is no cluster {self._cluster!r} in Postgres; insert it into clusters")
        await listen(session, number)
