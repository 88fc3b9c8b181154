"""Contested paths: those that somebody else keeps setting, of one deployment or of all."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.connection import Session

# Each is a quarrel that a person has to end; nobody reads more of them than this.
MOST = 500


class Contested(msgspec.Struct, frozen=True, kw_only=True):
    """One path that was put back too often, and who sets it, if that is known. An empty path is the object itself.

    `put_backs` counts since `began_at`; it is contested since `since`. Unless a person asks, it is not put back before
    `next_at`. `differs`: it stands otherwise than wanted this moment.
    """

    deployment_id: UUID
    deployment: str
    kind: str
    namespace: str
    name: str
    path: str
    manager: str | None
    began_at: datetime
    since: datetime
    put_backs: int
    next_at: datetime
    differs: bool


COLUMNS = (
    "SELECT c.deployment_id, c.deployment, c.kind, c.namespace, c.object AS name, c.path, c.manager, c.began_at,"
    " c.since, c.put_backs, c.next_at, c.differs FROM orchestrator.contested c"
)
_ORDER = " ORDER BY c.since, c.deployment, c.kind, c.object, c.path LIMIT %s"


async def list_contested(session: Session, deployment_id: UUID | None = None) -> list[Contested]:
    """Of one deployment, or the oldest of all; no more than MOST."""
    async with session.cursor(row_factory=class_row(Contested)) as cursor:
        if deployment_id is None:
            await cursor.execute(COLUMNS + _ORDER, (MOST,))
        else:
            await cursor.execute(COLUMNS + " WHERE c.deployment_id = %s" + _ORDER, (deployment_id, MOST))
        return await cursor.fetchall()
