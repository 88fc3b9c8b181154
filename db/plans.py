"""What the next reconciliation of a deployment would do, object by object and path by path.

Postgres judges as a worker judges, against what was last applied and last seen (see db/routines/plans). No cluster is
asked, and nothing is written.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.connection import Session

Action = Literal["create", "change", "replace", "prune", "none"]


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One changed path, or one object that comes, goes or stays (`path` is empty).

    `step` orders the objects. `live` is what stands there as last applied or seen, `wanted` what would; null where
    there is nothing, and values of Secrets are never told. `restart`: `needed` if its pods keep the old settings until
    one, `now` if one is asked for, `rolling` if the cluster replaces its pods.
    """

    step: int
    kind: str
    name: str
    action: Action
    path: str
    live: Any
    wanted: Any
    restart: Literal["needed", "now", "rolling"] | None
    reason: str


async def read_plan(session: Session, deployment_id: UUID) -> list[PlannedChange]:
    """The plan of a deployment as it stands, in the order of its steps. Raises Refused (404)."""
    async with session.cursor(row_factory=class_row(PlannedChange)) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.plan(%s)", (deployment_id,))
        return await cursor.fetchall()
