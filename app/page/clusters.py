"""Clusters: whether each answers, how recently it was looked at, what waits for it, and who works on it."""

from __future__ import annotations

from typing import Any

from litestar import Router, get
from litestar.di import NamedDependency

from app.page.live import Query, View
from app.page.rendering import Page
from app.page.visit import Visit
from db import clusters
from db.connection import Session
from db.listing import WORST_FIRST


async def read_clusters(session: Session, _query: Query) -> dict[str, Any]:
    """All of them: there are few."""
    return {
        "clusters": await clusters.describe_clusters(session),
        "statuses": WORST_FIRST,
    }


view = View("clusters", "clusters_live.html", read_clusters)


@get("/clusters", include_in_schema=False)
async def show_clusters(visit: NamedDependency[Visit]) -> Page:
    """Kept current."""
    async with visit.transaction() as session:
        found = await view.read(session, visit.query)
    return visit.show("clusters.html", view=view, **found)


router = Router("/", route_handlers=[show_clusters])
