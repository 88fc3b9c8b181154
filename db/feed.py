"""The history as a feed: events in an order that never changes, for any number of readers from a place each.

The order is that in which it became certain what comes before what: below the oldest transaction that still runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import Session, translated
from db.deployments import require_deployment
from db.errors import Refused

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_BAD_REQUEST = 400


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the history of a deployment."""

    id: int
    deployment_id: UUID
    generation: int | None
    source: str
    type: str
    data: dict[str, Any]
    actor: str
    created_at: datetime


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where a reader of events stopped: the next event is greater than (xid, id)."""

    xid: Number = 0
    id: Number = 0


async def read_events(
    session: Session, after: Place, limit: int, deployment_id: UUID | None = None
) -> list[tuple[Place, Event]]:
    """Up to `limit` events beyond a place, none skipped and none twice, each with its own.

    Raises Refused (404; 410 where some of them were dropped by retention).
    """
    if deployment_id is not None:
        await require_deployment(session, deployment_id)
    cursor = await session.execute(
        "SELECT e.xid::text::bigint, e.id, e.deployment_id, e.generation, e.source, e.type, e.data_json, e.actor,"
        " e.created_at"
        " FROM orchestrator.events_after(%s::text::xid8, %s, %s, %s) e ORDER BY e.xid, e.id",
        (str(after.xid), after.id, limit, deployment_id),
    )
    rows: Sequence[tuple[Any, ...]] = await cursor.fetchall()
    fields = Event.__struct_fields__
    return [(Place(row[0], row[1]), Event(**dict(zip(fields, row[1:], strict=True)))) for row in rows]


async def find_newest(session: Session) -> Place:
    """The place of the last event that can be read so far, of all deployments."""
    with translated():
        cursor = await session.execute("SELECT n.xid::text::bigint, n.id FROM orchestrator.newest_event() n")
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return Place(row[0], row[1])


async def find_since(session: Session, at: datetime) -> Place:
    """A place before every event of that time or later that can be read so far."""
    cursor = await session.execute("SELECT s.xid::text::bigint, s.id FROM orchestrator.events_since(%s) s", (at,))
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return Place(row[0], row[1])


async def require_past(session: Session, place: Place, path: str) -> None:
    """Refuse (400, at `path`) a place that this database has not come to: who waits there would wait for very long."""
    cursor = await session.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    row = await cursor.fetchone()
    if row is not None and place.xid >= row[0]:
        raise Refused(
            _BAD_REQUEST,
            "this cursor is from another database, or from before a restore of this one",
            path,
            "Read the present state, then follow without a cursor.",
        )


async def listen(session: Session) -> None:
    """Be told on this session when history goes on."""
    with translated():
        await session.execute("LISTEN orchestrator_events")
