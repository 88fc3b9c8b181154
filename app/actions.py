"""What a button does: one deployment asked to run, to stop, to be held, or to be looked at now."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.conditions import IfMatch, expected_generations
from app.deployments import changed, told
from app.problems import CHANGE_PROBLEMS
from app.revisions import LARGEST_GENERATION
from db import changes, deployments
from db.changes import Change, Upgrade
from db.database import Database
from db.deployments import DeploymentDetail


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The generation whose intent is taken up again. `force` it where a version would go down that never should.

    `restart`: in the same generation, if pods would keep the old settings otherwise.
    """

    generation: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_GENERATION)]
    force: bool = False
    restart: bool = False


@post("/start", responses=CHANGE_PROBLEMS, summary="Start a deployment", status_code=202)
async def start_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], if_match: IfMatch = None
) -> Response[DeploymentDetail]:
    """The same as desired_state Active. A held one goes on; a deleted one comes back, with its data if it was kept."""
    return await changed(database, deployment_id, Change(desired_state="Active"), if_match, 202)


@post("/stop", responses=CHANGE_PROBLEMS, summary="Stop a deployment", status_code=202)
async def stop_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], if_match: IfMatch = None
) -> Response[DeploymentDetail]:
    """The same as desired_state Stopped: no replicas, all else stays."""
    return await changed(database, deployment_id, Change(desired_state="Stopped"), if_match, 202)


@post("/pause", responses=CHANGE_PROBLEMS, summary="Hold a deployment as it is", status_code=202)
async def pause_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], if_match: IfMatch = None
) -> Response[DeploymentDetail]:
    """The same as desired_state Paused: drift is recorded and nothing is put back."""
    return await changed(database, deployment_id, Change(desired_state="Paused"), if_match, 202)


@post("/resume", responses=CHANGE_PROBLEMS, summary="Let a held deployment go on, and run", status_code=202)
async def resume_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], if_match: IfMatch = None
) -> Response[DeploymentDetail]:
    """The same as start, desired_state Active: one that was stopped before it was held runs, too."""
    return await changed(database, deployment_id, Change(desired_state="Active"), if_match, 202)


@post(
    "/rollback",
    responses=CHANGE_PROBLEMS,
    summary="Go back to what an earlier generation wanted",
    status_code=202,
    dto=StrictBody[Rollback],
    return_dto=None,
)
async def rollback_deployment(
    deployment_id: FromPath[UUID],
    data: JSONBody[Rollback],
    database: NamedDependency[Database],
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """As a new generation, with every check. Whether it runs stays as it is. Nothing differs: nothing changes."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await changes.rollback(session, deployment_id, **msgspec.structs.asdict(data), expected=expected)
        return told(await deployments.read_deployment(session, deployment_id), 202)


@post(
    "/upgrade",
    responses=CHANGE_PROBLEMS,
    summary="Move to another version of the template",
    status_code=202,
    dto=StrictBody[Upgrade],
    return_dto=None,
)
async def upgrade_deployment(
    deployment_id: FromPath[UUID],
    data: JSONBody[Upgrade],
    database: NamedDependency[Database],
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """Parameters are carried over; all that the version does not take is refused in one answer, and nothing changes."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await changes.upgrade(session, deployment_id, data, expected)
        return told(await deployments.read_deployment(session, deployment_id), 202)


@post("/reconcile", responses=CHANGE_PROBLEMS, summary="Reconcile a deployment now", status_code=202)
async def reconcile_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database], if_match: IfMatch = None
) -> Response[DeploymentDetail]:
    """Whatever its back-off or quarantine. Changes no intent."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await changes.reconcile_now(session, deployment_id, expected)
        return told(await deployments.read_deployment(session, deployment_id), 202)


router = Router(
    "/api/deployments/{deployment_id:uuid}",
    route_handlers=[
        start_deployment,
        stop_deployment,
        pause_deployment,
        resume_deployment,
        rollback_deployment,
        upgrade_deployment,
        reconcile_deployment,
    ],
    tags=["actions"],
)
