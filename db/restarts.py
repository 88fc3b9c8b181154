"""What a planned restart waits for, and how many play. See db/routines/restarts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from db.connection import Session


class PlannedRestart(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart waits for: `in_window` or `when_empty`, whichever comes first; with no window, a time.

    `opens` is the opening of the window, or the time; `due` when a worker looks next, None until nobody plays. `why`
    tells why it has not come though it could have.
    """

    in_window: str | None
    when_empty: bool
    only_if_required: bool
    opens: datetime | None
    due: datetime | None
    why: str
    asked_by: str
    asked_at: datetime


async def cancel_restart(session: Session, deployment_id: UUID) -> None:
    """Take back what is planned. Raises Refused, also where nothing is."""
    await session.execute("SELECT orchestrator.cancel_restart(%s)", (deployment_id,))


async def record_players(session: Session, deployment_id: UUID, online: int) -> None:
    """Tell how many play. Raises Refused."""
    await session.execute("SELECT orchestrator.record_players(%s, %s)", (deployment_id, online))
