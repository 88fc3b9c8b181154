"""Maintenance windows over HTTP: everybody reads those they may use, admins write them."""

from __future__ import annotations

import msgspec
from litestar import Response, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.bodies import StrictBody
from app.people import LARGEST_ID
from app.problems import CHANGE_PROBLEMS, PROBLEMS
from db import windows
from db.database import Database
from db.windows import Wanted, Window


class Windows(msgspec.Struct, frozen=True):
    """All of them: there are few."""

    items: list[Window]


@get("/", responses=PROBLEMS, summary="Maintenance windows")
async def list_windows(database: NamedDependency[Database]) -> Windows:
    """By name, each with the next times it is open."""
    async with database.transaction() as session:
        return Windows(await windows.list_windows(session))


@post(
    "/",
    responses=CHANGE_PROBLEMS,
    summary="Make a window",
    status_code=201,
    dto=StrictBody[Wanted],
    return_dto=None,
)
async def create_window(data: JSONBody[Wanted], database: NamedDependency[Database]) -> Response[Window]:
    """As an admin; without a namespace, as one of every namespace."""
    async with database.transaction() as session:
        made = await windows.read_window(session, await windows.create_window(session, data))
    return Response(made, status_code=201, headers={"Location": f"/api/windows/{made.id}"})


@get("/{window_id:int}", responses=PROBLEMS, summary="One window")
async def read_window(window_id: FromPath[int], database: NamedDependency[Database]) -> Window:
    """With the next times it is open."""
    async with database.transaction() as session:
        return await windows.read_window(session, known(window_id))


@put(
    "/{window_id:int}",
    responses=CHANGE_PROBLEMS,
    summary="Change a window",
    dto=StrictBody[Wanted],
    return_dto=None,
)
async def change_window(
    window_id: FromPath[int], data: JSONBody[Wanted], database: NamedDependency[Database]
) -> Window:
    """All of it anew. What waits for it waits for the window as it is then."""
    async with database.transaction() as session:
        await windows.change_window(session, known(window_id), data)
        return await windows.read_window(session, known(window_id))


@delete("/{window_id:int}", responses=CHANGE_PROBLEMS, summary="Delete a window", status_code=204)
async def delete_window(window_id: FromPath[int], database: NamedDependency[Database]) -> None:
    """Refused while a rule or a planned restart names it: the hint tells which."""
    async with database.transaction() as session:
        await windows.delete_window(session, known(window_id))


def known(number: int) -> int:
    """A number that an id can be."""
    return min(max(number, 0), LARGEST_ID)


router = Router(
    "/api/windows",
    route_handlers=[list_windows, create_window, read_window, change_window, delete_window],
    tags=["windows"],
)
