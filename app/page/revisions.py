"""What was wanted of one server, generation by generation: who changed what, and how any two of them differ."""

from __future__ import annotations

from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from app.page.rendering import Page, text_of
from app.page.visit import Visit
from db import revisions
from db.deployments import read_deployment

SHOWN = 20


@get("/servers/{deployment_id:uuid}/revisions", include_in_schema=False)
async def show_revisions(
    deployment_id: FromPath[UUID], visit: NamedDependency[Visit], before: FromQuery[int | None] = None
) -> Page:
    """Newest first, each with what it changed."""
    async with visit.transaction() as session:
        server = await read_deployment(session, deployment_id)
        found = await revisions.list_changes(session, deployment_id, before, SHOWN + 1)
    return visit.show(
        "revisions.html",
        server=server,
        changes=found[:SHOWN],
        older=found[SHOWN - 1][0].generation if len(found) > SHOWN else None,
        text_of=text_of,
    )


@get("/servers/{deployment_id:uuid}/compare", include_in_schema=False)
async def compare(
    deployment_id: FromPath[UUID],
    visit: NamedDependency[Visit],
    was: FromQuery[int | None] = None,
    becomes: FromQuery[int | None] = None,
) -> Page:
    """What differs from one generation to another: from the one before to the newest, if none is named."""
    async with visit.transaction() as session:
        server = await read_deployment(session, deployment_id)
        later = becomes if becomes is not None else server.generation
        earlier = was if was is not None else later - 1
        differences = await revisions.compare_revisions(session, deployment_id, later, earlier)
    return visit.show(
        "compare.html", server=server, was=earlier, becomes=later, differences=differences, text_of=text_of
    )


router = Router("/", route_handlers=[show_revisions, compare])
