"""Changes of many deployments at once: one statement, so all of them or none.

A refusal says which deployment it is about. Postgres itself only says what it refused, so the one is looked for
afterwards, by asking for halves of halves and taking everything back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.changes import ASSIGNMENTS, Change, assigned
from db.connection import Session, translated
from db.errors import Refused

Action = Literal["reconcile", "restart"]
Apply = Callable[[Sequence[UUID]], Awaitable[object]]

_MISSING = 404
# In the order of the ids, as every bulk change takes its locks: two at once wait for each other and do not deadlock.
_ACTIONS: dict[Action, LiteralString] = {
    "reconcile": "SELECT orchestrator.reconcile_now(a.id) FROM (SELECT unnest(%(ids)s::uuid[]) AS id ORDER BY 1) a",
    "restart": "UPDATE orchestrator.deployments d SET restarted_at = clock_timestamp() WHERE d.id = ANY (%(ids)s)",
}


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that was among many, as it is now."""

    id: UUID
    name: str
    namespace: str
    generation: int
    desired_state: str
    status_summary: str


async def change_deployments(session: Session, ids: Sequence[UUID], change: Change) -> list[Changed]:
    """Change the intent of all. Raises Refused, whose path begins with "ids." and the id."""

    async def apply(some: Sequence[UUID]) -> None:
        await session.execute(
            "UPDATE orchestrator.deployments d SET "  # noqa: S608 - of literals only, as LiteralString proves
            + ASSIGNMENTS
            + " WHERE d.id = ANY (%(ids)s)",
            assigned(change) | {"ids": list(some)},
        )

    return await _all_or_none(session, ids, apply)


async def act_on_deployments(session: Session, ids: Sequence[UUID], action: Action) -> list[Changed]:
    """Do the same to all. Raises as `change_deployments`."""

    async def apply(some: Sequence[UUID]) -> None:
        await session.execute(_ACTIONS[action], {"ids": list(some)})

    return await _all_or_none(session, ids, apply)


async def _all_or_none(session: Session, ids: Sequence[UUID], apply: Apply) -> list[Changed]:
    cursor = await session.execute(
        "SELECT d.id, d.name FROM orchestrator.deployments d WHERE d.id = ANY (%s) ORDER BY d.id FOR NO KEY UPDATE",
        (list(ids),),
    )
    names: dict[UUID, str] = dict(await cursor.fetchall())
    for wanted in ids:
        if wanted not in names:
            raise Refused(
                _MISSING, f"there is no deployment {wanted}", f"ids.{wanted}", "GET /api/deployments lists them."
            )
    refusal = await _refusal(session, ids, apply)
    if refusal is not None:
        one, why = await _culprit(session, ids, apply, refusal)
        path = f"ids.{one}.{why.path}" if why.path else f"ids.{one}"
        raise Refused(why.status, f"{names[one]}: {why.message}", path, why.hint)
    async with session.cursor(row_factory=class_row(Changed)) as rows:
        await rows.execute(
            "SELECT d.id, d.name, d.namespace, d.generation, d.desired_state, d.status_summary"
            " FROM orchestrator.deployments d JOIN unnest(%s) WITH ORDINALITY a (id, place) USING (id)"
            " ORDER BY a.place",
            (list(ids),),
        )
        return await rows.fetchall()


async def _refusal(session: Session, some: Sequence[UUID], apply: Apply) -> Refused | None:
    """Apply to some; what is refused is taken back and answered."""
    try:
        with translated():
            async with session.transaction():
                await apply(some)
    except Refused as refusal:
        return refusal
    return None


async def _culprit(session: Session, ids: Sequence[UUID], apply: Apply, refusal: Refused) -> tuple[UUID, Refused]:
    """The first that is refused, and why, when all together were. What is tried here ends with the transaction."""
    suspects = list(ids)
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        found = await _refusal(session, half, apply)
        suspects = suspects[len(half) :] if found is None else half
        refusal = found or refusal
    return suspects[0], await _refusal(session, suspects, apply) or refusal
