"""What was wanted at a time, over HTTP: of every deployment, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.cursors import pack, unpack
from app.events import After, Limit
from app.problems import PROBLEMS
from db import revisions
from db.database import Database
from db.errors import Refused
from db.revisions import PastDeployment

_BAD_REQUEST = 400


class PastStop(msgspec.Struct, frozen=True, array_like=True):
    """Where a page stopped."""

    id: UUID


class PastDeployments(msgspec.Struct, frozen=True):
    """A page, by id. `next` is null on the last one; pass the same `at` with it."""

    items: list[PastDeployment]
    next: str | None


@get("/as-of", responses=PROBLEMS, summary="What was wanted of every deployment at a time")
async def list_past_deployments(
    database: NamedDependency[Database],
    at: Annotated[datetime, QueryParameter(description="With its offset, such as 2026-11-24T04:00:00Z.")],
    after: After = None,
    limit: Limit = 100,
) -> PastDeployments:
    """And who had asked for it last. One that was deleted by then is wanted Deleted; one made later is left out."""
    if at.tzinfo is None:
        raise Refused(_BAD_REQUEST, "this time has no offset", "at", "Such as 2026-11-24T04:00:00Z, or …%2B01:00.")
    stop = None if after is None else unpack(after, PastStop).id
    async with database.transaction() as session:
        found = await revisions.list_as_of(session, at, stop, limit + 1)
    return PastDeployments(found[:limit], pack(PastStop(found[limit - 1].id)) if len(found) > limit else None)


router = Router("/api/deployments", route_handlers=[list_past_deployments], tags=["revisions"])
