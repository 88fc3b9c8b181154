"""Rollouts: many deployments moved to another version of their template, in batches, by workers.

The rules live in db/routines/rollouts; here are the doors to them, each inside one transaction of `db.database`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.changes import LARGEST_VERSION
from db.connection import Session, json_text
from db.errors import Refused
from db.plans import PlannedChange

RolloutState = Literal["running", "paused", "rolling_back", "aborted", "done", "rolled_back"]
MemberState = Literal["waiting", "started", "done", "failed", "rolled_back", "refused", "skipped"]
Course = Literal["pause", "resume", "abort", "roll-back"]

MOST_MEMBERS_NAMED = 1000
_MISSING = 404
_Count = Annotated[int, msgspec.Meta(ge=1, le=10000)]
_COURSES: dict[Course, LiteralString] = {
    "pause": "SELECT orchestrator.pause_rollout(%s)",
    "resume": "SELECT orchestrator.resume_rollout(%s)",
    "abort": "SELECT orchestrator.abort_rollout(%s)",
    "roll-back": "SELECT orchestrator.roll_back_rollout(%s)",
}


class NewRollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to move where, and how carefully.

    `version` None: the newest. `ids` None: every deployment on an older version. The next batch of `batch_size` begins
    when all of one have ended; a healthy member is touched only while fewer than `max_unavailable` are not well.
    `parameters` are merged into each member's: null drops one. `restart`: members that would keep the old settings
    otherwise. `force`: also where a version goes down that never should. A member that is not well `patience_seconds`
    after its start has failed.
    """

    template: str
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=MOST_MEMBERS_NAMED)] | None = None
    batch_size: _Count = 5
    max_unavailable: _Count = 1
    parameters: dict[str, Any] = {}
    pause_on_failure: bool = True
    restart: bool = True
    force: bool = False
    patience_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 300


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps a deployment from the version, as its upgrade would be refused."""

    deployment_id: UUID
    namespace: str
    name: str
    template_version: int
    path: str
    message: str
    hint: str


class FirstMember(msgspec.Struct, frozen=True, kw_only=True):
    """The first that would change, and how: the others differ from it in names and values."""

    deployment_id: UUID
    namespace: str
    name: str
    plan: list[PlannedChange]


class RolloutPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollout would do to its `members`, judged by those that were `tried`: the first thousand in their turn.

    `changes` counts those of which an object would change, `restarts` those of them that it takes a restart to change.
    `refusals` may have one of the `refused` several times.
    """

    members: int
    tried: int
    changes: int
    restarts: int
    refused: int
    refusals: list[Refusal]
    first: FirstMember | None


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """How far one is. `back`: on its way back, or paused there. `members` counts those one may see, by state.

    Members are changed in the name of `run_by`: who started, resumed or turned it back last.
    """

    id: int
    template: str
    to_version: int
    parameters: dict[str, Any]
    batch_size: int
    max_unavailable: int
    pause_on_failure: bool
    restart: bool
    force: bool
    patience_seconds: int
    state: RolloutState
    back: bool
    message: str
    members: dict[str, int]
    run_by: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class RolloutMember(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment of it. `batch` is None for one that was refused at the start.

    The generations: before it was moved, that moved it, that put it back; None while there is none.
    """

    deployment_id: UUID
    namespace: str
    name: str
    batch: int | None
    state: MemberState
    message: str
    from_generation: int
    to_generation: int | None
    back_generation: int | None
    status_summary: str
    status_message: str
    started_at: datetime | None
    ended_at: datetime | None


class RolloutStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of its history."""

    type: str
    message: str
    actor: str
    created_at: datetime


class RolloutDetail(Rollout, frozen=True, kw_only=True):
    """The same with every member that one may see, in their turn, and its history, oldest first."""

    deployments: list[RolloutMember]
    history: list[RolloutStep]


_COLUMNS: LiteralString = (
    "SELECT r.id, t.name AS template, r.to_version, r.parameters, r.batch_size, r.max_unavailable, r.pause_on_failure,"
    " r.restart, r.force, r.patience_seconds, r.state, r.back, r.message, r.run_by, r.created_by, r.created_at,"
    " r.finished_at, coalesce((SELECT jsonb_object_agg(c.state, c.count) FROM (SELECT m.state, count(*)"
    " FROM orchestrator.rollout_members m WHERE m.rollout_id = r.id GROUP BY m.state) c), '{}') AS members"
    " FROM orchestrator.rollouts r JOIN orchestrator.templates t ON t.id = r.template_id AND t.version = r.to_version"
)


async def list_rollouts(session: Session, before: int | None, limit: int) -> list[Rollout]:
    """Newest first, those below id `before`; those with a member that one may see."""
    async with session.cursor(row_factory=class_row(Rollout)) as cursor:
        await cursor.execute(
            _COLUMNS + " WHERE %s::bigint IS NULL OR r.id < %s ORDER BY r.id DESC LIMIT %s", (before, before, limit)
        )
        return await cursor.fetchall()


async def read_rollout(session: Session, rollout_id: int) -> RolloutDetail:
    """One with its members. Raises Refused (404)."""
    async with session.cursor(row_factory=class_row(Rollout)) as cursor:
        await cursor.execute(_COLUMNS + " WHERE r.id = %s", (rollout_id,))
        found = await cursor.fetchone()
    if found is None:
        raise Refused(_MISSING, f"there is no rollout {rollout_id}", "id", "GET /api/rollouts lists them.")
    async with session.cursor(row_factory=class_row(RolloutMember)) as members:
        await members.execute(
            "SELECT m.deployment_id, d.namespace, d.name, m.batch, m.state, m.message, m.from_generation,"
            " m.to_generation, m.back_generation, d.status_summary, d.status_message, m.started_at, m.ended_at"
            " FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id"
            " WHERE m.rollout_id = %s ORDER BY m.position",
            (rollout_id,),
        )
        deployments = await members.fetchall()
    async with session.cursor(row_factory=class_row(RolloutStep)) as steps:
        await steps.execute(
            "SELECT e.type, e.message, e.actor, e.created_at FROM orchestrator.rollout_events e"
            " WHERE e.rollout_id = %s ORDER BY e.id",
            (rollout_id,),
        )
        history = await steps.fetchall()
    return RolloutDetail(**msgspec.structs.asdict(found), deployments=deployments, history=history)


async def start_rollout(session: Session, wanted: NewRollout) -> int:
    """Start one; answers its id. Raises Refused."""
    cursor = await session.execute(
        "SELECT orchestrator.start_rollout(template => %s, version => %s::integer, ids => %s::uuid[], batch_size => %s,"
        " max_unavailable => %s, parameters => %s, pause_on_failure => %s, restart => %s, force => %s,"
        " patience_seconds => %s)",
        (
            wanted.template,
            wanted.version,
            _ids(wanted.ids),
            wanted.batch_size,
            wanted.max_unavailable,
            json_text(wanted.parameters),
            wanted.pause_on_failure,
            wanted.restart,
            wanted.force,
            wanted.patience_seconds,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return int(row[0])


async def preview_rollout(session: Session, wanted: NewRollout) -> RolloutPreview:
    """What it would do and what would be refused of it; nothing is written. Raises Refused."""
    cursor = await session.execute(
        "SELECT orchestrator.preview_rollout(%s, %s::integer, %s::uuid[], %s, %s)",
        (wanted.template, wanted.version, _ids(wanted.ids), json_text(wanted.parameters), wanted.force),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one function
    return msgspec.convert(row[0], RolloutPreview)


async def direct_rollout(session: Session, rollout_id: int, course: Course) -> None:
    """Pause it, resume it, abort it, or put back what it changed. Raises Refused."""
    await session.execute(_COURSES[course], (rollout_id,))


async def find_rollout(session: Session, deployment_id: UUID) -> int | None:
    """The rollout that holds a deployment, if one does."""
    cursor = await session.execute(
        "SELECT d.rollout_id FROM orchestrator.deployments d WHERE d.id = %s", (deployment_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


def _ids(ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(dict.fromkeys(ids))
