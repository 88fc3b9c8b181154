"""Drift: what stands otherwise at the clusters than it should, of one deployment or of all; and what is fought over."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from structlog.contextvars import bind_contextvars

from app.cursors import pack, unpack
from app.events import After, Limit
from app.problems import PROBLEMS
from db import contests, drift
from db.contests import Contested
from db.database import Database
from db.drift import Drift, DriftStop


class Drifts(msgspec.Struct, frozen=True):
    """A page. `next` is null on the last one; the drift of one deployment is one page."""

    items: list[Drift]
    next: str | None


class Contests(msgspec.Struct, frozen=True):
    """Those that began first, no more than 500."""

    items: list[Contested]


@get("/api/drift", responses=PROBLEMS, summary="What was changed behind our back, everywhere")
async def list_all_drift(database: NamedDependency[Database], after: After = None, limit: Limit = 100) -> Drifts:
    """Path by path: wanted, live, and who changed it; by deployment."""
    stop = None if after is None else unpack(after, DriftStop)
    async with database.transaction() as session:
        page = await drift.list_all_drift(session, stop, limit)
    return Drifts(page.items, None if page.next is None else pack(page.next))


@get("/api/deployments/{deployment_id:uuid}/drift", responses=PROBLEMS, summary="What was changed behind our back")
async def list_drift(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> Drifts:
    """Path by path: wanted, live, and who changed it."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return Drifts(await drift.list_drift(session, deployment_id), None)


@get("/api/contested", responses=PROBLEMS, summary="What somebody else keeps setting, everywhere")
async def list_contested(database: NamedDependency[Database]) -> Contests:
    """Paths that were put back too often: by whom they are contested, since when, and when each is put back next."""
    async with database.transaction() as session:
        return Contests(await contests.list_contested(session))


router = Router("/", route_handlers=[list_all_drift, list_drift, list_contested], tags=["drift"])
