"""What happens to one server next, path by path; and what its cluster says to that before it is asked for.

The plan is read from Postgres alone. To ask the cluster is a row that a worker answers: the page of the answer is kept
current until it is there.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.dry_runs import LARGEST_ID
from app.page.drafts import as_step
from app.page.live import Query, View
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from db.changes import Change
from db.connection import Session
from db.deployments import read_deployment
from db.dry_runs import read_dry_run, request_dry_run
from db.plans import read_plan


async def read_answers(session: Session, query: Query) -> dict[str, Any]:
    """The dry run that the query names. Raises Refused (404)."""
    which = msgspec.convert(query.get("id") or 0, int, strict=False)
    return {"asked": await read_dry_run(session, min(max(which, 0), LARGEST_ID)), "text_of": text_of}


view = View("dry-run", "dry_run_now.html", read_answers)


@get("/servers/{deployment_id:uuid}/plan", include_in_schema=False)
async def show_plan(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page:
    """As things stand."""
    async with visit.transaction() as session:
        server = await read_deployment(session, deployment_id)
        rows = await read_plan(session, deployment_id)
    steps = [as_step(list(found), None) for _, found in groupby(rows, key=lambda row: row.step)]
    return visit.show("plan.html", server=server, steps=steps, text_of=text_of)


@post("/servers/{deployment_id:uuid}/dry-run", include_in_schema=False)
async def ask_the_cluster(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Redirect:
    """About the server as it is asked for now."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with visit.transaction() as session:
        return answers_of(await request_dry_run(session, deployment_id, Change()))


@get("/dry-runs/{dry_run_id:int}", include_in_schema=False)
async def show_dry_run(dry_run_id: FromPath[int], visit: NamedDependency[Visit]) -> Page:
    """Kept current."""
    query = Query({"id": str(dry_run_id)})
    async with visit.transaction() as session:
        found = await view.read(session, query)
    return visit.show("dry_run.html", view=view, **found)


def answers_of(dry_run_id: int) -> Redirect:
    """To where the answers come."""
    return back(f"/dry-runs/{dry_run_id}")


router = Router("/", route_handlers=[show_plan, ask_the_cluster, show_dry_run])
