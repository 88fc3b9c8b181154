"""Previews over HTTP: the answer to a creation or change, with every check, before it is asked for."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from structlog.contextvars import bind_contextvars

from app.actions import Rollback
from app.bodies import StrictBody
from app.deployments import ChangedDeployment, NewDeployment
from app.problems import CHANGE_PROBLEMS
from db import preview
from db.changes import Upgrade
from db.database import Database
from db.preview import Preview


@post(
    "/preview",
    responses=CHANGE_PROBLEMS,
    summary="What a creation would make",
    status_code=200,
    dto=StrictBody[NewDeployment],
    return_dto=None,
)
async def preview_new(data: JSONBody[NewDeployment], database: NamedDependency[Database]) -> Preview:
    """Refuses what a creation would refuse. Changes nothing."""
    async with database.transaction() as session:
        return await preview.preview_new(session, **msgspec.structs.asdict(data))


@post(
    "/{deployment_id:uuid}/preview",
    responses=CHANGE_PROBLEMS,
    summary="What a change would make",
    status_code=200,
    dto=StrictBody[ChangedDeployment],
    return_dto=None,
)
async def preview_change(
    deployment_id: FromPath[UUID], data: JSONBody[ChangedDeployment], database: NamedDependency[Database]
) -> Preview:
    """Refuses what the change would refuse, and tells what each object would become. Changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return await preview.preview_change(session, deployment_id, data.change())


@post(
    "/{deployment_id:uuid}/upgrade/preview",
    responses=CHANGE_PROBLEMS,
    summary="What a move to another version would make",
    status_code=200,
    dto=StrictBody[Upgrade],
    return_dto=None,
)
async def preview_upgrade(
    deployment_id: FromPath[UUID], data: JSONBody[Upgrade], database: NamedDependency[Database]
) -> Preview:
    """Refuses what the move would refuse, and tells what each object would become. Changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return await preview.preview_upgrade(session, deployment_id, data)


@post(
    "/{deployment_id:uuid}/rollback/preview",
    responses=CHANGE_PROBLEMS,
    summary="What going back to an earlier generation would make",
    status_code=200,
    dto=StrictBody[Rollback],
    return_dto=None,
)
async def preview_rollback(
    deployment_id: FromPath[UUID], data: JSONBody[Rollback], database: NamedDependency[Database]
) -> Preview:
    """Refuses what the rollback would refuse, and tells what each object would become. Changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return await preview.preview_rollback(session, deployment_id, data.generation, force=data.force)


router = Router(
    "/api/deployments",
    route_handlers=[preview_new, preview_change, preview_upgrade, preview_rollback],
    tags=["deployments"],
)
