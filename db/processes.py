"""Which workers and watchers there are: they tell it themselves now and then, people read it.

What a worker is doing is not told again here; it is read from the queue and from what each claim writes anyway.
"""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row, dict_row

from db.connection import Session, translated

# At most; see db/routines/queue/report_process.sql for when one is held to be gone.
REPORT_SECONDS = 15.0


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment in work, and since when."""

    id: UUID
    namespace: str
    name: str
    since: datetime


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that was seen within the last minute. `busy` holds what the reader may see."""

    cluster: str
    worker: str
    started_at: datetime
    last_seen_at: datetime
    busy: list[Work]


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """A watcher that was seen within the last minute; those that are not `active` stand by."""

    cluster: str
    watcher: str
    active: bool
    started_at: datetime
    last_seen_at: datetime


class Presence:
    """What one process tells of itself. It is held to be gone when it has not for a minute."""

    def __init__(self, cluster: str, kind: Literal["worker", "watcher"], name: str) -> None:
        """Its age counts from here."""
        self._itself = (cluster, kind, name)
        self._began = time.monotonic()
        self._active: bool | None = None
        self._next = 0.0

    async def tell(self, session: Session, *, active: bool = True) -> None:
        """Say that it is there, if it has not lately; call it as often as you like. Raises DatabaseError."""
        now = time.monotonic()
        if active == self._active and now < self._next:
            return
        with translated():
            await session.execute(
                "SELECT orchestrator.report_process(%s, %s, %s, %s, %s)", (*self._itself, now - self._began, active)
            )
        self._active = active
        self._next = now + REPORT_SECONDS * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, not a secret

    async def end(self, session: Session) -> None:
        """Say that it stops. Raises DatabaseError."""
        with translated():
            await session.execute("SELECT orchestrator.end_process(%s, %s, %s)", self._itself)


async def list_workers(session: Session) -> list[Worker]:
    """All of them, by cluster and name."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.workers ORDER BY cluster, worker")
        return msgspec.convert(await cursor.fetchall(), list[Worker])


async def list_watchers(session: Session) -> list[Watcher]:
    """All of them, by cluster, the active one first."""
    async with session.cursor(row_factory=class_row(Watcher)) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.watchers ORDER BY cluster, active DESC, watcher")
        return await cursor.fetchall()
