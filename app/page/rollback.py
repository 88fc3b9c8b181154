"""Go back to what one server was asked to be before: what differs and what that would do, then the button.

Where Postgres refuses for a version that would go down, and only there, the form asks whether that is meant.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.page.drafts import as_yaml, try_out
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from app.revisions import LARGEST_GENERATION
from db import changes, deployments, revisions
from db.connection import Session
from db.errors import Moved, Refused
from db.preview import preview_rollback

_MOVED = 409
# A rollback leaves these as they are.
KEPT = ("desired_state", "restarted_at")


@get("/servers/{deployment_id:uuid}/rollback", include_in_schema=False)
async def ask(deployment_id: FromPath[UUID], visit: NamedDependency[Visit], to: FromQuery[int]) -> Page:
    """What would change, and whether that is meant."""
    async with visit.transaction() as session:
        visit.require_change("change servers")
        return await show(visit, session, deployment_id, to)


@post("/servers/{deployment_id:uuid}/rollback", include_in_schema=False)
async def go_back(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Do it, if the server is still as it was shown."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.form()
    to, seen = (msgspec.convert(form.get(name), int, strict=False) for name in ("to", "generation"))
    force = form.get("force") == "yes"
    try:
        async with visit.transaction() as session:
            await changes.rollback(session, deployment_id, within(to), force=force, expected=[seen])
    except (Moved, Refused) as refusal:
        async with visit.transaction() as session:
            return await show(visit, session, deployment_id, to, refusal)
    return back(f"/servers/{deployment_id}", told=f"It goes back to what generation {to} wanted.")


async def show(
    visit: Visit, session: Session, deployment_id: UUID, to: int, failed: Moved | Refused | None = None
) -> Page:
    """The question as things stand. Raises Refused (404)."""
    server = await deployments.read_deployment(session, deployment_id)
    to = within(to)
    differences = await revisions.compare_revisions(session, deployment_id, to, server.generation)
    tried = await try_out(session, lambda: preview_rollback(session, deployment_id, to, force=False))
    # What force would let through is a question; anything else it would not help.
    forced = await try_out(session, lambda: preview_rollback(session, deployment_id, to, force=True))
    status_code = 200 if failed is None else _MOVED if isinstance(failed, Moved) else failed.status
    return visit.show(
        "rollback.html",
        status_code=status_code,
        server=server,
        to=to,
        differences=[one for one in differences if one.field not in KEPT],
        tried=tried if tried.preview is None and forced.preview is None else forced,
        reason=tried.refusal if forced.preview is not None else None,
        moved=isinstance(failed, Moved),
        yaml=as_yaml,
        text_of=text_of,
    )


def within(generation: int) -> int:
    """A generation as Postgres can count it; what is beyond that never was."""
    return min(max(generation, 0), LARGEST_GENERATION)


router = Router("/", route_handlers=[ask, go_back])
