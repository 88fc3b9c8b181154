"""A client of server-sent events for tests: follows, drops, and returns to where it was, as a browser does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

from tests.waiting import eventually

STREAM = {"Accept": "text/event-stream"}


class Message(msgspec.Struct, frozen=True):
    """One message as a browser would hand it out."""

    event: str
    data: Any


class Follower:
    """Keeps what it was sent. `place` is what it would resume with, `quiet` counts what brought no message."""

    def __init__(self, path: str = "/api/events", **parameters: str) -> None:
        self._path, self._parameters = path, parameters
        self.place: str | None = None
        self.quiet = 0
        self.messages: list[Message] = []
        self.is_over = False

    @property
    def ids(self) -> list[int]:
        """Of the events so far."""
        return [data["id"] for data in self.named("message")]

    def named(self, event: str) -> list[Any]:
        """The data of the messages of this name."""
        return [message.data for message in self.messages if message.event == event]

    @contextlib.asynccontextmanager
    async def following(self, client: httpx.AsyncClient) -> AsyncIterator["Follower"]:
        """Connected for the block, from where it stopped."""
        headers = STREAM | ({"Last-Event-ID": self.place} if self.place is not None else {})
        self.is_over = False
        async with client.stream("GET", self._path, params=self._parameters, headers=headers) as response:
            if response.status_code != 200:
                raise AssertionError((await response.aread()).decode())
            assert response.headers["content-type"].startswith("text/event-stream")
            reading = asyncio.create_task(self._read(response))
            try:
                await eventually(lambda: self.place is not None, 10, "the stream began")
                yield self
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, response: httpx.Response) -> None:
        event, data, place = "message", None, self.place
        try:
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                match name:
                    case "id":
                        place = value
                    case "event":
                        event = value
                    case "data":
                        data = value
                    case "":
                        self.place = place
                        if data is not None:
                            self.messages.append(Message(event, json.loads(data)))
                        else:
                            self.quiet += 1
                        event, data = "message", None
        finally:
            self.is_over = True
