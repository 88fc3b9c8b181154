"""Server-sent events on real sockets: nothing missed, nothing twice, whoever goes away in between."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import psycopg

from app.streams import MOST_OF_A_USER
from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent
from tests.waiting import eventually

STREAM = {"Accept": "text/event-stream"}


class Message(msgspec.Struct, frozen=True):
    """One message as a browser would hand it out."""

    event: str
    data: Any


class Follower:
    """A client that follows and keeps what it was sent. `place` is what it would resume with."""

    def __init__(self, client: httpx.AsyncClient, path: str = "/api/events", **parameters: str) -> None:
        self._client, self._path, self._parameters = client, path, parameters
        self.place: str | None = None
        self.comments = 0
        self.messages: list[Message] = []
        self.reading: asyncio.Task[None] | None = None

    @property
    def ids(self) -> list[int]:
        """Of the events so far."""
        return [message.data["id"] for message in self.messages if message.event == "message"]

    def named(self, event: str) -> list[Any]:
        """The data of the messages of this name."""
        return [message.data for message in self.messages if message.event == event]

    @contextlib.asynccontextmanager
    async def following(self, client: httpx.AsyncClient | None = None) -> AsyncIterator["Follower"]:
        """Connected for the block, from where it stopped."""
        headers = STREAM | ({"Last-Event-ID": self.place} if self.place is not None else {})
        async with (client or self._client).stream(
            "GET", self._path, params=self._parameters, headers=headers
        ) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            self.reading = asyncio.create_task(self._read(response))
            try:
                await eventually(lambda: self.place is not None or self.ids, 10, "the stream began")
                yield self
            finally:
                self.reading.cancel()
                await asyncio.gather(self.reading, return_exceptions=True)

    async def _read(self, response: httpx.Response) -> None:
        event, data = "message", None
        async for line in response.aiter_lines():
            if line.startswith(":"):
                self.comments += 1
            elif line.startswith("id: "):
                self.place = line[4:]
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif not line:
                if data is not None:
                    self.messages.append(Message(event, json.loads(data)))
                event, data = "message", None


def written(intent: Intent) -> list[int]:
    """The ids of all events, in the order in which they became certain."""
    return [row["id"] for row in intent.rows("SELECT id FROM orchestrator.deployment_events ORDER BY xid, id")]


async def has_all(follower: Follower, intent: Intent) -> None:
    """Every event once, in order."""
    await eventually(lambda: len(follower.ids) >= len(written(intent)), 20, lambda: (follower.ids, written(intent)))
    assert follower.ids == written(intent)


async def test_a_stream_begins_now_and_tells_its_place(api: Api, templates: Intent) -> None:
    before = templates.deploy("before", "web")
    follower = Follower(api.client)
    async with follower.following():
        assert follower.ids == []
        after = templates.deploy("after", "web")
        await eventually(lambda: follower.ids, 5, "an event")
    assert before not in {message.data["deployment_id"] for message in follower.messages}
    assert {message.data["deployment_id"] for message in follower.messages} == {after}


async def test_after_nothing_a_stream_begins_at_the_start_of_history(api: Api, templates: Intent) -> None:
    for number in range(60):
        templates.deploy(f"d{number}", "web")
    follower = Follower(api.client, after="")
    async with follower.following():
        await has_all(follower, templates)
        templates.deploy("one-more", "web")
        await has_all(follower, templates)


async def test_who_returns_misses_nothing_and_sees_nothing_twice(
    api: Api, templates: Intent, database: Database
) -> None:
    made = templates.deploy("one", "web")
    follower = Follower(api.client, after="")
    async with follower.following():
        await has_all(follower, templates)
        with psycopg.connect(database.dsn_as("operator")) as slow:
            slow.execute("SELECT orchestrator.deploy('slow', template => 'web')")
            templates.change(made, replicas=2)
            async with Follower(api.client, after="").following() as other:
                assert other.ids == follower.ids
            slow.commit()
        await has_all(follower, templates)
    templates.change(made, replicas=3)
    async with follower.following():
        await has_all(follower, templates)


async def test_a_client_may_have_so_many_streams_and_no_more(api: Api, templates: Intent) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST_OF_A_USER):
            await stack.enter_async_context(Follower(api.client).following())
        refused = problem(await api.client.get("/api/events", headers=STREAM), 429)
        assert str(MOST_OF_A_USER) in refused["detail"]
    async with Follower(api.client).following():
        pass


async def test_a_place_that_is_no_cursor_of_ours_is_refused(api: Api, templates: Intent) -> None:
    for headers, path in (({"Last-Event-ID": "17"}, "Last-Event-ID"), ({}, "after")):
        refused = await api.client.get("/api/events", params={"after": "17"}, headers=STREAM | headers)
        assert problem(refused, 400)["path"] == path
