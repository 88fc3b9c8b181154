"""The API's way to Postgres: transactions in the name of whoever asks, on sessions that answer.

The session's own login may do nothing. Each transaction begins by entering with a credential (orchestrator.enter),
which takes on that person's role, namespaces and name; a handler that forgot to would read and write nothing at all.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from structlog.contextvars import bind_contextvars

from db.access import Credential
from db.connection import Pool, Session, hung_up_after, open_pool, translated
from db.errors import Unavailable

# A person waits for these; what takes longer is better refused than piled up.
SESSION_WAIT_SECONDS = 2.0
TRANSACTION_SECONDS = 15.0
MOST_WAITING = 200

# What is asked for here are pages and single rows: an index finds them, however many there were when Postgres planned,
# and compiling a plan would cost more than any of them.
PLANNING = "-c enable_seqscan=off -c jit=off"

_PREPARE = "SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '3s', true)"
_ENTER = _PREPARE + ", e.user_name FROM orchestrator.enter(%s, %s, %s) e"


@asynccontextmanager
async def open_sessions(url: str, size: int) -> AsyncGenerator[Pool]:
    """The sessions that transactions take place on, up to `size` at once."""
    async with open_pool(url, name="api", size=size, options=PLANNING) as pool:
        yield pool


class Database:
    """Transactions with a credential, or with none: those may only use the doors for signing in, and ask for health.

    `has_entered`: the credential was found good at least once.
    """

    def __init__(self, pool: Pool, credential: Credential | None = None, client: str = "") -> None:
        self._pool = pool
        self._credential = credential
        self._client = client
        self.has_entered = False

    def entered_with(self, credential: Credential | None, client: str = "") -> Database:
        """The same sessions, in the name of whose credential this is; `client` is the address where they are."""
        return Database(self._pool, credential, client)

    @property
    def anonymous(self) -> Database:
        """The same sessions, in nobody's name."""
        return Database(self._pool)

    @asynccontextmanager
    async def transaction(self, *, rollback: bool = False) -> AsyncGenerator[Session]:
        """One transaction, undone at its end for `rollback`. Raises Refused (401 too), Unavailable, Contended."""
        if self._pool.get_stats()["requests_waiting"] >= MOST_WAITING:
            raise Unavailable("too many requests wait for the database")
        with translated():
            # Postgres ends a slow statement by itself; this is for a session that has stopped answering at all.
            async with self._living_session() as session:
                with hung_up_after(session, TRANSACTION_SECONDS):
                    async with session.transaction(force_rollback=rollback):
                        await self._prepare(session)
                        yield session

    async def _prepare(self, session: Session) -> None:
        if self._credential is None:
            await session.execute(_PREPARE)
        else:
            cursor = await session.execute(_ENTER, (self._credential.kind, self._credential.secret, self._client))
            row = await cursor.fetchone()
            self.has_entered = True
            bind_contextvars(user=None if row is None else row[2])  # for the log

    @asynccontextmanager
    async def _living_session(self) -> AsyncGenerator[Session]:
        """A session that has just answered.

        After a restart of Postgres the pool still holds dead ones, and would hand out each once. There are at most as
        many as the pool is large.
        """
        deadline = time.monotonic() + SESSION_WAIT_SECONDS
        for _ in range(self._pool.max_size + 1):
            left = max(0.05, deadline - time.monotonic())
            async with self._pool.connection(timeout=left) as session:
                if await _answers(session, left):
                    yield session
                    return
        raise Unavailable("no session answers")


async def _answers(session: Session, timeout_seconds: float) -> bool:
    try:
        with hung_up_after(session, timeout_seconds):
            await session.execute("")
    except psycopg.OperationalError:
        return False
    return True
