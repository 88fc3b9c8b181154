"""What clusters were asked before they were asked for: a row that the API writes and a worker answers.

The protocol lives in db/routines/dry_runs; these are its doors. See workers/dry_runs.py for who answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from db.changes import Change
from db.connection import Session, json_text, translated
from db.errors import Refused
from db.preview import change_values
from db.queue import DesiredState, InventoryItem

State = Literal["queued", "running", "done", "failed"]
Verdict = Literal["ok", "refused", "unchanged"]


class Alteration(msgspec.Struct, frozen=True):
    """A path that the cluster would store otherwise than it was sent. Null is what is not there; never of a Secret."""

    path: str
    sent: Any
    becomes: Any


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the API server says to one object. `unchanged`: it was not asked, since nothing would be applied.

    `category` and `message` tell why it is refused; `warnings` are its own words, `altered` what admission changes.
    """

    kind: str
    name: str
    verdict: Verdict
    category: str | None = None
    message: str = ""
    warnings: Sequence[str] = ()
    altered: Sequence[Alteration] = ()


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer. `done`: the cluster answered, `refused` tells whether it would take everything.

    `message` tells why it waits or failed. `deployment_id` is null for a deployment that is not made yet.
    """

    id: int
    deployment_id: UUID | None
    cluster: str
    namespace: str
    name: str
    generation: int
    asked_by: str
    created_at: datetime
    expires_at: datetime
    state: State
    message: str
    refused: bool
    answers: list[Answer]
    finished_at: datetime | None


class Proposal(msgspec.Struct, frozen=True):
    """A claimed dry run: what would be wanted, what we have, and the token of the lease on it."""

    dry_run_id: int
    token: int
    deployment_id: str
    name: str
    namespace: str
    generation: int
    desired_state: DesiredState
    template_version: int
    manifests: list[dict[str, Any]]
    inventory: list[InventoryItem]


async def request_dry_run(session: Session, deployment_id: UUID, change: Change) -> int:
    """Ask about a change, or about a deployment as it stands. Raises what db.preview.preview_change does: Refused."""
    values = change_values(deployment_id, change)
    return await _ask(session, "SELECT orchestrator.request_dry_run(%s, %s, %s, %s::integer, %s, %s, %s)", values)


async def request_new_dry_run(
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
) -> int:
    """Ask about a deployment that is not made yet. Raises what making it would: Refused."""
    named = (name, template, json_text(parameters), namespace, cluster, template_version, desired_state, keep_data)
    values = (*named, drift_policy, json_text(drift_rules or []))
    query = "SELECT orchestrator.request_new_dry_run(%s, %s, %s, %s, %s, %s::integer, %s, %s, %s, %s)"
    return await _ask(session, query, values)


async def read_dry_run(session: Session, dry_run_id: int) -> DryRun:
    """As it is now; one that waited for too long has failed, whoever writes that down. Raises Refused (404)."""
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT r.id, r.deployment_id, c.name AS cluster, r.namespace, r.name, r.generation, r.asked_by,"
            " r.created_at, r.expires_at, r.refused, r.answers, r.finished_at,"
            " CASE WHEN o.over THEN 'failed' ELSE r.state END AS state,"
            " CASE WHEN o.over AND r.message = '' THEN 'nobody answered in time' ELSE r.message END AS message"
            " FROM orchestrator.dry_runs r JOIN orchestrator.clusters c ON c.id = r.cluster_id"
            " CROSS JOIN LATERAL (SELECT r.finished_at IS NULL"
            " AND greatest(r.expires_at, r.leased_until) < now()) o (over)"
            " WHERE r.id = %s",
            (dry_run_id,),
        )
        row = await cursor.fetchone()
    if row is None:
        raise Refused(404, f"there is no dry run {dry_run_id}", "id", "They are kept for a day: ask again.")
    return msgspec.convert(row, DryRun)


# ---------------------------------------------------------------- as workers use them


async def claim_dry_run(session: Session, cluster: str, worker: str, lease_seconds: int) -> Proposal | None:
    """Take one, if one is due."""
    with translated():
        async with session.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                "SELECT * FROM orchestrator.claim_dry_run(%s, %s, %s)", (cluster, worker, lease_seconds), prepare=True
            )
            row = await cursor.fetchone()
    return None if row is None else msgspec.convert({**row, "deployment_id": str(row["deployment_id"])}, Proposal)


async def settle_dry_run(
    session: Session, proposal: Proposal, state: State, answers: Sequence[Answer], message: str = ""
) -> str:
    """Write what came of it: "settled", or "lost" where another worker has taken it since."""
    with translated():
        cursor = await session.execute(
            "SELECT orchestrator.settle_dry_run(%s, %s, %s, %s, %s)",
            (proposal.dry_run_id, proposal.token, state, json_text(answers), message),
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return row[0]


async def end_dry_runs(session: Session, cluster: str) -> None:
    """End those that nobody answered in time, and drop old ones."""
    with translated():
        await session.execute("SELECT orchestrator.end_dry_runs(%s)", (cluster,))


async def _ask(session: Session, query: Any, values: tuple[Any, ...]) -> int:
    cursor = await session.execute(query, values)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return row[0]
