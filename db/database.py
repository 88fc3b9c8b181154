"""The API's way to Postgres: transactions in the name of whoever asks, on sessions that answer.

The session's own login may do nothing. Each transaction begins by entering with a credential (orchestrator.enter),
which takes on that person's role, namespaces and name; a handler that forgot to would read and write nothing at all.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg import sql
from structlog.contextvars import bind_contextvars

from db.access import Credential, Identity
from db.connection import Pool, Session, hung_up_after, open_pool, translated
from db.errors import Unavailable

# A person waits for these; what takes longer is better refused than piled up.
SESSION_WAIT_SECONDS = 2.0
TRANSACTION_SECONDS = 15.0
MOST_WAITING = 200

# What is asked for here are pages and single rows: an index finds them, however many there were when Postgres planned,
# and compiling a plan would cost more than any of them.
PLANNING = "-c enable_seqscan=off -c jit=off"

_BEGIN = "BEGIN; SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '3s', true)"
# Sent as one text, so that all of it costs one round trip.
_ENTER = sql.SQL(_BEGIN + "; SELECT e.user_name, e.role, e.namespaces FROM orchestrator.enter({}, {}, {}) e")  # noqa: S608 - literals


@asynccontextmanager
async def open_sessions(url: str, size: int) -> AsyncGenerator[Pool]:
    """The sessions that transactions take place on, up to `size` at once."""
    async with open_pool(url, name="api", size=size, options=PLANNING) as pool:
        yield pool


class Database:
    """Transactions with a credential, or with none: those may only use the doors for signing in, and ask for health.

    `identity` is whose credential it is, once it was found good.
    """

    def __init__(self, pool: Pool, credential: Credential | None = None, client: str = "") -> None:
        self._pool = pool
        self._credential = credential
        self._client = client
        self.identity: Identity | None = None

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
            async with self._begun() as session:
                with hung_up_after(session, TRANSACTION_SECONDS):
                    try:
                        yield session
                    except BaseException:
                        await _undo(session)
                        raise
                    await session.execute("ROLLBACK" if rollback else "COMMIT")

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[Session]:
        """A session in a transaction, in the name of whose credential this is.

        After a restart of Postgres the pool still holds dead ones, and would hand out each once. There are at most as
        many as the pool is large.
        """
        deadline = time.monotonic() + SESSION_WAIT_SECONDS
        for _ in range(self._pool.max_size + 1):
            left = max(0.05, deadline - time.monotonic())
            async with self._pool.connection(timeout=left) as session:
                if await self._begin(session, left):
                    yield session
                    return
        raise Unavailable("no session answers")

    async def _begin(self, session: Session, timeout_seconds: float) -> bool:
        """Whether the session lives. Raises what Postgres has against the credential."""
        try:
            with hung_up_after(session, timeout_seconds):
                if self._credential is None:
                    await session.execute(_BEGIN, prepare=False)
                else:
                    self.identity = await self._enter(session, self._credential)
                    bind_contextvars(user=self.identity.user)  # for the log
        except psycopg.OperationalError:
            if session.closed:
                return False
            await _undo(session)
            raise
        except psycopg.Error:
            await _undo(session)
            raise
        return True

    async def _enter(self, session: Session, credential: Credential) -> Identity:
        values = (sql.Literal(value) for value in (credential.kind, credential.secret, self._client))
        cursor = await session.execute(_ENTER.format(*values), prepare=False)
        while cursor.nextset():
            pass
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a SELECT of one function
        return Identity(row[0], row[1], row[2])


async def _undo(session: Session) -> None:
    with suppress(psycopg.Error):
        await session.execute("ROLLBACK")
