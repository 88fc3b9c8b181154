"""The API process: listens, serves until cancelled, then lets running requests finish.

Postgres need not be there: requests are answered with 503 until it is, and the pool finds it by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api import build
from app.settings import ApiSettings
from app.streams import Streams
from app.wakes import Wakes
from db.database import Database, open_sessions

log = structlog.get_logger()

FINISH_SECONDS = 10
LARGEST_BACKLOG = 512


class Server(uvicorn.Server):
    """uvicorn, told to stop by cancellation: signals are for whoever started us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


class Connection(H11Protocol):
    """One client's connection. Streams are handed its transport, to let go of a client that does not read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


async def run(settings: ApiSettings) -> None:
    """Serve until cancelled."""
    with contextlib.closing(listen(settings)) as listener:
        await serve(settings, listener)


def listen(settings: ApiSettings) -> socket.socket:
    """Take the address first, so that one already in use is said at once and plainly."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=LARGEST_BACKLOG)
    except OSError as error:
        raise SystemExit(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    # What it accepts inherits this. asyncio sets it only where a socket names its protocol, which these do not; without
    # it the body of an answer waits for the receipt of its headers: 40 ms on a connection that is kept.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(settings: ApiSettings, listener: socket.socket) -> None:
    """Serve on a socket that listens, until cancelled."""
    wakes = Wakes(settings.database.url)
    # Streams never take all sessions: requests come first.
    streams = Streams(wakes, readers=settings.sessions // 2)
    async with open_sessions(settings.database.url, settings.sessions) as pool:
        server = Server(
            uvicorn.Config(
                build(Database(pool), streams, settings.database.url, settings.rate, settings.oidc),
                http=Connection,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=FINISH_SECONDS,
            )
        )
        listening = asyncio.create_task(wakes.listen())
        serving = asyncio.create_task(server.serve([listener]))
        log.info("listening", host=settings.host, port=listener.getsockname()[1])
        try:
            await asyncio.shield(serving)
        finally:
            streams.stop()
            server.should_exit = True
            await serving
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            log.info("stopped")
