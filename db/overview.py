"""One deployment as a whole: its objects, wanted beside running, what happens to it next, and its history by runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row, dict_row

from db.connection import Session
from db.deployments import KubernetesEvent, unknown_deployment
from db.drift import Outlook

Outcome = Literal["waiting", "working", "succeeded", "failed", "deferred", "unfinished"]


class Warned(msgspec.Struct, frozen=True):
    """What Kubernetes itself last warned of about an object, and how often."""

    reason: str
    message: str
    count: int
    last_at: datetime


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """One object. `wanted` and `live` are a line each, None where there is none; one not `managed` is only observed.

    `differs` counts its drifted paths, the object itself as one if it is missing or replaced. `digest` is what is kept
    of its status. `events` are Kubernetes' own of the last hour, newest first, ten at most: of a pod all, of the rest
    warnings, of which `warning` is the latest.
    """

    kind: str
    namespace: str
    name: str
    wanted: str | None
    live: str | None
    health: str | None
    reason: str
    message: str
    managed: bool
    applied_generation: int | None
    differs: int
    manager: str | None
    missing_since: datetime | None
    last_seen_at: datetime | None
    created_at: datetime | None
    digest: dict[str, Any] | None
    warning: Warned | None
    events: list[KubernetesEvent]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a deployment next (see orchestrator.outlook), and how it stands with its cluster."""

    outlook: Outlook
    due_at: datetime | None
    failures: int
    last_error: str | None
    unreachable_since: datetime | None
    unreachable_reason: str | None
    restart_required: bool
    restarted_at: datetime | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a run, and how many seconds after the one before."""

    id: int
    type: str
    source: str
    actor: str
    at: datetime
    seconds: float | None
    data: dict[str, Any]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What set a worker off, its attempt, and what followed. `run` is the id of its first event.

    The seconds count from its beginning until the worker was done, and until all was well; None until then.
    """

    run: int
    generation: int
    began_at: datetime
    outcome: Outcome
    settled_seconds: float | None
    healthy_seconds: float | None
    steps: list[Step]


async def list_objects(session: Session, deployment_id: UUID) -> list[Object]:
    """Those asked for in the order of the template, then those that are only there, pods last."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.list_objects(%s)", (deployment_id,))
        return msgspec.convert(await cursor.fetchall(), list[Object])


async def read_standing(session: Session, deployment_id: UUID) -> Standing:
    """Raises Refused (404)."""
    async with session.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            "SELECT s.due_at, s.failures, s.last_error, c.unreachable_since, c.unreachable_reason, d.restart_required,"
            " d.restarted_at,"
            " orchestrator.outlook(d.desired_state, d.finalised_at IS NOT NULL, s, c.unreachable_since) AS outlook"
            " FROM orchestrator.deployments d JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id"
            " JOIN orchestrator.clusters c ON c.id = d.cluster_id WHERE d.id = %s",
            (deployment_id,),
        )
        row = await cursor.fetchone()
    if row is None:
        raise unknown_deployment(deployment_id)
    return row


async def read_timeline(session: Session, deployment_id: UUID, before: int | None, limit: int) -> list[Run]:
    """The newest `limit` events, those before event `before` if given, as runs; newest first."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.timeline(%s, %s, %s)", (deployment_id, before, limit))
        return msgspec.convert(await cursor.fetchall(), list[Run])
