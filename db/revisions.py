"""What was wanted of a deployment, generation by generation: who asked for it, when, and what that changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.connection import Session
from db.deployments import WANTED, Intent, unknown_deployment
from db.errors import Refused

_MISSING = 404


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """The intent of one generation, and who asked for it.

    `rolled_back_to` is the generation that it took up again, if it is a rollback; `adopted` are
    the changes from outside that it made its own, {paths, managers}, if it did. `client` is where it was asked from:
    the session's address and program, or the address of who asked the API; None if that was not recorded yet.
    """

    generation: int
    template_version: int
    parameters: dict[str, Any]
    desired_state: str
    drift_policy: str
    drift_rules: list[dict[str, Any]]
    keep_data: bool
    actor: str
    client: str | None
    rolled_back_to: int | None
    adopted: dict[str, Any] | None
    created_at: datetime


class PastDeployment(Intent, frozen=True, kw_only=True):
    """What was wanted of a deployment at a time: since `changed_at`, by `actor`, as its `generation`."""

    restarted_at: datetime | None
    generation: int
    actor: str
    changed_at: datetime


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that two generations have differently.

    `field` is a column, or "parameters." and a name; `title` is for people. A parameter that was left out has its
    template's default, and `was_default` or `becomes_default` says so. None is no value at all.
    """

    field: str
    title: str
    was: Any
    becomes: Any
    was_default: bool
    becomes_default: bool


async def list_revisions(session: Session, deployment_id: UUID, before: int | None, limit: int) -> list[Revision]:
    """Newest first, those below generation `before`. Raises Refused (404) if there is no such deployment."""
    async with session.cursor(row_factory=class_row(Revision)) as cursor:
        await cursor.execute(
            "SELECT d.generation, "  # noqa: S608 - of literals only, as LiteralString proves
            + WANTED
            + ", d.actor, d.client, d.rolled_back_to, d.adopted, d.created_at"
            " FROM orchestrator.deployment_revisions d"
            " WHERE d.deployment_id = %s AND (%s::bigint IS NULL OR d.generation < %s)"
            " ORDER BY d.generation DESC LIMIT %s",
            (deployment_id, before, before, limit),
        )
        found = await cursor.fetchall()
    if not found and before is None:
        raise unknown_deployment(deployment_id)
    return found


async def list_as_of(session: Session, at: datetime, after: UUID | None, limit: int) -> list[PastDeployment]:
    """By id, those beyond one: what was wanted of each deployment that was there by then, or had been."""
    async with session.cursor(row_factory=class_row(PastDeployment)) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.deployments_as_of(%s, %s::uuid, %s)", (at, after, limit))
        return await cursor.fetchall()


async def list_changes(
    session: Session, deployment_id: UUID, before: int | None, limit: int
) -> list[tuple[Revision, list[Difference]]]:
    """The same, each with what it has otherwise than the one before it. Raises Refused (404)."""
    found = await list_revisions(session, deployment_id, before, limit)
    return [(one, await compare_revisions(session, deployment_id, one.generation)) for one in found]


async def read_revision(session: Session, deployment_id: UUID, generation: int) -> Revision:
    """One generation. Raises Refused (404)."""
    found = await list_revisions(session, deployment_id, generation + 1, 1)
    if not found or found[0].generation != generation:
        raise Refused(
            _MISSING,
            f"deployment {deployment_id} has no generation {generation}",
            "generation",
            f"GET /api/deployments/{deployment_id}/revisions lists them.",
        )
    return found[0]


async def compare_revisions(
    session: Session, deployment_id: UUID, generation: int, against: int | None = None
) -> list[Difference]:
    """What differs from generation `against` (the one before, if None) to this. Raises Refused (404)."""
    async with session.cursor(row_factory=class_row(Difference)) as cursor:
        await cursor.execute("SELECT * FROM orchestrator.diff(%s, %s, %s)", (deployment_id, against, generation))
        return await cursor.fetchall()
