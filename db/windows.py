"""Maintenance windows: read with when they open next, written by admins. The rules are those of db/routines/windows."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from psycopg.rows import dict_row

from db.connection import Session
from db.errors import Refused

LONGEST_MINUTES = 24 * 60
_MISSING = 404
_UNUSABLE = 422
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class Opening(msgspec.Struct, frozen=True):
    """Once that a window is open; `opens_there` and `closes_there` by the clocks of its zone."""

    opens: datetime
    closes: datetime
    opens_there: str
    closes_there: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window: on which `days` (Mon … Sun) it opens, at what time (`starts`, as 04:00) of which `zone`, for how long.

    `namespace` None: for those of every namespace.
    """

    name: str
    namespace: str | None = None
    days: list[str]
    starts: str
    lasts_minutes: int
    zone: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it is kept, and the next times it is open: the first is now if it `is_open`."""

    id: int
    name: str
    namespace: str | None
    days: list[str]
    starts: str
    lasts_minutes: int
    zone: str
    is_open: bool
    openings: list[Opening]
    created_at: datetime
    created_by: str


_QUERY = (
    "SELECT w.id, w.name, w.namespace, w.days, to_char(w.starts, 'HH24:MI') AS starts,"
    " (extract(epoch FROM w.lasts) / 60)::integer AS lasts_minutes, w.zone, orchestrator.window_is_open(w) AS is_open,"
    " (SELECT jsonb_agg(jsonb_build_object('opens', s.opens, 'closes', s.closes, 'opens_there', s.opens_there,"
    " 'closes_there', s.closes_there) ORDER BY s.opens) FROM next s WHERE s.window_id = w.id) AS openings,"
    " w.created_at, w.created_by FROM orchestrator.maintenance_windows w"
)
_NEXT = "WITH next AS MATERIALIZED (SELECT * FROM orchestrator.next_windows(3)) "


async def list_windows(session: Session) -> list[Window]:
    """Those that one may see, by name."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NEXT + _QUERY + " ORDER BY w.name, w.namespace")
        return msgspec.convert(await cursor.fetchall(), list[Window])


async def list_usable(session: Session, namespace: str) -> list[Window]:
    """Those that deployments of a namespace may use, by name."""
    return [window for window in await list_windows(session) if window.namespace in {None, namespace}]


async def read_window(session: Session, window_id: int) -> Window:
    """Raises Refused (404)."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NEXT + _QUERY + " WHERE w.id = %s", (window_id,))
        row = await cursor.fetchone()
    if row is None:
        raise _unknown(window_id)
    return msgspec.convert(row, Window)


async def create_window(session: Session, wanted: Wanted) -> int:
    """Make one; answers its id. Raises Refused."""
    cursor = await session.execute(
        "INSERT INTO orchestrator.maintenance_windows (name, namespace, days, starts, lasts, zone)"
        " VALUES (%(name)s, %(namespace)s, %(days)s, %(starts)s, make_interval(mins => %(lasts_minutes)s), %(zone)s)"
        " RETURNING id",
        _values(wanted),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT that was not refused
    return row[0]


async def change_window(session: Session, window_id: int, wanted: Wanted) -> None:
    """Set all of it anew; what waits for it waits for that. Raises Refused."""
    cursor = await session.execute(
        "UPDATE orchestrator.maintenance_windows SET name = %(name)s, namespace = %(namespace)s, days = %(days)s,"
        " starts = %(starts)s, lasts = make_interval(mins => %(lasts_minutes)s), zone = %(zone)s WHERE id = %(id)s",
        _values(wanted) | {"id": window_id},
    )
    if cursor.rowcount == 0:
        raise _unknown(window_id)


async def delete_window(session: Session, window_id: int) -> None:
    """Raises Refused, also where something waits for it."""
    cursor = await session.execute("DELETE FROM orchestrator.maintenance_windows WHERE id = %s", (window_id,))
    if cursor.rowcount == 0:
        raise _unknown(window_id)


def _values(wanted: Wanted) -> dict[str, object]:
    """For a statement. Raises Refused where Postgres would only say that it cannot read a value."""
    if not _TIME.fullmatch(wanted.starts):
        message = f'"{wanted.starts}" is no time of day'
        raise Refused(_UNUSABLE, message, "starts", "Use hours and minutes from 00:00 to 23:59.")
    if not 0 < wanted.lasts_minutes <= LONGEST_MINUTES:
        message = f"a window cannot last {wanted.lasts_minutes} minutes"
        hint = f"Use 1 to {LONGEST_MINUTES}; with more days it opens more often."
        raise Refused(_UNUSABLE, message, "lasts_minutes", hint)
    return msgspec.structs.asdict(wanted)


def _unknown(window_id: int) -> Refused:
    return Refused(_MISSING, f"there is no window {window_id}", "window_id", "GET /api/windows lists those there are.")
