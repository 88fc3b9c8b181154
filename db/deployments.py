"""One deployment as the API reads it: what is wanted, how far that is, and its objects. What changes it is db.changes.

Rows come out as the structs that the API answers with. Each is read inside one transaction of `db.database`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from db.connection import Session
from db.contests import COLUMNS as CONTESTED
from db.contests import Contested
from db.errors import Refused
from db.restarts import PlannedRestart

_MISSING = 404


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a deployment, now or at another time."""

    id: UUID
    name: str
    namespace: str
    cluster: str
    template: str
    template_version: int
    parameters: dict[str, Any]
    desired_state: str
    drift_policy: str
    drift_rules: list[dict[str, Any]]
    keep_data: bool


class Deployment(Intent, frozen=True, kw_only=True):
    """What is wanted, how far that is carried out, and how it is.

    `memory` is the parameter of that name, or the template's default for it; None where there is neither. `drifted`: an
    object of it stands otherwise at the cluster than it should. `restart_required`: what was changed waits for one.
    `players`: how many play, None where nobody told it lately.
    """

    memory: str | None
    generation: int
    last_applied_generation: int
    status_summary: str
    status_message: str
    stale_since: datetime | None
    drifted: bool
    restarted_at: datetime | None
    restart_required: bool
    players: int | None
    finalised_at: datetime | None
    created_at: datetime
    updated_at: datetime


class DeploymentDetail(Deployment, frozen=True, kw_only=True):
    """A deployment with the manifests it asks for and what was last seen of them, by "Kind/name".

    `contested` are the paths that somebody else keeps setting, `planned_restart` is the one that waits, if any.
    """

    planned_restart: PlannedRestart | None
    desired_spec_json: list[dict[str, Any]]
    observed_json: dict[str, Any]
    observed_at: datetime | None
    contested: list[Contested]


class KubernetesEvent(msgspec.Struct, frozen=True):
    """What Kubernetes itself told about an object, and how often. `type` is Normal or Warning."""

    type: str
    reason: str
    message: str
    count: int
    last_at: datetime


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a deployment: what was applied, what was last seen. One that is not `managed` is only observed.

    `events` are Kubernetes' own of the last hour, newest first, ten at most: of a pod all, of the rest warnings.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str | None
    resource_version: int
    applied_generation: int | None
    managed: bool
    health: str | None
    reason: str
    message: str
    drifted: bool
    missing_since: datetime | None
    last_seen_at: datetime | None
    events: list[KubernetesEvent]


# One object at least differs, is missing or was replaced, which no policy ignores. An index finds those that differ;
# they are judged path by path only where there are rules. As it asks for columns of `d`, Postgres cannot hash the
# answers for all deployments, for which it would judge every object that differs anywhere.
DRIFTED = (
    "EXISTS (SELECT FROM orchestrator.deployment_resources r WHERE r.cluster_id = d.cluster_id"
    " AND r.deployment_id = d.id AND r.differs"
    " AND (d.drift_policy <> 'Ignore' AND d.drift_rules = '[]' AND '[]' = (SELECT k.drift_rules_json"
    " FROM orchestrator.templates k WHERE k.id = d.template_id AND k.version = d.template_version)"
    " OR orchestrator.shows_drift(r.cluster_id, r.kind, r.namespace, r.name)))"
)
# As orchestrator.players_online, which is not called for each row of a list.
PLAYERS = (
    "(SELECT p.online FROM orchestrator.deployment_players p WHERE p.deployment_id = d.id"
    " AND p.as_of > now() - make_interval(secs => c.players_fresh_seconds))"
)
# What is wanted, of `d`: a deployment, or one of its revisions.
WANTED = "d.template_version, d.parameters, d.desired_state, d.drift_policy, d.drift_rules, d.keep_data"
COLUMNS = (
    "d.id, d.name, d.namespace, c.name AS cluster, t.name AS template, " + WANTED + ","
    " coalesce(d.parameters ->> 'memory', t.allowed_mutations_json #>> '{properties,memory,default}') AS memory,"
    " d.generation, d.last_applied_generation, d.status_summary, d.status_message, d.stale_since, "
    + DRIFTED
    + " AS drifted, d.restarted_at, d.restart_required, "
    + PLAYERS
    + " AS players, d.finalised_at, d.created_at, d.updated_at"
)
FROM = (
    " FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id"
    " JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version"
)


async def read_deployment(session: Session, deployment_id: UUID) -> DeploymentDetail:
    """Raises Refused (404)."""
    query = (
        "SELECT "  # noqa: S608 - of literals only, as LiteralString proves
        + COLUMNS
        + ", d.desired_spec_json, coalesce(o.observed_json, '{}') AS observed_json, o.observed_at,"
        " (SELECT to_jsonb(p) FROM orchestrator.planned_restarts p"
        " WHERE p.deployment_id = d.id AND p.state = 'planned') AS planned_restart,"
        " coalesce((SELECT jsonb_agg(to_jsonb(f) ORDER BY f.since, f.kind, f.name, f.path) FROM ("
        + CONTESTED
        + " WHERE c.deployment_id = d.id) f), '[]') AS contested"
        + FROM
        + " LEFT JOIN orchestrator.deployment_observed o ON o.deployment_id = d.id WHERE d.id = %s"
    )
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (deployment_id,))
        row = await cursor.fetchone()
    if row is None:
        raise unknown_deployment(deployment_id)
    row["contested"] = msgspec.convert(row["contested"], list[Contested])
    row["planned_restart"] = msgspec.convert(row["planned_restart"], PlannedRestart | None)
    return DeploymentDetail(**row)


async def list_resources(session: Session, deployment_id: UUID) -> list[Resource]:
    """Every object of a deployment, pods included. Raises Refused (404)."""
    await require_deployment(session, deployment_id)
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT r.api_version, r.kind, r.namespace, r.name, r.uid, r.resource_version, r.applied_generation,"
            " r.managed, r.health, r.reason, r.message, r.missing_since, r.last_seen_at,"
            " r.drift IS NOT NULL AND orchestrator.shows_drift(r.cluster_id, r.kind, r.namespace, r.name) AS drifted,"
            " coalesce(o.events_json -> (r.kind || '/' || r.name), '[]') AS events"
            " FROM orchestrator.deployment_resources r"
            " LEFT JOIN orchestrator.deployment_observed o ON o.deployment_id = r.deployment_id"
            " WHERE r.deployment_id = %s ORDER BY r.kind, r.namespace, r.name",
            (deployment_id,),
        )
        return msgspec.convert(await cursor.fetchall(), list[Resource])


async def require_deployment(session: Session, deployment_id: UUID) -> None:
    """Raises Refused (404)."""
    cursor = await session.execute("SELECT FROM orchestrator.deployments d WHERE d.id = %s", (deployment_id,))
    if cursor.rowcount == 0:
        raise unknown_deployment(deployment_id)


def unknown_deployment(deployment_id: UUID) -> Refused:
    """The refusal of an id that names nothing."""
    return Refused(_MISSING, f"there is no deployment {deployment_id}", "id", "GET /api/deployments lists them.")
