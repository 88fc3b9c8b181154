"""What differs at the clusters from what is wanted: of one deployment, or of all in pages; and making that wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.changes import hold
from db.connection import Session, json_text
from db.deployments import require_deployment

Outlook = Literal["gone", "held", "stuck", "away", "now", "undecided", "contested", "shut", "retrying", "resting"]


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One path that stands otherwise at the cluster than it should. Secret values only as changed.

    `policy` is that of the path, by `rule` where `rule_source` is deployment or template; `drift_policy` is the
    deployment's own. `outlook` is what happens next, `due_at` when if that waits for a time: see orchestrator.drift.
    `contested_since`: since then somebody keeps setting it. `adopts` is what adopting it would set, {parameter: {from,
    to}}, or None where `not_adoptable` says why it cannot be adopted; `seen` stands for its path and live value.
    """

    deployment_id: UUID
    deployment: str
    cluster: str
    drift_policy: str
    desired_state: str
    kind: str
    namespace: str
    name: str
    path: str
    wanted: Any
    live: Any
    manager: str | None
    since: datetime | None
    policy: str
    rule_source: str
    rule: dict[str, Any] | None
    outlook: Outlook
    due_at: datetime | None
    contested_since: datetime | None
    adoptable: bool
    not_adoptable: str | None
    adopts: dict[str, Any] | None
    seen: str

    @property
    def spelled(self) -> str:
        """The path among all of a deployment, as adopt takes it."""
        return f"{self.kind}/{self.name}:{self.path}"


class DriftStop(msgspec.Struct, frozen=True, array_like=True):
    """Where a page stopped."""

    cluster: str
    deployment_id: UUID
    kind: str
    namespace: str
    name: str
    path: str


class DriftPage(msgspec.Struct, frozen=True):
    """Some of it, and where that stopped if there is more."""

    items: list[Drift]
    next: DriftStop | None


_COLUMNS = (
    "SELECT v.deployment_id, v.deployment, c.name AS cluster, d.drift_policy, d.desired_state, v.kind, v.namespace,"
    " v.object AS name, v.path, v.wanted, v.live, v.manager, v.since, v.policy,"
    " v.rule_source, v.rule, v.outlook, v.due_at, v.contested_since, v.adoptable,"
    " v.not_adoptable, v.adopts, v.seen"
    " FROM orchestrator.drift v JOIN orchestrator.deployments d ON d.id = v.deployment_id"
    " JOIN orchestrator.clusters c ON c.id = d.cluster_id"
)
# The first condition is one that an index finds; the second leaves out what the page before had of the same object.
_BEYOND = (
    " WHERE (v.cluster_id, v.deployment_id, v.kind, v.namespace, v.object)"
    " >= ((SELECT k.id FROM orchestrator.clusters k WHERE k.name = %(cluster)s),"
    " %(deployment_id)s, %(kind)s, %(namespace)s, %(name)s)"
    " AND ((v.cluster_id, v.deployment_id, v.kind, v.namespace, v.object, v.path)"
    " > ((SELECT k.id FROM orchestrator.clusters k WHERE k.name = %(cluster)s),"
    " %(deployment_id)s, %(kind)s, %(namespace)s, %(name)s, %(path)s))"
)


async def list_drift(session: Session, deployment_id: UUID) -> list[Drift]:
    """All of one deployment, path by path. Raises Refused (404)."""
    await require_deployment(session, deployment_id)
    query = _COLUMNS + " WHERE d.id = %s ORDER BY v.kind, v.namespace, v.object, v.path"
    async with session.cursor(row_factory=class_row(Drift)) as cursor:
        await cursor.execute(query, (deployment_id,))
        return await cursor.fetchall()


async def list_all_drift(session: Session, after: DriftStop | None = None, limit: int = 100) -> DriftPage:
    """A page of that of every deployment, by cluster and deployment."""
    query = (
        _COLUMNS
        + (_BEYOND if after is not None else "")
        + " ORDER BY v.cluster_id, v.deployment_id, v.kind, v.namespace, v.object, v.path LIMIT %(limit)s"
    )
    values: dict[str, Any] = {} if after is None else msgspec.structs.asdict(after)
    async with session.cursor(row_factory=class_row(Drift)) as cursor:
        await cursor.execute(query, values | {"limit": limit + 1})
        found = await cursor.fetchall()
    if len(found) <= limit:
        return DriftPage(found, None)
    last = found[limit - 1]
    return DriftPage(
        found[:limit], DriftStop(last.cluster, last.deployment_id, last.kind, last.namespace, last.name, last.path)
    )


async def put_back(
    session: Session, deployment_id: UUID, paths: Sequence[str] | None = None, expected: Sequence[int] | None = None
) -> None:
    """Have what waits or is held put back once, whatever its policy; all that differs, if None.

    Raises Refused (404, 409, 422), Moved.
    """
    await hold(session, deployment_id, expected)
    await session.execute("SELECT orchestrator.put_back(%s, %s::text[])", (deployment_id, as_list(paths)))


async def ignore(session: Session, deployment_id: UUID, kind: str, name: str, path: str) -> None:
    """Leave one path of one object to others, by a rule of its own: the last, and of no other more specific.

    Added to what stands there when it is written, so that no rule of somebody else is lost. Raises Refused (404, 422).
    """
    await require_deployment(session, deployment_id)
    rule = json_text([{"kind": kind, "name": name, "path": path, "policy": "Ignore"}])
    await session.execute(
        "UPDATE orchestrator.deployments AS d SET drift_rules = d.drift_rules || %(rule)s::jsonb"
        " WHERE d.id = %(id)s AND jsonb_build_array(d.drift_rules -> -1) <> %(rule)s::jsonb",
        {"id": deployment_id, "rule": rule},
    )


async def adopt(
    session: Session,
    deployment_id: UUID,
    paths: Sequence[str] | None = None,
    generation: int | None = None,
    seen: Sequence[str] | None = None,
    expected: Sequence[int] | None = None,
) -> None:
    """Make the live values at these paths the wanted ones; at all that differ, if None. All of them or none.

    `generation` and `seen` (of Drift) hold it to what was looked at. Raises Refused (404, 409, 422), Moved.
    """
    await hold(session, deployment_id, expected)
    await session.execute(
        "SELECT orchestrator.adopt(%s, %s::text[], %s, %s::text[])",
        (deployment_id, as_list(paths), generation, as_list(seen)),
    )


def as_list(given: Sequence[str] | None) -> list[str] | None:
    """An array of Postgres; none is not an empty one."""
    return None if given is None else list(given)
