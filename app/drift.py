"""Drift: what stands otherwise at the clusters than it should, of one deployment or of all; and what is fought over."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.conditions import IfMatch, expected_generations
from app.cursors import pack, unpack
from app.deployments import told
from app.events import After, Limit
from app.problems import CHANGE_PROBLEMS, PROBLEMS
from app.revisions import LARGEST_GENERATION
from db import contests, deployments, drift
from db.contests import Contested
from db.database import Database
from db.deployments import DeploymentDetail
from db.drift import Drift, DriftStop
from db.preview import Preview, preview_adopt

MOST_PATHS = 1000
_PATH_CHARACTERS = 4000


class Drifts(msgspec.Struct, frozen=True):
    """A page. `next` is null on the last one; the drift of one deployment is one page."""

    items: list[Drift]
    next: str | None


class Contests(msgspec.Struct, frozen=True):
    """Those that began first, no more than 500."""

    items: list[Contested]


Paths = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=_PATH_CHARACTERS)]], msgspec.Meta(min_length=1, max_length=MOST_PATHS)
]


class Adoption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to adopt: `paths` as drift spells them, "Kind/name:path" where several objects have one; all, if left out.

    `generation` and `seen` (of the rows of drift) are what was looked at: if it is otherwise by then, nothing is done.
    """

    paths: Paths | None = None
    generation: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_GENERATION)] | None = None
    seen: Paths | None = None


class PutBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to put back: `paths` as drift spells them, or "Kind/name:path"; all that drift shows, if left out."""

    paths: Paths | None = None


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


@post(
    "/api/deployments/{deployment_id:uuid}/drift/adopt",
    responses=CHANGE_PROBLEMS,
    summary="Make what was changed at the cluster what is wanted",
    status_code=202,
    dto=StrictBody[Adoption],
    return_dto=None,
)
async def adopt_drift(
    deployment_id: FromPath[UUID],
    data: JSONBody[Adoption],
    database: NamedDependency[Database],
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """As a change of parameters, with every check: all of these paths or none. A refusal names the path of drift."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await drift.adopt(session, deployment_id, data.paths, data.generation, data.seen, expected)
        return told(await deployments.read_deployment(session, deployment_id), 202)


@post(
    "/api/deployments/{deployment_id:uuid}/drift/put-back",
    responses=CHANGE_PROBLEMS,
    summary="Put back once what waits, is held or is ignored",
    status_code=202,
    dto=StrictBody[PutBack],
    return_dto=None,
)
async def put_back_drift(
    deployment_id: FromPath[UUID],
    data: JSONBody[PutBack],
    database: NamedDependency[Database],
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """Whatever the policy, which stays as it is. What is ignored is put back only where its path is named."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await drift.put_back(session, deployment_id, data.paths, expected)
        return told(await deployments.read_deployment(session, deployment_id), 202)


@post(
    "/api/deployments/{deployment_id:uuid}/drift/adopt/preview",
    responses=CHANGE_PROBLEMS,
    summary="What adopting would do",
    status_code=200,
    dto=StrictBody[Adoption],
    return_dto=None,
)
async def preview_adoption(
    deployment_id: FromPath[UUID], data: JSONBody[Adoption], database: NamedDependency[Database]
) -> Preview:
    """Refuses what adopting would refuse, and tells what each object would become. Changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return await preview_adopt(session, deployment_id, data.paths, data.generation, data.seen)


router = Router(
    "/",
    route_handlers=[list_all_drift, list_drift, list_contested, put_back_drift, adopt_drift, preview_adoption],
    tags=["drift"],
)
