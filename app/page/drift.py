"""Drift: everything that stands otherwise at the clusters than it should, and what will happen to it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from litestar import Router, get
from litestar.di import NamedDependency

from app.cursors import pack, unpack
from app.page.live import Query, View
from app.page.rendering import Page, text_of
from app.page.visit import Visit
from db.connection import Session
from db.contests import list_contested
from db.drift import DriftStop, list_all_drift

SHOWN = 100


async def read_drift(session: Session, query: Query) -> dict[str, Any]:
    """A page of it, by server. Raises Refused (400) for a cursor that is none."""
    after = query.get("after")
    page = await list_all_drift(session, unpack(after, DriftStop) if after else None, SHOWN)
    servers = [list(same) for _, same in groupby(page.items, key=lambda one: one.deployment_id)]
    return {
        "contested": [] if after else await list_contested(session),
        "servers": servers,
        "after": after,
        "next": pack(page.next) if page.next else None,
        "text_of": text_of,
    }


drift_view = View("drift", "drift_now.html", read_drift)


@get("/drift", include_in_schema=False)
async def show_drift(visit: NamedDependency[Visit]) -> Page:
    """All of it, kept current."""
    async with visit.transaction() as session:
        found = await drift_view.read(session, visit.request.query_params)
    return visit.show("drift.html", view=drift_view, **found)


router = Router("/", route_handlers=[show_drift])
