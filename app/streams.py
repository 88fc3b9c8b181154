"""Server-sent events: an answer that goes on for as long as its client reads, may read, and this process runs.

    first read ──→ a problem, as for any request
        │ 200
        ↓
      send ──→ wait for a wake, or for `every_seconds` ──→ read ──→ send …
                                                            │
             gone, slow, refused, stopping, failed ←────────┘

While Postgres is away a stream stays: it says `away`, then `back`, and goes on. Its last message is `end`, with why.
Each stream reads Postgres for itself, under its client's own identity and from a place of its own. So nothing is kept
for anybody, and a stream shows what a request of its client would. Where a client stops reading, its stream stops too.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.metrics import STREAMS, STREAMS_ENDED
from app.problems import Problem
from app.wakes import Wakes
from db.errors import Contended, Refused, Unavailable

log = structlog.get_logger()

MEDIA_TYPE = "text/event-stream"
MOST_OF_A_USER = 20
MOST = 500
READS_PER_SECOND = 200
HEARTBEAT_SECONDS = 10.0
# A client that takes nothing for so long is dropped; one that then reads on within LINGER_SECONDS is told why.
SLOW_SECONDS = 10.0
LINGER_SECONDS = 10.0
STOPPING_SECONDS = 1.0
RETRY_SECONDS = 1.0
COMMENT = b":\n\n"
_TOO_MANY, _UNAVAILABLE, _FAILED = 429, 503, 500


class Batch(msgspec.Struct, frozen=True):
    """What a read found, as it is sent; whether there is `more` already; and what to send when all is quiet."""

    messages: bytes = b""
    more: bool = False
    idle: bytes = COMMENT


Read = Callable[[], Awaitable[Batch]]


def message(data: str | None = None, *, event: str | None = None, place: str | None = None) -> bytes:
    """One message. Without `data` a client only notes the place. The default event is "message"."""
    lines = [f"id: {place}"] if place is not None else []
    lines += [f"event: {event}"] if event is not None else []
    lines += [f"data: {line}" for line in data.splitlines() or [""]] if data is not None else []
    return ("\n".join(lines) + "\n\n").encode()


def problem_message(event: str, problem: Problem) -> bytes:
    """A problem as a message."""
    return message(msgspec.json.encode(problem).decode(), event=event)


class Streams:
    """All streams of this process, and what bounds them. At most `readers` read Postgres at once."""

    def __init__(self, wakes: Wakes, readers: int) -> None:
        self.wakes = wakes
        self.reading = asyncio.Semaphore(readers)
        self.stopping = asyncio.Event()
        self._open: Counter[str] = Counter()

    def stop(self) -> None:
        """End every stream now, those that open later too."""
        self.stopping.set()

    def pause_seconds(self) -> float:
        """How long a stream rests before it reads again, so that all of them together read so often and no more."""
        return self._open.total() / READS_PER_SECOND

    @contextmanager
    def counted(self, user: str) -> Generator[None]:
        """A place among the user's streams. Raises Refused (429)."""
        if self._open[user] >= MOST_OF_A_USER:
            raise Refused(
                _TOO_MANY,
                f"{user} has {MOST_OF_A_USER} streams open already",
                "",
                "Close one first; a stream of all events shows those of every deployment.",
            )
        if self._open.total() >= MOST:
            raise Refused(_TOO_MANY, f"there are {MOST} streams open already", "", "Try again later, or ask for pages.")
        self._open[user] += 1
        STREAMS.inc()
        try:
            yield
        finally:
            STREAMS.dec()
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]


