"""Who asks, where a proxy stands between: it tells in X-Forwarded-For, and is believed only if it is named as trusted.

A proxy that nobody named makes all of its clients one address: in revisions and sessions, and for everything that is
limited by address. That is safe, and nearly always a mistake, so it is said once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

log = structlog.get_logger()
_HEADER = b"x-forwarded-for"


class Forwarded:
    """An ASGI application around another, as the outermost: it sees the peer itself."""

    def __init__(self, inner: ASGIApp, trusted: Sequence[str]) -> None:
        self._believing = ProxyHeadersMiddleware(cast("Any", inner), list(trusted))
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not self._told:
            self._look(cast("dict[str, Any]", scope))
        await self._believing(cast("Any", scope), cast("Any", receive), cast("Any", send))

    def _look(self, scope: dict[str, Any]) -> None:
        peer = str((scope.get("client") or ("",))[0])
        if peer not in self._believing.trusted_hosts and any(name == _HEADER for name, _ in scope.get("headers", ())):
            self._told = True
            log.warning(
                "X-Forwarded-For is not believed: all who come by this peer count as one address",
                peer=peer,
                hint="If it is your proxy, name it in ORCHESTRATOR_TRUSTED_PROXIES.",
            )
