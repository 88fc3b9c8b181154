"""Rollouts over HTTP: start one, follow it, and decide about its course. Workers carry it out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.bodies import StrictBody
from app.conditions import IdempotencyKey, once
from app.cursors import pack, unpack
from app.events import After, Limit
from app.problems import CHANGE_PROBLEMS, PROBLEMS
from db import rollouts
from db.database import Database
from db.rollouts import Course, NewRollout, Rollout, RolloutDetail, RolloutPreview

LARGEST_ID = 2**63 - 1


class Before(msgspec.Struct, frozen=True, array_like=True):
    """Where a page stopped: the next begins below."""

    id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]


class Rollouts(msgspec.Struct, frozen=True):
    """A page, newest first. `next` is null on the last one."""

    items: list[Rollout]
    next: str | None


@get("/", responses=PROBLEMS, summary="Rollouts, newest first")
async def list_rollouts(database: NamedDependency[Database], after: After = None, limit: Limit = 100) -> Rollouts:
    """Those with a member that you may see."""
    before = None if after is None else unpack(after, Before).id
    async with database.transaction() as session:
        found = await rollouts.list_rollouts(session, before, limit + 1)
    return Rollouts(found[:limit], pack(Before(found[limit - 1].id)) if len(found) > limit else None)


@post(
    "/",
    responses=CHANGE_PROBLEMS,
    summary="Start a rollout",
    status_code=201,
    dto=StrictBody[NewRollout],
    return_dto=None,
)
async def start_rollout(
    data: JSONBody[NewRollout], database: NamedDependency[Database], idempotency_key: IdempotencyKey = None
) -> Response[RolloutDetail]:
    """It is carried out in the background. What would be refused is listed as refused, and never touched."""
    async with database.transaction() as session:

        async def start() -> Response[RolloutDetail]:
            own = await rollouts.start_rollout(session, data)
            made = await rollouts.read_rollout(session, own)
            return Response(made, status_code=201, headers={"Location": f"/api/rollouts/{own}"})

        return await once(session, idempotency_key, ("rollout", data), start)


@post(
    "/preview",
    responses=CHANGE_PROBLEMS,
    summary="What a rollout would do, and be refused",
    status_code=200,
    dto=StrictBody[NewRollout],
    return_dto=None,
)
async def preview_rollout(data: JSONBody[NewRollout], database: NamedDependency[Database]) -> RolloutPreview:
    """How many would change, how many take a restart, what would be refused, and the plan of one. Changes nothing."""
    async with database.transaction() as session:
        return await rollouts.preview_rollout(session, data)


@get("/{rollout_id:int}", responses=PROBLEMS, summary="One rollout, with its members")
async def read_rollout(rollout_id: FromPath[int], database: NamedDependency[Database]) -> RolloutDetail:
    """Those that you may see, in their turn."""
    async with database.transaction() as session:
        return await rollouts.read_rollout(session, within(rollout_id))


@post("/{rollout_id:int}/pause", responses=CHANGE_PROBLEMS, summary="Pause a rollout", status_code=202)
async def pause_rollout(rollout_id: FromPath[int], database: NamedDependency[Database]) -> RolloutDetail:
    """No further member is started; those that were are watched to their end."""
    return await directed(database, rollout_id, "pause")


@post("/{rollout_id:int}/resume", responses=CHANGE_PROBLEMS, summary="Resume a rollout", status_code=202)
async def resume_rollout(rollout_id: FromPath[int], database: NamedDependency[Database]) -> RolloutDetail:
    """From now on members are changed in your name."""
    return await directed(database, rollout_id, "resume")


@post("/{rollout_id:int}/abort", responses=CHANGE_PROBLEMS, summary="Abort a rollout", status_code=202)
async def abort_rollout(rollout_id: FromPath[int], database: NamedDependency[Database]) -> RolloutDetail:
    """What was changed stays changed, what was not stays as it is."""
    return await directed(database, rollout_id, "abort")


@post("/{rollout_id:int}/roll-back", responses=CHANGE_PROBLEMS, summary="Put back what it changed", status_code=202)
async def roll_back_rollout(rollout_id: FromPath[int], database: NamedDependency[Database]) -> RolloutDetail:
    """In batches by the same rules. What others changed since stays, and so does what cannot go back."""
    return await directed(database, rollout_id, "roll-back")


async def directed(database: Database, rollout_id: int, course: Course) -> Any:
    """Decide about its course, and tell how it is then."""
    async with database.transaction() as session:
        await rollouts.direct_rollout(session, within(rollout_id), course)
        return await rollouts.read_rollout(session, within(rollout_id))


def within(rollout_id: int) -> int:
    """An id as Postgres can count it; what is beyond that never was."""
    return min(max(rollout_id, 0), LARGEST_ID)


router = Router(
    "/api/rollouts",
    route_handlers=[
        list_rollouts,
        start_rollout,
        preview_rollout,
        read_rollout,
        pause_rollout,
        resume_rollout,
        abort_rollout,
        roll_back_rollout,
    ],
    tags=["rollouts"],
)
