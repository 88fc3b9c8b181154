"""Wakes whoever shows live what Postgres holds: LISTEN to be quick, looking every second to be correct.

One session a process, for any number of waiters. An announcement can be lost when two commits race, and rows stay
hidden while an older transaction runs; so after an announcement, and every second, it looks where the history ends.
Waiters are woken by an announcement, or when that end has moved, and only then read for themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Generator

import structlog

from db import feed
from db.connection import Session, connect, hung_up_after
from db.errors import DatabaseError
from db.feed import Place
from db.queue import notified

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = (0.02, 0.06, 0.15)
LOOK_SECONDS = 1.0
# Between two wakes, so that a burst of commits is one.
PAUSE_SECONDS = 0.02
ANSWER_SECONDS = 5.0
RECONNECT_SECONDS = 1.0


class Wakes:
    """`count` rises when there may be something new, and when Postgres went away or came back.

    `newest` is the place of an event that everyone can read up to. `away` while Postgres cannot be reached.
    """

    def __init__(self, url: str, look_seconds: float = LOOK_SECONDS) -> None:
        """Nothing is opened until `listen`. `look_seconds`: how often to look, however quiet it is."""
        self.count = 0
        self.newest = Place()
        self.away = False
        self._url = url
        self._look_seconds = look_seconds
        self._next = asyncio.Event()
        self._followers = 0
        self._followed = asyncio.Event()

    async def wait(self, seen: int, timeout_seconds: float) -> int:
        """The count as soon as it is beyond `seen`, or the same when the time is over."""
        if self.count == seen:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self._next.wait()
        return self.count

    @contextlib.contextmanager
    def following(self) -> Generator[None]:
        """Somebody waits for the length of the block. While nobody does, announcements are left unheard."""
        self._followers += 1
        self._followed.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._followed.clear()

    async def listen(self) -> None:
        """Hold the one LISTEN connection, for as long as the process lives.

        That it ended does not tell that Postgres did: only when no new one can be had does it not answer.
        """
        while True:
            began = time.monotonic()
            try:
                session = await connect(self._url, name="api listen")
            except (DatabaseError, TimeoutError, OSError) as error:
                if not self.away:
                    log.warning("postgres does not answer", error=str(error))
                    self.away = True
                    self._wake()
            else:
                try:
                    async with session:
                        await self._hear(session)
                except (DatabaseError, TimeoutError, OSError) as error:
                    log.warning("listen connection lost", error=str(error))
            # One that served may be replaced at once.
            if time.monotonic() - began < RECONNECT_SECONDS:
                await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _hear(self, session: Session) -> None:
        """Pass on announcements until the connection is lost."""
        await feed.listen(session)
        heard, looks = True, LOOK_AGAIN_SECONDS
        while True:
            with hung_up_after(session, ANSWER_SECONDS):
                newest = await feed.find_newest(session)
            if heard or newest != self.newest:
                self.newest, self.away = newest, False
                self._wake()
                await asyncio.sleep(PAUSE_SECONDS)
            await self._until_followed()
            heard = await notified(session, looks[0] if looks else self._look_seconds)
            looks = LOOK_AGAIN_SECONDS if heard else looks[1:]

    async def _until_followed(self) -> None:
        """Under load every commit announces itself: look once a second, not at each, where nobody wants to know."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._look_seconds):
                await self._followed.wait()

    def _wake(self) -> None:
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()
