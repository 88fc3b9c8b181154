"""Events: the history of every step, in pages that miss nothing and repeat nothing.

The order is that in which it became certain what comes before what: below the oldest transaction that still runs.
So an event appears when every earlier one has, not at the moment it was written.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from structlog.contextvars import bind_contextvars

from app.cursors import pack, unpack
from app.problems import PROBLEMS
from db import deployments
from db.deployments import Database, Event, Place

LARGEST_PAGE = 500

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="How many at most.")]
After = Annotated[str | None, QueryParameter(description='"next" of the page before; from the start if left out.')]


class Events(msgspec.Struct, frozen=True):
    """A page. `next` is always there: ask again with it, at once if there is `more`, later for what happens then."""

    items: list[Event]
    next: str
    more: bool


@get("/api/events", responses=PROBLEMS, summary="Events of all deployments", tags=["events"])
async def list_events(database: NamedDependency[Database], after: After = None, limit: Limit = 100) -> Events:
    """Oldest first."""
    return await page(database, after, limit, None)


@get(
    "/api/deployments/{deployment_id:uuid}/events",
    responses=PROBLEMS,
    summary="Events of one deployment",
    tags=["events"],
)
async def list_deployment_events(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], after: After = None, limit: Limit = 100
) -> Events:
    """Oldest first. Also of a deployment that is deleted."""
    bind_contextvars(deployment_id=str(deployment_id))
    return await page(database, after, limit, deployment_id)


async def page(database: Database, after: str | None, limit: int, deployment_id: UUID | None) -> Events:
    """Read one page and tell where the next begins."""
    place = Place() if after is None else unpack(after, Place)
    async with database.transaction() as session:
        events, last = await deployments.list_events(session, place, limit, deployment_id)
    return Events(events, pack(last), more=len(events) == limit)


router = Router("/", route_handlers=[list_events, list_deployment_events])
