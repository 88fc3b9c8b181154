"""The outermost layer: every request passes here first, also those that no route answers.

It lets in who has the token (all but the two health routes need it: whatever is added later is closed by default) and
writes one line for each request.
"""

from __future__ import annotations

import hmac
import time
from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from app.metrics import HTTP_REQUESTS
from app.problems import MEDIA_TYPE, Problem

log = structlog.get_logger()

OPEN = frozenset({"/healthz", "/readyz"})


_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})


class Gate:
    """An ASGI application around another."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # there are no websockets here; to return without accepting refuses one
        started = time.perf_counter()
        method, path, status = str(scope["method"]), scope["path"], 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        clear_contextvars()
        try:
            if path in OPEN or path.startswith("/assets/") or self._has_token(scope):
                await self._inner(scope, receive, noting)
            else:
                await _refuse(noting)
        finally:
            seconds = time.perf_counter() - started
            _count(scope, method, status, seconds)
            # Handlers bind deployment_id and generation to the context; they are still bound here.
            log.info("request", method=method, path=path, status=status, milliseconds=round(seconds * 1000, 1))

    def _has_token(self, scope: HTTPScope) -> bool:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(values) != 1:
            return False
        scheme, _, token = values[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Labels of a bounded number, whatever is asked for."""
    route = str(cast("dict[str, Any]", scope).get("path_template", "other"))
    HTTP_REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).observe(seconds)


async def _refuse(send: Send) -> None:
    problem = Problem.of(
        HTTPStatus.UNAUTHORIZED,
        "this needs the API's bearer token",
        path="Authorization",
        hint='Send "Authorization: Bearer TOKEN"; ./just env prints it as ORCHESTRATOR_TOKEN.',
    )
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b'Bearer realm="server-orchestrator"'),
        (b"connection", b"close"),  # what it was sending is not read
    ]
    await send({"type": "http.response.start", "status": int(problem.status), "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
