"""Lists of deployments over HTTP: what to narrow them to, in which order, page by page, and how many there are."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter

from app.cursors import foreign_cursor, pack, unpack
from app.events import After, Limit
from app.problems import PROBLEMS
from db import listing
from db.database import Database
from db.deployments import Deployment
from db.errors import Refused
from db.listing import Counts, Filter, OtherOrder, Sort, State, Status, Stop

BAD_REQUEST = 400
SORT = "A leading - turns it round. By status, what needs a person comes first. The default is name."
Text = Annotated[str | None, QueryParameter(max_length=253)]


class Deployments(msgspec.Struct, frozen=True):
    """A page. `next` is null on the last one."""

    items: list[Deployment]
    next: str | None


def filtered(
    cluster: Text = None,
    namespace: Text = None,
    name: Annotated[str | None, QueryParameter(max_length=253, description="How the name begins.")] = None,
    q: Annotated[
        str | None, QueryParameter(max_length=253, description='Any part of "namespace/name", in any case.')
    ] = None,
    status: Annotated[
        list[Status] | None, QueryParameter(max_items=8, description="Any of these; repeat it for several.")
    ] = None,
    template: Text = None,
    desired_state: FromQuery[State | None] = None,
    drifted: Annotated[
        bool | None, QueryParameter(description="Whether an object of it stands otherwise than it should.")
    ] = None,
    deleted: Annotated[bool, QueryParameter(description="Those that are gone instead, kept as history.")] = False,
) -> Filter:
    """What a list is narrowed to."""
    return Filter(
        cluster=cluster,
        namespace=namespace,
        name=name,
        q=q,
        status=status or [],
        template=template,
        desired_state=desired_state,
        drifted=drifted,
        deleted=deleted,
    )


NARROWED = {"wanted": Provide(filtered, sync_to_thread=False)}


@get("/", responses=PROBLEMS, dependencies=NARROWED, summary="Deployments, page by page")
async def list_deployments(
    database: NamedDependency[Database],
    wanted: NamedDependency[Filter],
    after: After = None,
    limit: Limit = 100,
    sort: Annotated[Sort | None, QueryParameter(description=SORT)] = None,
) -> Deployments:
    """Those that are there, by name; or those that are gone, latest first."""
    if wanted.deleted and sort is not None:
        raise Refused(
            BAD_REQUEST, "what is gone has an order of its own", "sort", "Leave sort out: latest gone comes first."
        )
    stop = None if after is None else unpack(after, Stop)
    async with database.transaction() as session:
        try:
            page = await listing.list_deployments(session, wanted, sort=sort or "name", after=stop, limit=limit)
        except OtherOrder as error:
            raise foreign_cursor() from error
    return Deployments(page.items, None if page.next is None else pack(page.next))


@get("/counts", responses=PROBLEMS, dependencies=NARROWED, summary="How many deployments there are of each status")
async def count_deployments(database: NamedDependency[Database], wanted: NamedDependency[Filter]) -> Counts:
    """Of all that the same filters would list."""
    async with database.transaction() as session:
        return await listing.count_deployments(session, wanted)
