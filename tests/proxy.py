"""A wire between what is under test and the real API server, for what cannot be provoked for real.

It can answer in the server's place, hold a request back before or after the server has acted on it, lose its answer,
ask for something else, fall silent in the middle of a stream, and be away. Everything else passes through unchanged,
watches included. Requests are chosen by parts of their line. It stands before our own API as well.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from kube.credentials import Credentials, load

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
APPLY = ("PATCH", "fieldManager=")
LIST = ("GET", "limit=")
WATCH = ("GET", "watch=1")


class Passed(msgspec.Struct, frozen=True):
    """One request that came by."""

    method: str
    path: str
    query: str
    body: bytes

    def is_about(self, *parts: str) -> bool:
        """Whether method, path and query together hold all of these."""
        line = f"{self.method} {self.path}?{self.query}"
        return all(part in line for part in parts)


class Answer(msgspec.Struct):
    """What to answer instead of the server, so many times."""

    parts: tuple[str, ...]
    times: float
    status: int
    headers: dict[str, str]
    body: Any


class Held:
    """Requests that stand still until `release`."""

    def __init__(self, parts: tuple[str, ...], *, answered: bool) -> None:
        self.parts = parts
        # Hold the answer of a request that the server has carried out, rather than the request.
        self.answered = answered
        self.arrived = asyncio.Event()
        self.count = 0
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let go, and hold nothing more."""
        self._released.set()

    async def stand(self) -> None:
        self.count += 1
        self.arrived.set()
        await self._released.wait()

    @property
    def over(self) -> bool:
        return self._released.is_set()


class Proxy:
    """Plain HTTP in, the cluster's own TLS out."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._target = load(kubeconfig, None, in_cluster=False)
        self._folder = folder
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.port = 0
        self.seen: list[Passed] = []
        self._answers: list[Answer] = []
        self._held: list[Held] = []
        self._lost: list[tuple[str, ...]] = []
        self._rewrites: list[tuple[tuple[str, ...], dict[str, str]]] = []
        self._frozen = False

    @property
    def credentials(self) -> Credentials:
        """The target's, but through here."""
        return load(self.kubeconfig(), None, in_cluster=False)

    def kubeconfig(self, token: str | None = None, server: str | None = None) -> Path:
        """A kubeconfig that leads here, or to where there is nobody."""
        own = (self._target.authorization or "").removeprefix("Bearer ")
        file = self._folder / ("nowhere.yaml" if server else f"proxy-{self.port}.yaml")
        content = {
            "clusters": [{"name": "c", "cluster": {"server": server or f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": token or own}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        file.write_text(json.dumps(content))
        return file

    def writes(self, *parts: str) -> list[Passed]:
        """The writes that came by, in order."""
        return [passed for passed in self.seen if passed.method in WRITES and passed.is_about(*parts)]

    def answer(
        self,
        *parts: str,
        status: int,
        times: float = 1,
        headers: dict[str, str] | None = None,
        reason: str = "",
        message: str = "no",
        details: dict[str, Any] | None = None,
        body: Any = None,
    ) -> None:
        """Answer the next such requests in the server's place: with `body`, or a refusal that says `message`."""
        refusal = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message}
        body = body or refusal | {"reason": reason, "details": details or {}}
        self._answers.append(Answer(parts, times, status, headers or {}, body))

    def answer_no_more(self) -> None:
        """Let the server answer again."""
        self._answers.clear()

    def hold(self, *parts: str, answered: bool = False) -> Held:
        """Make such requests stand still from now on."""
        held = Held(parts, answered=answered)
        self._held.append(held)
        return held

    def lose(self, *parts: str, times: int = 1) -> None:
        """Break the connection of the next such requests when the server has carried them out."""
        self._lost += [parts] * times

    def rewrite(self, *parts: str, **query: str) -> None:
        """Ask the server the next such request with this in its query."""
        self._rewrites.append((parts, query))

    def freeze(self) -> None:
        """Pass nothing more on of watches, and keep them open: half-open connections. What comes now is lost."""
        self._frozen = True

    def thaw(self) -> None:
        """Pass new watches on again."""
        self._frozen = False

    async def open(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self._runner = web.ServerRunner(web.Server(self._pass_on), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Be away: connections break, new ones are refused."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Break every connection there is, and go on listening."""
        server = self._runner.server if self._runner is not None else None
        for connection in list(server.connections) if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def end(self) -> None:
        for held in self._held:
            held.release()
        await self.close()
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        passed = Passed(request.method, request.path, request.query_string, body)
        self.seen.append(passed)
        instead = next((one for one in self._answers if one.times > 0 and passed.is_about(*one.parts)), None)
        if instead is not None:
            instead.times -= 1
            return web.json_response(instead.body, status=instead.status, headers=instead.headers)
        holding = [held for held in self._held if not held.over and passed.is_about(*held.parts)]
        for held in holding:
            if not held.answered:
                await held.stand()
        response = await self._ask(request, self._url_of(request, passed), body)
        for held in holding:
            if held.answered:
                await held.stand()
        losing = next((parts for parts in self._lost if passed.is_about(*parts)), None)
        if losing is not None and request.transport is not None:
            self._lost.remove(losing)
            request.transport.abort()
        return response

    def _url_of(self, request: web.BaseRequest, passed: Passed) -> URL:
        url = URL(self._target.server + request.path_qs, encoded=True)
        rewriting = next((one for one in self._rewrites if passed.is_about(*one[0])), None)
        if rewriting is None:
            return url
        self._rewrites.remove(rewriting)
        return url.update_query(rewriting[1])

    async def _ask(self, request: web.BaseRequest, url: URL, body: bytes) -> web.StreamResponse:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ssl=self._target.ssl_context() or False)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        headers = {key: value for key, value in request.headers.items() if key not in ("Host", "Content-Length")}
        async with self._session.request(
            request.method, url, data=body or None, headers=headers, skip_auto_headers=("Content-Type",)
        ) as answer:
            kept = CIMultiDict(
                (key, value)
                for key, value in answer.headers.items()
                if key in ("Content-Type", "Retry-After", "ETag", "Warning")
            )
            if "watch=" not in request.query_string and answer.content_type != "text/event-stream":
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)
            stream = web.StreamResponse(status=answer.status, headers=kept)
            await stream.prepare(request)
            async for chunk in answer.content.iter_any():
                if self._frozen:
                    await asyncio.Event().wait()
                await stream.write(chunk)
            return stream


@contextlib.asynccontextmanager
async def proxy_to(kubeconfig: Path, folder: Path) -> AsyncIterator[Proxy]:
    """A proxy that listens for the block."""
    proxy = Proxy(kubeconfig, folder)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.end()
