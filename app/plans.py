"""The plan of a deployment as it stands: what its next reconciliation would do."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from structlog.contextvars import bind_contextvars

from app.problems import PROBLEMS
from db import plans
from db.database import Database
from db.plans import PlannedChange


class Plan(msgspec.Struct, frozen=True):
    """Path by path. `changes` is false where all stands as it is asked for, or is held."""

    changes: bool
    items: list[PlannedChange]


@get("/{deployment_id:uuid}/plan", responses=PROBLEMS, summary="What the next reconciliation would do")
async def read_plan(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> Plan:
    """Against what was last applied and last seen; no cluster is asked, nothing is written."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        items = await plans.read_plan(session, deployment_id)
    return Plan(any(item.action != "none" for item in items), items)


router = Router("/api/deployments", route_handlers=[read_plan], tags=["deployments"])
