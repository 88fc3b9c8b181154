"""Dry runs over HTTP: a question to the cluster is a row, which a worker answers; the API has no way into a cluster."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.deployments import ChangedDeployment, NewDeployment
from app.problems import CHANGE_PROBLEMS, PROBLEMS
from db import dry_runs
from db.connection import Session
from db.database import Database
from db.dry_runs import DryRun

LARGEST_ID = 2**63 - 1


@post(
    "/api/deployments/dry-run",
    responses=CHANGE_PROBLEMS,
    summary="Ask the cluster about a creation",
    status_code=202,
    dto=StrictBody[NewDeployment],
    return_dto=None,
)
async def ask_about_new(data: JSONBody[NewDeployment], database: NamedDependency[Database]) -> Response[DryRun]:
    """Refuses what a creation would refuse; else a worker asks the API server about each object. Changes nothing."""
    async with database.transaction() as session:
        return await told(session, await dry_runs.request_new_dry_run(session, **msgspec.structs.asdict(data)))


@post(
    "/api/deployments/{deployment_id:uuid}/dry-run",
    responses=CHANGE_PROBLEMS,
    summary="Ask the cluster about a change",
    status_code=202,
    dto=StrictBody[ChangedDeployment],
    return_dto=None,
)
async def ask_about_change(
    deployment_id: FromPath[UUID], data: JSONBody[ChangedDeployment], database: NamedDependency[Database]
) -> Response[DryRun]:
    """About the deployment as it stands, if the body is {}. Location is where the answer comes. Changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return await told(session, await dry_runs.request_dry_run(session, deployment_id, data.change()))


@get("/api/dry-runs/{dry_run_id:int}", responses=PROBLEMS, summary="What the cluster answered")
async def read_dry_run(dry_run_id: FromPath[int], database: NamedDependency[Database]) -> DryRun:
    """It is `done` or `failed` within two minutes, and kept for a day."""
    async with database.transaction() as session:
        return await dry_runs.read_dry_run(session, min(max(dry_run_id, 0), LARGEST_ID))


async def told(session: Session, made: int) -> Response[DryRun]:
    """The question that was asked, and where its answer comes."""
    found = await dry_runs.read_dry_run(session, made)
    return Response(found, status_code=202, headers={"Location": f"/api/dry-runs/{made}"})


router = Router("/", route_handlers=[ask_about_new, ask_about_change, read_dry_run], tags=["deployments"])
