"""What the API asks of one deployment: to be made, to change, to restart. Of many at once it is db.bulk.

The rules live in triggers and routines; these are doors to them, each inside one transaction of `db.database`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import Session, json_text
from db.deployments import unknown_deployment
from db.errors import DatabaseError, Moved

LARGEST_VERSION = 2**31 - 1


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What to change; None leaves a field alone. `parameters` are merged: null takes the template's default again."""

    parameters: dict[str, Any] | None = None
    desired_state: str | None = None
    template_version: int | None = None
    keep_data: bool | None = None
    drift_policy: str | None = None
    drift_rules: list[dict[str, Any]] | None = None


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move to another `version` of the template, None for the newest. `parameters` are merged: null drops one.

    `force`: also where a version goes down that never should. `restart`: in the same generation, if pods would keep
    the old settings otherwise.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    parameters: dict[str, Any] = {}
    force: bool = False
    restart: bool = False


# What a change sets; the values are those of `assigned`.
ASSIGNMENTS = (
    "parameters = (d.parameters || %(set)s::jsonb) - %(unset)s::text[],"
    " desired_state = coalesce(%(state)s, d.desired_state), keep_data = coalesce(%(keep)s, d.keep_data),"
    " template_version = coalesce(%(version)s, d.template_version),"
    " drift_policy = coalesce(%(policy)s, d.drift_policy), drift_rules = coalesce(%(rules)s::jsonb, d.drift_rules)"
)


def assigned(change: Change) -> dict[str, Any]:
    """The values of ASSIGNMENTS."""
    given = change.parameters or {}
    return {
        "set": json_text({name: value for name, value in given.items() if value is not None}),
        "unset": [name for name, value in given.items() if value is None],
        "state": change.desired_state,
        "keep": change.keep_data,
        "version": change.template_version,
        "policy": change.drift_policy,
        "rules": None if change.drift_rules is None else json_text(change.drift_rules),
    }


async def create_deployment(
    session: Session,
    *,
    name: str,
    template: str,
    parameters: dict[str, Any],
    namespace: str,
    cluster: str | None,
    template_version: int | None,
    desired_state: str,
    keep_data: bool,
    drift_policy: str = "Enforce",
    drift_rules: list[dict[str, Any]] | None = None,
) -> UUID:
    """Make a deployment; answers its id. Raises Refused."""
    cursor = await session.execute(
        "SELECT orchestrator.deploy(name => %s, template => %s, parameters => %s, namespace => %s, cluster => %s,"
        " template_version => %s::integer, desired_state => %s, keep_data => %s,"
        " drift_policy => %s, drift_rules => %s)",
        (
            *(name, template, json_text(parameters), namespace, cluster, template_version, desired_state, keep_data),
            *(drift_policy, json_text(drift_rules or [])),
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return row[0]


async def change_deployment(
    session: Session, deployment_id: UUID, change: Change, expected: Sequence[int] | None = None
) -> None:
    """Change the intent in one statement, so one generation; only from an expected generation, if any is given.

    Raises Refused, Moved.
    """
    cursor = await session.execute(
        "UPDATE orchestrator.deployments d SET "  # noqa: S608 - of literals only, as LiteralString proves
        + ASSIGNMENTS
        + " WHERE d.id = %(id)s"
        " AND (%(expected)s::bigint[] IS NULL OR d.generation = ANY (%(expected)s))",
        assigned(change) | {"id": deployment_id, "expected": None if expected is None else list(expected)},
    )
    if cursor.rowcount == 0:
        raise await _unmatched(session, deployment_id)


async def reconcile_now(session: Session, deployment_id: UUID, expected: Sequence[int] | None = None) -> None:
    """Ask for a reconciliation whatever the back-off. Raises Refused (404), Moved."""
    await hold(session, deployment_id, expected)
    await session.execute("SELECT orchestrator.reconcile_now(%s)", (deployment_id,))


async def restart(session: Session, deployment_id: UUID, expected: Sequence[int] | None = None) -> None:
    """Ask for a restart of what runs: a new generation. Raises Refused, Moved."""
    await hold(session, deployment_id, expected)
    await session.execute("SELECT orchestrator.restart(%s)", (deployment_id,))


async def plan_restart(
    session: Session,
    deployment_id: UUID,
    expected: Sequence[int] | None = None,
    *,
    in_window: str | None = None,
    when_empty: bool = False,
    at: datetime | None = None,
    only_if_required: bool = True,
) -> None:
    """Plan a restart, in place of one that was planned before. Raises Refused, Moved."""
    await hold(session, deployment_id, expected)
    await session.execute(
        "SELECT FROM orchestrator.plan_restart(%s, %s, %s, %s, %s)",
        (deployment_id, in_window, when_empty, at, only_if_required),
    )


async def rollback(
    session: Session,
    deployment_id: UUID,
    generation: int,
    *,
    force: bool,
    restart: bool = False,
    expected: Sequence[int] | None = None,
) -> None:
    """Make an earlier intent a new generation; `force` also where a version goes down. Raises Refused, Moved.

    `restart`: in the same generation, if pods would keep the old settings otherwise.
    """
    await hold(session, deployment_id, expected)
    await session.execute("SELECT orchestrator.rollback(%s, %s, %s, %s)", (deployment_id, generation, force, restart))


async def upgrade(
    session: Session, deployment_id: UUID, upgrade: Upgrade, expected: Sequence[int] | None = None
) -> None:
    """Move to another version of its template: a new generation. Raises Refused, Moved."""
    await hold(session, deployment_id, expected)
    await session.execute(
        "SELECT orchestrator.upgrade(%s, %s::integer, %s, %s, %s)",
        (deployment_id, upgrade.version, json_text(upgrade.parameters), upgrade.force, upgrade.restart),
    )


async def hold(session: Session, deployment_id: UUID, expected: Sequence[int] | None) -> None:
    """Have it stay at an expected generation until the transaction ends. Raises Refused (404), Moved."""
    if expected is None:
        return
    cursor = await session.execute(
        "SELECT FROM orchestrator.deployments d WHERE d.id = %s AND d.generation = ANY (%s) FOR NO KEY UPDATE",
        (deployment_id, list(expected)),
    )
    if cursor.rowcount == 0:
        raise await _unmatched(session, deployment_id)


async def _unmatched(session: Session, deployment_id: UUID) -> DatabaseError:
    """Why no row was found: there is none, or it is at another generation."""
    cursor = await session.execute(
        "SELECT d.generation FROM orchestrator.deployments d WHERE d.id = %s", (deployment_id,)
    )
    row = await cursor.fetchone()
    return unknown_deployment(deployment_id) if row is None else Moved(int(row[0]))
