"""HTTP to one API server: every request that the worker and the watcher make leaves by here, for `kube.cluster`.

The official client costs 1.5 to 4 ms of CPU a request; pooled HTTP/1.1 with msgspec costs 0.3 ms. So this file knows
headers, bodies and status codes, and nothing of what the objects mean.
"""

import asyncio
import contextlib
import math
import re
import time
from collections.abc import AsyncGenerator, Callable
from typing import Literal

import aiohttp
from yarl import URL

from kube.concurrency import Gate
from kube.credentials import Authorization, Credentials, reload
from kube.errors import CredentialsError, Silent, Unauthorized, Unavailable, refusal
from kube.kinds import Kind
from kube.naming import FIELD_MANAGER

# Called after each answer: method, kind, status code or error category, seconds.
Observe = Callable[[str, str, str, float], None]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "WATCH"]

JSON = "application/json"
_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_CONNECT_SECONDS = 5.0
_KEEPALIVE_SECONDS = 60.0
_LEAST_REFUSAL = 400


class Transport:
    """The connections to one API server, opened as needed. Safe to share between tasks of one loop.

    Every method raises a KubeError and nothing else. None retries, except once after a 401 (the credentials are read
    again) and once when an idle pooled connection turns out to be closed.
    """

    def __init__(
        self, credentials: Credentials, *, observe: Observe | None, gate: Gate, request_timeout_seconds: float
    ) -> None:
        """Nothing is opened until the first request. `gate` bounds the requests at a time, streams excepted."""
        self.gate = gate
        self._observe = observe
        self._timeout = aiohttp.ClientTimeout(total=request_timeout_seconds, sock_connect=_CONNECT_SECONDS)
        self._renewal = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._take(credentials)

    @property
    def server(self) -> str:
        """The address, fit for a log."""
        return self._credentials.server

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: Method,
        kind: Kind | None,
        path: str,
        *,
        query: str = "",
        body: bytes | None = None,
        content_type: str | None = None,
        accept: str = JSON,
        warnings: list[str] | None = None,
    ) -> tuple[int, bytes]:
        """The status, below 400, and body of one answer. `kind` is None for what is asked of the server as a whole.

        What the server warns of is added to `warnings`, refused or not.
        """
        url = self._url(path, query)
        if self._authorization.expiring():
            await self._renew(self._authorization.header())
        headers = self._headers(content_type, accept)
        # What is asked of the server as a whole tells whether the rest is worth waiting for: it never waits behind.
        gate = self.gate if kind is not None else contextlib.nullcontext()
        async with gate:
            try:
                return await self._exchange(method, kind, url, body, headers, warnings)
            except Unauthorized:
                await self._renew(headers.get("Authorization"))
        async with gate:
            return await self._exchange(method, kind, url, body, self._headers(content_type, accept), warnings)

    async def stream(
        self, kind: Kind, path: str, *, query: str, accept: str, idle_seconds: float
    ) -> AsyncGenerator[list[bytes]]:
        """The whole lines of an answer in batches as they arrive, until the server ends it.

        The first batch is empty and tells that the server accepted. Raises Silent after `idle_seconds` without a byte.
        """
        url = self._url(path, query)
        timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=idle_seconds)
        response = await self._open(kind, url, self._headers(None, accept), timeout)
        try:
            yield []
            rest = b""
            while chunk := await response.content.readany():
                *lines, rest = (rest + chunk).split(b"\n")
                if lines:
                    yield lines
        except aiohttp.ServerTimeoutError as error:
            raise Silent(f"no news of {kind.name} for {idle_seconds:.0f} s, not even a bookmark") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the watch of {kind.name} broke: {error}") from error
        finally:
            response.close()

    async def _exchange(
        self,
        method: Method,
        kind: Kind | None,
        url: URL,
        body: bytes | None,
        headers: dict[str, str],
        warnings: list[str] | None = None,
    ) -> tuple[int, bytes]:
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            response = await self._send(method, url, body, headers, self._timeout)
            answer = await response.read()
            outcome = str(response.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = _unreachable(error, self.server)
            outcome = failure.reason
            if outcome == "timeout":
                # Slower than any answer, whatever the timeout is.
                self.gate.answered(math.inf)
            raise failure from error
        finally:
            seconds = time.perf_counter() - started
            if self._observe is not None:
                self._observe(method, kind.name if kind else "", outcome, seconds)
        self.gate.answered(seconds, throttled=response.status == 429)  # noqa: PLR2004
        if warnings is not None:
            warnings.extend(warning_text(value) for value in response.headers.getall("Warning", ()))
        if response.status >= _LEAST_REFUSAL:
            raise refusal(response.status, response.headers, answer)
        return response.status, answer

    async def _open(
        self,
        kind: Kind,
        url: URL,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, passed on
    ) -> aiohttp.ClientResponse:
        """Start a stream; the caller reads it. Raises as a request does."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(self._timeout.total):
                response = await self._send("GET", url, None, headers, timeout)
                outcome = str(response.status)
                if response.status < _LEAST_REFUSAL:
                    return response
                error = refusal(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as broken:
            failure = _unreachable(broken, self.server)
            outcome = failure.reason
            raise failure from broken
        finally:
            if self._observe is not None:
                self._observe("WATCH", kind.name, outcome, time.perf_counter() - started)
        if isinstance(error, Unauthorized):
            # The next attempt, after the caller's back-off, goes out with these.
            await self._renew(headers.get("Authorization"))
        raise error

    async def _send(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, passed on
    ) -> aiohttp.ClientResponse:
        send = self._open_session().request
        proxy, name = self._credentials.proxy, self._credentials.server_name
        try:
            return await send(
                method, url, data=body, headers=headers, timeout=timeout, proxy=proxy, server_hostname=name
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # A pooled connection that the server closed while idle. All we send may be sent twice: applies and
            # guarded deletes are idempotent, and a doubled create or patch is refused by its own guard.
            return await send(
                method, url, data=body, headers=headers, timeout=timeout, proxy=proxy, server_hostname=name
            )

    def _take(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._authorization = Authorization(credentials)

    async def _renew(self, refused: str | None) -> None:
        """Read the credentials again, once for all requests that were refused with the same ones."""
        async with self._renewal:
            if self._authorization.header() != refused:
                return
            renewed = await asyncio.to_thread(reload, self._credentials)
            changed_tls = (renewed.ca, renewed.client_certificate) != (
                self._credentials.ca,
                self._credentials.client_certificate,
            )
            self._take(renewed)
            if changed_tls and self._session is not None:
                stale, self._session = self._session, None
                await stale.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            try:
                tls = self._credentials.ssl_context()
            except OSError as error:
                raise CredentialsError(f"the certificates for {self.server} cannot be used: {error}") from error
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=tls or False, keepalive_timeout=_KEEPALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Packing costs the server more than loopback or a data centre's network does.
                headers={"User-Agent": FIELD_MANAGER, "Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session

    def _url(self, path: str, query: str) -> URL:
        base = self._credentials.server
        return URL(f"{base}{path}?{query}" if query else f"{base}{path}", encoded=True)

    def _headers(self, content_type: str | None, accept: str) -> dict[str, str]:
        headers = {"Accept": accept}
        if content_type is not None:
            headers["Content-Type"] = content_type
        authorization = self._authorization.header()
        if authorization is not None:
            headers["Authorization"] = authorization
        return headers


def encode_query(parts: dict[str, str]) -> str:
    """The query of a URL, encoded, without those that are empty."""
    return URL.build(query={key: value for key, value in parts.items() if value}).raw_query_string


def warning_text(header: str) -> str:
    """What a Warning header (RFC 7234) says: `299 - "text"`, with what is quoted in it unquoted."""
    quoted = _WARNING.match(header)
    return re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else header


def _unreachable(error: Exception, server: str) -> Unavailable:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            reason, said = "tls", f"the certificate of {server} is not trusted: {error}"
        case TimeoutError():
            reason, said = "timeout", f"{server} did not answer in time"
        case aiohttp.ClientConnectorError():
            reason, said = "unreachable", f"{server} cannot be reached: {error.strerror or error}"
        case _:
            reason, said = "broken", f"the connection to {server} broke: {error or type(error).__name__}"
    return Unavailable(said, reason=reason)
