"""Revisions over HTTP: what was wanted, generation by generation, by whom, and how two of them differ."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from structlog.contextvars import bind_contextvars

from app.cursors import pack, unpack
from app.events import After, Limit
from app.problems import PROBLEMS
from db import revisions
from db.database import Database
from db.revisions import Difference, Revision

LARGEST_GENERATION = 2**63 - 2


class Before(msgspec.Struct, frozen=True, array_like=True):
    """Where a page stopped: the next begins below."""

    generation: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_GENERATION)]


class Revisions(msgspec.Struct, frozen=True):
    """A page, newest first. `next` is null on the last one."""

    items: list[Revision]
    next: str | None


class ComparedRevision(Revision, frozen=True, kw_only=True):
    """One generation, and what it has otherwise than another: than the one before it if none was asked for."""

    differences: list[Difference]


@get("/", responses=PROBLEMS, summary="Who wanted what, and when")
async def list_revisions(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], after: After = None, limit: Limit = 100
) -> Revisions:
    """Newest first."""
    bind_contextvars(deployment_id=str(deployment_id))
    before = None if after is None else unpack(after, Before).generation
    async with database.transaction() as session:
        found = await revisions.list_revisions(session, deployment_id, before, limit + 1)
    return Revisions(found[:limit], pack(Before(found[limit - 1].generation)) if len(found) > limit else None)


@get("/{generation:int}", responses=PROBLEMS, summary="One generation, and how it differs from another")
async def compare_revisions(
    deployment_id: FromPath[UUID],
    generation: FromPath[int],
    database: NamedDependency[Database],
    against: Annotated[
        int | None,
        QueryParameter(ge=1, le=LARGEST_GENERATION, description="The generation before, if left out."),
    ] = None,
) -> ComparedRevision:
    """Field by field; a parameter that is left out counts as its template's default."""
    bind_contextvars(deployment_id=str(deployment_id), generation=generation)
    generation = min(max(generation, 0), LARGEST_GENERATION)
    async with database.transaction() as session:
        found = await revisions.read_revision(session, deployment_id, generation)
        differences = await revisions.compare_revisions(session, deployment_id, generation, against)
    return ComparedRevision(**msgspec.structs.asdict(found), differences=differences)


router = Router(
    "/api/deployments/{deployment_id:uuid}/revisions",
    route_handlers=[list_revisions, compare_revisions],
    tags=["revisions"],
)