class EventStream(Response[Any]):
    """What a handler returns. `read` answers what is new since it was asked last, and raises as any handler does.

    It is asked once before the answer begins, then when the wakes' count rises (`debounce_seconds` later, so that what
    is committed together is read together) and at least `every_seconds`; then a quiet stream also shows that it lives.
    """

    def __init__(
        self,
        streams: Streams,
        user: str,
        read: Read,
        *,
        every_seconds: float = HEARTBEAT_SECONDS,
        debounce_seconds: float = 0.0,
    ) -> None:
        super().__init__(None, media_type=MEDIA_TYPE)
        self._streams = streams
        self._user = user
        self._read = read
        self._every_seconds = every_seconds
        self._debounce_seconds = debounce_seconds

    def to_asgi_response(self, *_: Any, headers: dict[str, str] | None = None, **__: Any) -> ASGIResponse:
        """What the framework runs."""
        told = {**(headers or {}), "Connection": "close", "X-Accel-Buffering": "no"}
        return _Flow(self, headers=told, media_type=MEDIA_TYPE)

    async def run(self, begin: Callable[[], Awaitable[None]], scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client, until there is a reason to end."""
        with self._streams.counted(self._user), self._streams.wakes.following():
            seen = self._streams.wakes.count
            first = await self._read()
            await begin()
            feeding = asyncio.create_task(self._feed(send, first, seen))
            del first  # its messages may be large, and a stream may be long
            leaving = asyncio.create_task(_gone(receive))
            stopping = asyncio.create_task(self._streams.stopping.wait())
            tasks = (feeding, leaving, stopping)
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            reason, problem = _ending(ends[0], gone=ends[1] is True, stopping=ends[2] is True)
            STREAMS_ENDED.labels(reason).inc()
            log.info("stream ended", reason=reason, user=self._user, path=scope["path"], detail=problem.detail)
            if reason != "gone":
                await _say_goodbye(scope, send, problem_message("end", problem), at_once=reason == "stopping")

    async def _feed(self, send: Send, batch: Batch, seen: int) -> None:
        """Send what reads find. Raises what the last read raised, and TimeoutError for a client that does not read."""
        wakes, away = self._streams.wakes, False
        sent = 0.0
        text = f"retry: {round(RETRY_SECONDS * 1000)}\n\n".encode() + batch.messages
        more, idle = batch.more, batch.idle
        del batch  # what waits for a slow client is kept once
        while True:
            if not text and time.monotonic() - sent >= self._every_seconds:
                text = idle
            if text:
                async with asyncio.timeout(SLOW_SECONDS):
                    await send({"type": "http.response.body", "body": text, "more_body": True})
                text, sent = b"", time.monotonic()
            if not more:
                quiet_seconds = max(0.0, sent + self._every_seconds - time.monotonic())
                await wakes.wait(seen, RETRY_SECONDS if away else quiet_seconds)
            await asyncio.sleep(max(self._debounce_seconds, self._streams.pause_seconds()))
            seen = wakes.count
            found = await self._read_if_there()
            if isinstance(found, Problem):
                text, more, idle = b"" if away else problem_message("away", found), False, COMMENT
                away = True
            else:
                text = (message("{}", event="back") if away else b"") + found.messages
                more, idle, away = found.more, found.idle, False
            del found

    async def _read_if_there(self) -> Batch | Problem:
        """What is new, or why Postgres cannot tell now."""
        try:
            if not self._streams.wakes.away:
                async with self._streams.reading:
                    return await self._read()
        except (Unavailable, Contended) as error:
            log.warning("stream waits for the database", error=str(error))
        return Problem.of(_UNAVAILABLE, "the database does not answer", hint="This stream goes on when it does.")


class _Flow(ASGIResponse):
    """The running answer."""

    _should_set_content_length = False

    def __init__(self, stream: EventStream, **given: Any) -> None:
        super().__init__(**given)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until it ends."""
        await self._stream.run(lambda: self.start_response(send), scope, receive, send)


async def _gone(receive: Receive) -> bool:
    """Once the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


def _ending(failure: object, *, gone: bool, stopping: bool) -> tuple[str, Problem]:
    """Why a stream ended: one word for logs and metrics, and the problem that its client is told."""
    resume = "Connect again with the last id as Last-Event-ID: nothing is missed."
    if gone:
        return "gone", Problem.of(_UNAVAILABLE, "the client hung up", hint=resume)
    if stopping:
        return "stopping", Problem.of(_UNAVAILABLE, "the API is stopping", hint=resume)
    match failure:
        case TimeoutError():
            return "slow", Problem.of(_UNAVAILABLE, f"nothing was read for {SLOW_SECONDS:g} seconds", hint=resume)
        case Refused():
            return "refused", Problem.of(failure.status, failure.message, path=failure.path, hint=failure.hint)
        case _:
            log.error("stream failed", exc_info=failure if isinstance(failure, BaseException) else None)
            return "failed", Problem.of(_FAILED, "the API failed", hint="This is a fault; its log tells more.")


async def _say_goodbye(scope: Scope, send: Send, text: bytes, *, at_once: bool) -> None:
    """Send the reason and end; a client that has stopped reading finds it after what it has not read yet."""
    transport: asyncio.Transport = scope["state"]["transport"]
    protocol = transport.get_protocol()
    assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 - of a Transport
    # The server holds back what is sent while its buffer is full. This much more is let in, then no more follows.
    protocol.resume_writing()
    await send({"type": "http.response.body", "body": text, "more_body": False})
    linger_seconds = STOPPING_SECONDS if at_once else LINGER_SECONDS
    asyncio.get_running_loop().call_later(linger_seconds, transport.abort)
