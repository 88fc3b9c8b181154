"""Home: every server there is, how it is, and what narrows the list. What is done with many at once is in acts.py."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from app.cursors import foreign_cursor, pack, unpack
from app.page.live import Query, View
from app.page.rendering import Page
from app.page.visit import Visit
from db import catalogue, clusters, contests, listing
from db.connection import Session
from db.listing import WORST_FIRST, Filter, OtherOrder, Sort, Status, Stop

ROWS = 50
# In one action.
MOST = 1000
ORDERS = {
    "": "Name",
    "status": "Worst first",
    "-updated": "Last changed",
    "-created": "Newest",
    "created": "Oldest",
}


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the address asks to see."""

    q: str | None = None
    status: Status | None = None
    template: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    drifted: bool = False
    deleted: bool = False
    sort: Sort = "name"
    after: str | None = None

    @classmethod
    def of(cls, query: Query) -> Wish:
        """Raises msgspec.ValidationError."""
        return msgspec.convert({name: value for name, value in query.items() if value != ""}, cls, strict=False)

    def filter(self) -> Filter:
        """The same for the door to Postgres."""
        return Filter(
            q=self.q,
            status=[] if self.status is None else [self.status],
            template=self.template,
            cluster=self.cluster,
            namespace=self.namespace,
            drifted=True if self.drifted else None,
            deleted=self.deleted,
        )


async def read_servers(session: Session, query: Query) -> dict[str, Any]:
    """One page of the list, and how many there are of each status whatever status is asked for."""
    wish = Wish.of(query)
    stop = None if wish.after is None else unpack(wish.after, Stop)
    wanted = wish.filter()
    try:
        page = await listing.list_deployments(session, wanted, sort=wish.sort, after=stop, limit=ROWS)
    except OtherOrder as error:
        raise foreign_cursor() from error
    return {
        "wish": wish,
        "asked": msgspec.to_builtins(wish),
        "servers": page.items,
        "next": None if page.next is None else pack(page.next),
        "counts": await listing.count_deployments(session, msgspec.structs.replace(wanted, status=[])),
        "statuses": WORST_FIRST,
        "most": MOST,
        "newest": {template.name: template.version for template in await catalogue.list_templates(session)},
        "contested": await contests.list_contested(session),
        "clusters": await clusters.list_clusters(session),
    }


servers = View("servers", "servers.html", read_servers)


@get("/", include_in_schema=False)
async def show_home(visit: NamedDependency[Visit]) -> Page:
    """The list, and around it what narrows it."""
    async with visit.transaction() as session:
        found = await servers.read(session, visit.query)
    return visit.show("home.html", view=servers, orders=ORDERS, **found)


router = Router("/", route_handlers=[show_home])
