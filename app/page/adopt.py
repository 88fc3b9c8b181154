"""Adopt what somebody changed at the cluster: what that sets and what comes of it, then the button.

What is sent names the generation and the differences that were shown: if either is another by then, nothing is done and
the question is asked anew.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.page.drafts import Tried, as_yaml, try_out
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from app.page.words import counted
from app.revisions import LARGEST_GENERATION
from db import catalogue, deployments, drift
from db.connection import Session
from db.errors import Refused
from db.preview import preview_adopt


@get("/servers/{deployment_id:uuid}/adopt", include_in_schema=False)
async def ask(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page:
    """What would be set; all that can be adopted, if no path is named."""
    paths = visit.query.getall("path", [])
    async with visit.transaction() as session:
        visit.require_change("change servers")
        return await show(visit, session, deployment_id, paths)


@post("/servers/{deployment_id:uuid}/adopt", include_in_schema=False)
async def adopt(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Do it, if generation and differences are still those that were shown."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.request.form()
    paths, seen = ([str(one) for one in form.getall(name, [])] for name in ("path", "seen"))
    generation = min(max(msgspec.convert(form.get("generation"), int, strict=False), 0), LARGEST_GENERATION)
    try:
        async with visit.transaction() as session:
            await drift.adopt(session, deployment_id, paths, generation, seen or None)
    except Refused as refusal:
        async with visit.transaction() as session:
            return await show(visit, session, deployment_id, paths, refusal)
    told = f"{counted(len(paths), 'difference')} {'is' if len(paths) == 1 else 'are'} what is wanted now."
    return back(f"/servers/{deployment_id}", told=told)


async def show(
    visit: Visit, session: Session, deployment_id: UUID, asked_for: Collection[str], failed: Refused | None = None
) -> Page:
    """The question as things stand. Raises Refused (404)."""
    server = await deployments.read_deployment(session, deployment_id)
    template = await catalogue.read_template(session, server.template, server.template_version)
    found = await drift.list_drift(session, deployment_id)
    wanted = set(asked_for) or {one.spelled for one in found}
    chosen = [one.spelled for one in found if one.adoptable and one.spelled in wanted]
    tried = Tried(None, None)
    if chosen:
        tried = await try_out(session, lambda: preview_adopt(session, deployment_id, chosen, None, None))
    return visit.show(
        "adopt.html",
        status_code=200 if failed is None else failed.status,
        server=server,
        titles={name: rule.get("title", name) for name, rule in template.allowed_mutations_json["properties"].items()},
        found=found,
        chosen=chosen,
        tried=tried,
        failed=failed,
        yaml=as_yaml,
        text_of=text_of,
    )


router = Router("/", route_handlers=[ask, adopt])
