"""Opens sessions and pools on Postgres: timeouts that end a half-open one, JSON by msgspec, errors of ours."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import msgspec
import psycopg
from psycopg.adapt import Dumper, PyFormat
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg.types.numeric import IntBinaryDumper
from psycopg_pool import AsyncConnectionPool

from db.errors import translate

Session = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Session]

# A peer that vanished is noticed within about ten seconds, and a forgotten transaction does not hold rows for ever.
SESSION_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c search_path=pg_catalog,orchestrator -c idle_in_transaction_session_timeout=60s -c lock_timeout=10s",
}

LARGEST_INTEGER = 2**63 - 1


class IntegerDumper(IntBinaryDumper):
    """Whole numbers as Postgres's integers, and no others.

    psycopg would send larger ones as numeric, for which no column and no function of ours is: a fault, while the number
    is only one that somebody typed.
    """

    def upgrade(self, obj: int, format: PyFormat) -> Dumper:  # noqa: A002 - its name in psycopg
        """Raises psycopg.DataError, which is Refused (422)."""
        if not -LARGEST_INTEGER <= obj <= LARGEST_INTEGER:
            raise psycopg.DataError(f"this number is beyond the largest there can be, {LARGEST_INTEGER}")
        return super().upgrade(obj, format)


set_json_loads(msgspec.json.decode)
set_json_dumps(msgspec.json.encode)
psycopg.adapters.register_dumper(int, IntegerDumper)


def json_text(value: object) -> str:
    """A value as JSON, for a routine that takes jsonb."""
    return msgspec.json.encode(value).decode()


@contextmanager
def translated() -> Generator[None]:
    """Raise psycopg's errors as ours; see db.errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


def session_options(url: str) -> dict[str, Any]:
    """Ours, after the options that the URL has itself: it may name the role to narrow the session to."""
    with translated():
        given = conninfo_to_dict(url).get("options") or ""
    return {**SESSION_OPTIONS, "options": f"{given} {SESSION_OPTIONS['options']}".strip()}


async def connect(url: str, *, name: str) -> Session:
    """One session in autocommit. Raises Unavailable."""
    with translated():
        return await psycopg.AsyncConnection.connect(
            url, autocommit=True, application_name=name, **session_options(url)
        )


@asynccontextmanager
async def open_pool(url: str, *, name: str, size: int, options: str = "") -> AsyncGenerator[Pool]:
    """A pool of up to `size` sessions in autocommit, which reconnects by itself for as long as it takes.

    `options` are further settings of theirs, as "-c name=value".
    """
    settings = session_options(url)
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=10,
        reconnect_timeout=5,
        kwargs={
            "autocommit": True,
            "application_name": name,
            **settings,
            "options": f"{settings['options']} {options}".strip(),
        },
    )
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=2)


@asynccontextmanager
async def borrow(pool: Pool) -> AsyncGenerator[Session]:
    """A session of the pool. Raises Unavailable when none can be had in time."""
    with translated():
        async with pool.connection() as session:
            yield session


@contextmanager
def hung_up_after(session: Session, seconds: float) -> Generator[None]:
    """End the session's connection if the block takes longer; what waits for it then fails at once.

    Cancelling would not do: psycopg asks the server to cancel and waits for its answer, which never comes from a
    server that is frozen.
    """
    alarm = asyncio.get_running_loop().call_later(seconds, _hang_up, session)
    try:
        yield
    finally:
        alarm.cancel()


def _hang_up(session: Session) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(session.fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)
