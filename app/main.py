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
from litestar.config.csrf import CSRFConfig
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api import build
from app.forwarded import Forwarded
from app.gathering import Gathering
from app.page.page import signed_forms
from app.settings import ApiSettings
from app.streams import Streams
from app.wakes import Wakes
from db.access import read_form_secret
from db.database import Database, open_sessions
from db.errors import DatabaseError

log = structlog.get_logger()

FINISH_SECONDS = 10
LARGEST_BACKLOG = 512
# Postgres is given so long to tell what all processes share before requests are answered without.
SHARE_SECONDS = 2.0


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
        self.transport = Gathering(transport)


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
    wakes = Wakes(settings.database.url, settings.look_seconds)
    # Streams never take all sessions: requests come first.
    streams = Streams(wakes, readers=settings.sessions // 2)
    async with open_sessions(settings.database.url, settings.sessions) as pool:
        database, forms = Database(pool), signed_forms()
        sharing = asyncio.create_task(share_secret(database, forms))
        await asyncio.wait([sharing], timeout=SHARE_SECONDS)
        server = Server(
            uvicorn.Config(
                Forwarded(build(database, streams, forms, settings.rate, settings.oidc), settings.trusted_proxies),
                http=Connection,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
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
            sharing.cancel()
            await asyncio.gather(listening, sharing, return_exceptions=True)
            log.info("stopped")


async def share_secret(database: Database, forms: CSRFConfig) -> None:
    """Sign forms as every API process of this database does, as soon as Postgres tells how."""
    while True:
        with contextlib.suppress(DatabaseError):
            async with database.transaction() as session:
                forms.secret = await read_form_secret(session)
                return
        await asyncio.sleep(SHARE_SECONDS)
