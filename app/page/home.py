"""Home: every server there is, how it is, and what can be done with many at once."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.di import NamedDependency

from app.page.live import Query, View
from app.page.rendering import Page
from app.page.visit import Visit
from db import listing
from db.connection import Session
from db.listing import Filter


async def read_servers(session: Session, query: Query) -> dict[str, Any]:
    """What the list shows."""
    del query
    page = await listing.list_deployments(session, Filter())
    return {"servers": page.items}


servers = View("servers", "servers.html", read_servers)


@get("/", include_in_schema=False)
async def show_home(visit: NamedDependency[Visit]) -> Page:
    """The list, and around it what narrows it."""
    query = visit.request.query_params
    async with visit.transaction() as session:
        found = await servers.read(session, query)
    return visit.show("home.html", view=servers, **found)
