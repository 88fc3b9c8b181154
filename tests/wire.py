"""A proxy between our code and the real API server, for what no real server can be made to do on demand.

It forwards everything as it is, except what a test told it: answer this one with 429, fall silent in the middle of a
stream, cut all connections, refuse new ones. Nothing of ours is patched; the faults are on the wire.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from kube.credentials import Credentials, Source, load
from tests.conftest import ControlPlane

Matches = Callable[[web.Request], bool]


class Fault(msgspec.Struct):
    """One answer to give instead of forwarding, so many times (None: for ever)."""

    matches: Matches
    status: int
    body: bytes
    headers: Mapping[str, str]
    times: int | None


class Wire:
    """The proxy. `server` is its address; `requests` are the method and path with query of all it was asked."""

    def __init__(self, target: Credentials) -> None:
        self.target = target
        self.requests: list[str] = []
        self.port = 0
        self.frozen = False
        self._faults: list[Fault] = []
        self._stalls: list[Matches] = []
        self._rewrites: list[tuple[Matches, Callable[[URL], URL]]] = []
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def credentials(self) -> Credentials:
        """The target's, but through the wire."""
        return Credentials(
            server=f"http://127.0.0.1:{self.port}", source=Source("static"), authorization=self.target.authorization
        )

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads through the wire, written into `folder`."""
        token = (self.target.authorization or "").removeprefix("Bearer ")
        content = {
            "current-context": "wire",
            "contexts": [{"name": "wire", "context": {"cluster": "wire", "user": "wire"}}],
            "clusters": [{"name": "wire", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "wire", "user": {"token": token}}],
        }
        path = folder / "wire.kubeconfig"
        path.write_text(json.dumps(content))
        return path

    def answer(
        self,
        matches: Matches,
        status: int,
        *,
        reason: str = "",
        message: str = "injected by the test",
        details: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer matching requests with a Status object."""
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message}
        if reason:
            body["reason"] = reason
        if details:
            body["details"] = details
        self._faults.append(Fault(matches, status, json.dumps(body).encode(), headers or {}, times))

    def rewrite(self, matches: Matches, change: Callable[[URL], URL]) -> None:
        """Ask the server for something else than was asked of us."""
        self._rewrites.append((matches, change))

    def stall(self, matches: Matches) -> None:
        """Take matching requests and never answer them."""
        self._stalls.append(matches)

    def freeze(self) -> None:
        """Forward nothing more on streams, and keep them open: a half-open connection."""
        self.frozen = True

    def thaw(self) -> None:
        """Forward new streams again; what was held back stays lost."""
        self.frozen = False

    async def listen(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def refuse(self) -> None:
        """Cut every connection and accept no new one."""
        assert self._runner is not None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.cut()

    def cut(self) -> None:
        """Break every connection there is."""
        assert self._runner is not None
        assert self._runner.server is not None
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Wire"]:
        """Serve for the block."""
        connector = aiohttp.TCPConnector(ssl=self.target.ssl_context() or False, limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            self._runner = web.AppRunner(self._application(), shutdown_timeout=0.1)
            await self._runner.setup()
            await self.listen()
            try:
                yield self
            finally:
                self.cut()
                await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=16 * 2**20)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.rel_url}")
        if any(matches(request) for matches in self._stalls):
            await asyncio.Event().wait()
        for fault in self._faults:
            if fault.times != 0 and fault.matches(request):
                if fault.times is not None:
                    fault.times -= 1
                return web.Response(
                    status=fault.status, body=fault.body, content_type="application/json", headers=fault.headers
                )
        return await self._forward(request)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        url = URL(self.target.server + str(request.rel_url), encoded=True)
        for matches, change in self._rewrites:
            if matches(request):
                url = change(url)
        kept = {name: value for name, value in request.headers.items() if name not in ("Host", "Content-Length")}
        body = await request.read()
        async with self._session.request(request.method, url, data=body or None, headers=kept) as answer:
            back = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await back.prepare(request)
            watching = request.query.get("watch") == "1"
            async for chunk in answer.content.iter_any():
                if watching and self.frozen:
                    await asyncio.Event().wait()
                await back.write(chunk)
            return back


def wire_to(control_plane: ControlPlane) -> Wire:
    """A wire to the test's cluster; start it with `async with wire.running():`."""
    return Wire(load(control_plane.kubeconfig, None, in_cluster=False))


def is_watch(request: web.Request) -> bool:
    """Matches the opening of a watch."""
    return request.query.get("watch") == "1"


def is_initial_watch(request: web.Request) -> bool:
    """Matches a watch that asks for the initial events."""
    return is_watch(request) and "sendInitialEvents" in request.query


def is_list(request: web.Request) -> bool:
    """Matches a read of a whole collection."""
    return request.method == "GET" and "limit" in request.query


def is_apply(request: web.Request) -> bool:
    """Matches a server-side apply."""
    return request.method == "PATCH" and "fieldManager" in request.query
