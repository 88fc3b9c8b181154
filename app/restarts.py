"""Restarts over HTTP, now or later, and how many play, which one that waits for an empty server asks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.conditions import IfMatch, expected_generations
from app.deployments import told
from app.problems import CHANGE_PROBLEMS
from db import changes, deployments, restarts
from db.database import Database
from db.deployments import DeploymentDetail

MOST_PLAYERS = 2**31 - 1


class Restart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a restart waits for: a window, nobody playing, a time; when_empty with one of the others, the first of both.

    `only_if_required`: it is not made if nothing requires it by then.
    """

    in_window: str | None = None
    when_empty: bool = False
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    only_if_required: bool = True


class Players(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many are online now."""

    online: Annotated[int, msgspec.Meta(ge=0, le=MOST_PLAYERS)]


class RestartBody(StrictBody[Restart]):
    """No body is no wait."""

    def decode_bytes(self, value: bytes) -> Restart | None:
        """The body, or None."""
        return super().decode_bytes(value) if value.strip() else None


@post(
    "/restart",
    responses=CHANGE_PROBLEMS,
    summary="Restart what a deployment runs, now or later",
    status_code=202,
    dto=StrictBody[Restart],
    return_dto=None,
)
async def restart_deployment(
    deployment_id: FromPath[UUID],
    database: NamedDependency[Database],
    data: JSONBody[Restart | None] = None,
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """Without a body now, as a generation of its own; what was changed and waits for a restart takes effect with it.

    Otherwise it is planned, in place of what was planned before: see `planned_restart`.
    """
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        if data is None:
            await changes.restart(session, deployment_id, expected)
        else:
            await changes.plan_restart(session, deployment_id, expected, **msgspec.structs.asdict(data))
        return told(await deployments.read_deployment(session, deployment_id), 202)


@delete("/restart", responses=CHANGE_PROBLEMS, summary="Take back a planned restart", status_code=204)
async def cancel_restart(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> None:
    """404 where none is planned."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        await restarts.cancel_restart(session, deployment_id)


@put(
    "/players",
    responses=CHANGE_PROBLEMS,
    summary="Tell how many play",
    status_code=204,
    dto=StrictBody[Players],
    return_dto=None,
)
async def record_players(
    deployment_id: FromPath[UUID], data: JSONBody[Players], database: NamedDependency[Database]
) -> None:
    """Believed for some minutes; then nobody knows again. 0 lets a restart happen that waits for it."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        await restarts.record_players(session, deployment_id, data.online)


router = Router(
    "/api/deployments/{deployment_id:uuid}",
    route_handlers=[restart_deployment, cancel_restart, record_players],
    tags=["actions"],
)
