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
from db.listing import WORST_FIRST, Filter, OtherOrder, Sort, State, Status, Stop

ROWS = 50
# In one action.
MOST = 1000
# Pages that an address leads back through; further back is the first.
MOST_PAST = 20
STATES = {"": "Any", "Active": "Running", "Stopped": "Stopped", "Paused": "Left alone", "Deleted": "To be deleted"}
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
    wanted: State | None = None
    drifted: bool = False
    deleted: bool = False
    sort: Sort = "name"
    after: str | None = None
    # Where the pages before this one began, so that there is a way back; the first needs none.
    past: str = ""

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
            desired_state=self.wanted,
            drifted=True if self.drifted else None,
            deleted=self.deleted,
        )

    def onward(self, next_one: Stop | None) -> dict[str, str | None] | None:
        """What the address of the next page asks for otherwise; None if there is none."""
        if next_one is None:
            return None
        passed = [*self.trail, self.after] if self.after is not None else []
        return {"after": pack(next_one), "past": ",".join(passed[-MOST_PAST:])}

    def backward(self) -> dict[str, str | None] | None:
        """The same for the page before."""
        if self.after is None:
            return None
        return {"after": self.trail[-1] if self.trail else None, "past": ",".join(self.trail[:-1])}

    @property
    def trail(self) -> list[str]:
        """Where the pages before began, the last one last."""
        return [one for one in self.past.split(",") if one]


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
        "onward": wish.onward(page.next),
        "backward": wish.backward(),
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
    return visit.show("home.html", view=servers, orders=ORDERS, states=STATES, **found)


router = Router("/", route_handlers=[show_home])
