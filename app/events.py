"""Events: the history of every step, in pages or as a stream, that miss nothing and repeat nothing.

The order is that in which it became certain what comes before what: below the oldest transaction that still runs.
So an event appears when every earlier one has, not at the moment it was written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter
from structlog.contextvars import bind_contextvars

from app.cursors import pack, unpack
from app.problems import PROBLEMS, problems
from app.streams import MEDIA_TYPE, Batch, EventStream, Streams, message
from db import access, feed
from db.database import Database
from db.errors import Refused
from db.feed import Event, Place

LARGEST_PAGE = 500
STREAMED_AT_ONCE = 100
EVENT_PROBLEMS = PROBLEMS | problems(410)
_GONE = 410

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="How many at most.")]
After = Annotated[str | None, QueryParameter(description='"next" of the page before; from the start if left out.')]
AfterEvent = Annotated[
    str | None,
    QueryParameter(
        description='"next" of the page before, or the id of a streamed event. Empty: from the start of history.'
        " Left out: pages begin at the start, a stream now."
    ),
]
LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", description="Of a stream that broke: it goes on after this event."),
]
Since = Annotated[
    datetime | None,
    QueryParameter(
        description="Where to begin without `after`: at the events of this time. A few earlier ones may come."
    ),
]


class Events(msgspec.Struct, frozen=True):
    """A page. `next` is always there: ask again with it, at once if there is `more`, later for what happens then."""

    items: list[Event]
    next: str
    more: bool


@get("/api/events", responses=EVENT_PROBLEMS, summary="Events of all deployments", tags=["events"])
async def list_events(
    request: Request[Any, Any, Any],
    database: NamedDependency[Database],
    streams: NamedDependency[Streams],
    after: AfterEvent = None,
    since: Since = None,
    last_event_id: LastEventId = None,
    limit: Limit = 100,
) -> Response[Events]:
    """Oldest first. As server-sent events for `Accept: text/event-stream`: each an Event, its id a cursor."""
    if wants_stream(request):
        return EventStream(streams, await user_of(database), Following(database, streams, after, last_event_id).read)
    return Response(await page(database, after, since, limit, None))


@get(
    "/api/deployments/{deployment_id:uuid}/events",
    responses=EVENT_PROBLEMS,
    summary="Events of one deployment",
    tags=["events"],
)
async def list_deployment_events(
    request: Request[Any, Any, Any],
    deployment_id: FromPath[UUID],
    database: NamedDependency[Database],
    streams: NamedDependency[Streams],
    after: AfterEvent = None,
    since: Since = None,
    last_event_id: LastEventId = None,
    limit: Limit = 100,
) -> Response[Events]:
    """Oldest first, as a page or a stream. Also of a deployment that is deleted."""
    bind_contextvars(deployment_id=str(deployment_id))
    if wants_stream(request):
        return EventStream(
            streams, await user_of(database), Following(database, streams, after, last_event_id, deployment_id).read
        )
    return Response(await page(database, after, since, limit, deployment_id))


async def user_of(database: Database) -> str:
    """In whose name this database is read: streams are counted by it."""
    async with database.transaction() as session:
        return (await access.whoami(session)).user


def wants_stream(request: Request[Any, Any, Any]) -> bool:
    """Whether server-sent events are asked for, rather than JSON or anything."""
    return request.accept.best_match(["application/json", MEDIA_TYPE]) == MEDIA_TYPE


async def page(
    database: Database, after: str | None, since: datetime | None, limit: int, deployment_id: UUID | None
) -> Events:
    """Read one page and tell where the next begins."""
    place = unpack(after, Place) if after else Place()
    async with database.transaction() as session:
        if not after and since is not None:
            place = await feed.find_since(session, since)
        found = await feed.read_events(session, place, limit, deployment_id)
    last = found[-1][0] if found else place
    return Events([event for _, event in found], pack(last), more=len(found) == limit)


class Following:
    """One client's place in the history."""

    def __init__(
        self,
        database: Database,
        streams: Streams,
        after: str | None,
        last_event_id: str | None,
        deployment_id: UUID | None = None,
    ) -> None:
        """From the last event that the client saw, else from `after`, else from now. Raises Refused (400)."""
        self._database = database
        self._wakes = streams.wakes
        self._deployment_id = deployment_id
        self._given = "Last-Event-ID" if last_event_id else "after"
        given = last_event_id or after
        self._place = unpack(given, Place, path=self._given) if given else None if after is None else Place()
        self._began = False

    async def read(self) -> Batch:
        """What happened since. Raises Refused, Unavailable, Contended."""
        try:
            return await self._read()
        except Refused as refusal:
            if refusal.status != _GONE:
                raise
            raise Refused(_GONE, refusal.message, self._given, refusal.hint) from None

    async def _read(self) -> Batch:
        newest, text = self._wakes.newest, b""
        async with self._database.transaction() as session:
            if self._place is None:
                self._place = await feed.find_newest(session)
            if not self._began:
                await feed.require_past(session, self._place, self._given)
                text = message(place=pack(self._place))
            found = await feed.read_events(session, self._place, STREAMED_AT_ONCE, self._deployment_id)
        self._began = True
        text += b"".join(message(msgspec.json.encode(event).decode(), place=pack(place)) for place, event in found)
        more = len(found) == STREAMED_AT_ONCE
        # Who sees few of the events moves on past the others too, and need not pass them again when it returns.
        self._place = found[-1][0] if more else max(newest, self._place, *(place for place, _ in found))
        return Batch(text, more, message(place=pack(self._place)))


router = Router("/", route_handlers=[list_events, list_deployment_events])
