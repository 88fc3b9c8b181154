"""The outermost layer: every request passes here first, also those that no route answers.

It notes which credential a request shows: below /api and for metrics an API token and nothing else, on the page the
session's cookie and nothing else. Who shows none goes no further, but to the few open paths; what is added later is
closed by default. Whether a credential is good Postgres decides, at the start of each transaction (see db.database);
app.proof sees to it that nothing is answered before.
It also writes one line for each request.
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal, cast
from urllib.parse import quote, urlsplit

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import clear_contextvars

from app.metrics import HTTP_REQUESTS
from app.problems import WWW_AUTHENTICATE, Problem, send_problem
from db.access import Credential

log = structlog.get_logger()

OPEN = frozenset(
    {"/healthz", "/readyz", "/sign-in", "/sign-in/oidc", "/sign-in/oidc/back", "/api/openapi.json", "/api/docs"}
)
OPEN_BELOW = ("/assets/", "/welcome/")
# Over https under a name that no neighbour under the same domain can set (RFC 6265bis, 4.1.3.2). Browsers take no such
# name over http, which they otherwise treat alike on the machine itself.
SESSION_COOKIE, SECURE_SESSION_COOKIE = "session", "__Host-session"

_TOKEN = re.compile(r"so_[0-9]{1,18}_[0-9a-f]{64}", re.ASCII)
_SESSION = re.compile(r"[0-9]{1,18}_[0-9a-f]{64}", re.ASCII)
# Segments that a router might read in another way than this gate does.
_DOUBTFUL = re.compile(r"//|/\.{1,2}(/|$)|\\")
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})

Place = Literal["open", "api", "page"]


def place_of(path: str) -> Place:
    """What a path asks for: nothing, an API token, or a session."""
    if _DOUBTFUL.search(path):
        return "api"
    if path in OPEN or path.startswith(OPEN_BELOW):
        return "open"
    return "api" if path in {"/api", "/metrics"} or path.startswith("/api/") else "page"


class Gate:
    """An ASGI application around another. It leaves the Credential, or None, in the scope as "credential"."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # there are no websockets here; to return without accepting refuses one
        started = time.perf_counter()
        method, path, status = str(scope["method"]), scope["path"], 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        clear_contextvars()
        try:
            await self._answer(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            _count(scope, method, status, seconds)
            # Handlers bind deployment_id and generation to the context; they are still bound here.
            log.info("request", method=method, path=_told(path), status=status, milliseconds=round(seconds * 1000, 1))

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        place = place_of(scope["path"])
        credential = {"open": _none, "api": bearer_token, "page": session_cookie}[place](scope)
        cast("dict[str, Any]", scope)["credential"] = credential
        if place == "page":
            send = _Redirecting(scope, send)
        if place == "open" or credential is not None:
            await self._inner(scope, receive, send)
        else:
            await _refuse(send)


def _none(_scope: HTTPScope) -> None:
    return None


def bearer_token(scope: HTTPScope) -> Credential | None:
    """The one API token that a request shows, if it has the form of one."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token.strip()):
        return None
    return Credential("token", token.strip())


def session_cookie(scope: HTTPScope) -> Credential | None:
    """The session that a request shows, if it has the form of one."""
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return None
    found = cookies.get(session_name(str(cast("dict[str, Any]", scope).get("scheme"))))
    return Credential("session", found.value) if found is not None and _SESSION.fullmatch(found.value) else None


def session_name(scheme: str) -> str:
    """What the cookie of a session is called."""
    return SECURE_SESSION_COOKIE if scheme == "https" else SESSION_COOKIE


def _told(path: str) -> str:
    """The path for the log: the secret of a one-time link is a credential."""
    return "/welcome/…" if path.startswith("/welcome/") else path


def _count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Labels of a bounded number, whatever is asked for."""
    route = str(cast("dict[str, Any]", scope).get("path_template", "other"))
    HTTP_REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).observe(seconds)


async def _refuse(send: Send) -> None:
    problem = Problem.of(
        HTTPStatus.UNAUTHORIZED,
        "this needs an API token",
        path="Authorization",
        hint='Send "Authorization: Bearer so_…"; ./just env prints one as ORCHESTRATOR_TOKEN.',
    )
    await send_problem(send, problem, {"WWW-Authenticate": WWW_AUTHENTICATE})


# ---------------------------------------------------------------- the way to the sign-in


class _Redirecting:
    """Sends a browser to the sign-in wherever a page would answer 401, and back again afterwards.

    A script is told instead: htmx by a header of its own, an event stream by the 401.
    """

    def __init__(self, scope: HTTPScope, send: Send) -> None:
        self._send = send
        self._headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        self._back = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        if scope["method"] not in {"GET", "HEAD"}:
            self._back = "/"
        self._taken_over = False

    async def __call__(self, message: Message) -> None:
        """Pass a message on, or answer in its place."""
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
            self._taken_over = "text/event-stream" not in self._headers.get(b"accept", "")
            if self._taken_over:
                await self._redirect()
        if not self._taken_over:
            await self._send(message)

    async def _redirect(self) -> None:
        status, name, back = HTTPStatus.SEE_OTHER, b"location", self._back
        if b"hx-request" in self._headers:
            status, name, back = (
                HTTPStatus.UNAUTHORIZED,
                b"hx-redirect",
                _path_of(self._headers.get(b"hx-current-url", "/")),
            )
        place = "/sign-in" if back == "/" else f"/sign-in?next={quote(back, safe='/')}"
        headers = [(name, place.encode()), (b"cache-control", b"no-store"), (b"content-length", b"0")]
        await self._send({"type": "http.response.start", "status": int(status), "headers": headers})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
