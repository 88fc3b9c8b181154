"""Move one server to the newest version of its template: what that would do, or what stands in the way."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.page.drafts import as_yaml, try_out
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from db import catalogue, changes, deployments
from db.changes import LARGEST_VERSION, Upgrade
from db.connection import Session
from db.errors import Moved, Refused
from db.preview import preview_upgrade

_MOVED = 409


@get("/servers/{deployment_id:uuid}/upgrade", include_in_schema=False)
async def ask(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page:
    """What would change, and whether that is meant."""
    async with visit.transaction() as session:
        visit.require_change("change servers")
        return await show(visit, session, deployment_id)


@post("/servers/{deployment_id:uuid}/upgrade", include_in_schema=False)
async def move(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Do it, if the server is still as it was shown."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.form()
    version, seen = (msgspec.convert(form.get(name), int, strict=False) for name in ("version", "generation"))
    version = min(max(version, 1), LARGEST_VERSION)
    wanted = Upgrade(version=version, force=form.get("force") == "yes", restart=form.get("restart") == "yes")
    try:
        async with visit.transaction() as session:
            await changes.upgrade(session, deployment_id, wanted, expected=[seen])
    except (Moved, Refused) as failed:
        async with visit.transaction() as session:
            return await show(visit, session, deployment_id, failed)
    return back(f"/servers/{deployment_id}", told=f"It moves to version {version}.")


async def show(visit: Visit, session: Session, deployment_id: UUID, failed: Moved | Refused | None = None) -> Page:
    """The question as things stand. Raises Refused (404)."""
    server = await deployments.read_deployment(session, deployment_id)
    newest = (await catalogue.read_template(session, server.template, None)).version
    tried = await try_out(session, lambda: preview_upgrade(session, deployment_id, Upgrade(version=newest)))
    # What force would let through is a question; anything else it would not help.
    forced = await try_out(
        session, lambda: preview_upgrade(session, deployment_id, Upgrade(version=newest, force=True))
    )
    status_code = 200 if failed is None else _MOVED if isinstance(failed, Moved) else failed.status
    return visit.show(
        "upgrade.html",
        status_code=status_code,
        server=server,
        newest=newest,
        tried=tried if tried.preview is None and forced.preview is None else forced,
        reason=tried.refusal if forced.preview is not None else None,
        moved=isinstance(failed, Moved),
        yaml=as_yaml,
        text_of=text_of,
    )


router = Router("/", route_handlers=[ask, move])
