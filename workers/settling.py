"""Settles runs as they end: one alone at once, several that end together by one statement.

Starting a transaction costs Postgres and this process more than many a settlement does, and under load they end faster
than one after another can be written.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from db import queue
from db.connection import Pool, borrow
from db.errors import DatabaseError
from db.queue import Settlement

log = structlog.get_logger()

MOST_AT_ONCE = 16
Answer = Literal["settled", "lost"]


class _Ending:
    """A settlement that waits for its turn, and what became of it."""

    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement
        self.answer: Answer | None = None


class Settler:
    """All settlements of this process go through here."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is under way."""
        self._pool = pool
        self._alone = 0
        self._turn = asyncio.Lock()
        self._waiting: list[_Ending] = []

    async def settle(self, settlement: Settlement) -> Answer:
        """End one reconciliation. Raises DatabaseError; then nothing was written, or the answer was lost."""
        answer = await self._together(settlement) if self._alone or self._turn.locked() else None
        return answer or await self._by_itself(settlement)

    async def _by_itself(self, settlement: Settlement) -> Answer:
        """Wait for whoever holds the deployment. Nobody waits for us meanwhile."""
        self._alone += 1
        try:
            async with borrow(self._pool) as session:
                return await queue.settle(session, settlement)
        finally:
            self._alone -= 1

    async def _together(self, settlement: Settlement) -> Answer | None:
        """Wait for a turn, and take with it all that wait for theirs. None where it has to be settled by itself."""
        ending = _Ending(settlement)
        self._waiting.append(ending)
        try:
            async with self._turn:
                if ending in self._waiting:
                    await self._settle_waiting()
                return ending.answer
        finally:
            if ending in self._waiting:
                self._waiting.remove(ending)

    async def _settle_waiting(self) -> None:
        """One statement for those who wait. If it fails, each finds out by itself whether that was its own fault."""
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        try:
            async with borrow(self._pool) as session:
                answers = await queue.settle_all(session, [ending.settlement for ending in batch])
        except DatabaseError as error:
            log.info("settled one by one", settlements=len(batch), error=str(error))
            return
        for ending in batch:
            ending.answer = answers.get(ending.settlement.deployment_id)
