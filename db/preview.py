"""What a new or changed deployment would make of the cluster, told before it is asked for.

Postgres tries the very statement that would be sent, with every check and the rendering, and undoes it at once: nothing
is written, queued or announced (see db/routines/previews).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, LiteralString
from uuid import UUID

import msgspec

from db.changes import Change, Upgrade
from db.connection import Session, json_text
from db.drift import as_list
from db.plans import PlannedChange


class PreviewedObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object as it would be, what it is for, and what that means for one that is there already.

    `restart`: its running pods would keep the old settings until a restart.
    """

    kind: str
    name: str
    purpose: str
    change: Literal["created", "changed", "unchanged", "removed"]
    restart: bool
    manifest: dict[str, Any]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of it: the generation, all parameters with the template's defaults, the objects, and the plan.

    `objects` compares what is asked for before and after; `plan` what stands at the cluster with what would be asked.
    """

    generation: int
    parameters: dict[str, Any]
    objects: list[PreviewedObject]
    plan: list[PlannedChange]


async def preview_new(
    session: Session,
    *,
    name: str,
    template: str,
    parameters: dict[str, Any],
    namespace: str = "default",
    cluster: str | None = None,
    template_version: int | None = None,
    desired_state: str = "Active",
    keep_data: bool = True,
    drift_policy: str = "Enforce",
    drift_rules: list[dict[str, Any]] | None = None,
) -> Preview:
    """What db.changes.create_deployment would make of the same. Raises what that would: Refused."""
    named = (name, template, json_text(parameters), namespace, cluster, template_version, desired_state, keep_data)
    values = (*named, drift_policy, json_text(drift_rules or []))
    return await _read(session, "SELECT orchestrator.preview(%s, %s, %s, %s, %s, %s::integer, %s, %s, %s, %s)", values)


async def preview_change(session: Session, deployment_id: UUID, change: Change) -> Preview:
    """What db.changes.change_deployment would do with the same. Raises what that would: Refused."""
    values = change_values(deployment_id, change)
    return await _read(session, "SELECT orchestrator.preview_change(%s, %s, %s, %s::integer, %s, %s, %s)", values)


def change_values(deployment_id: UUID, change: Change) -> tuple[Any, ...]:
    """The arguments of preview_change(), and of request_dry_run()."""
    return (
        deployment_id,
        json_text(change.parameters or {}),
        change.desired_state,
        change.template_version,
        change.keep_data,
        change.drift_policy,
        None if change.drift_rules is None else json_text(change.drift_rules),
    )


async def preview_rollback(session: Session, deployment_id: UUID, generation: int, *, force: bool) -> Preview:
    """What db.changes.rollback would do with the same, but for a restart. Raises what that would: Refused."""
    return await _read(session, "SELECT orchestrator.preview_rollback(%s, %s, %s)", (deployment_id, generation, force))


async def preview_upgrade(session: Session, deployment_id: UUID, upgrade: Upgrade) -> Preview:
    """What db.changes.upgrade would do with the same, but for a restart. Raises what that would: Refused."""
    values = (deployment_id, upgrade.version, json_text(upgrade.parameters), upgrade.force)
    return await _read(session, "SELECT orchestrator.preview_upgrade(%s, %s::integer, %s, %s)", values)


async def preview_adopt(
    session: Session,
    deployment_id: UUID,
    paths: Sequence[str] | None,
    generation: int | None,
    seen: Sequence[str] | None,
) -> Preview:
    """What db.drift.adopt would do with the same. Raises what that would: Refused."""
    values = (deployment_id, as_list(paths), generation, as_list(seen))
    return await _read(session, "SELECT orchestrator.preview_adopt(%s, %s::text[], %s, %s::text[])", values)


async def _read(session: Session, query: LiteralString, values: tuple[Any, ...]) -> Preview:
    cursor = await session.execute(query, values)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return msgspec.convert(row[0], Preview)
