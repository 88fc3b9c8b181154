"""The reconcile queue as workers use it: claim, heartbeat, settle, release, promote, repair.

The protocol lives in db/routines/queue; these are its doors, one round trip each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from db.connection import Session, json_text, translated

Outcome = Literal["succeeded", "held", "failed", "deferred", "finalised"]
DesiredState = Literal["Active", "Stopped", "Paused", "Deleted"]


class PutBack(msgspec.Struct, frozen=True):
    """A path that is put back, empty for the object itself, and who had changed it, if that is known."""

    path: str
    manager: str | None = None


class InventoryItem(msgspec.Struct, frozen=True):
    """One object of a deployment as the inventory has it.

    `lost` are the paths that others took of it and that are put back. `withheld` are the places that an apply leaves to
    others (a text is a key, an object the keys of a list item), `paths` the same as people read them, `yielded` those
    that the last apply left. `enforce_once`: carried all the same, once. `let_be`: if it is gone, it stays so.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str | None
    resource_version: int
    rendered_hash: str | None
    applied_generation: int | None
    managed: bool
    missing: bool
    drifted: bool = False
    lost: list[PutBack] | None = None
    withheld: list[list[str | dict[str, Any]]] = []
    paths: list[str] = []
    undecided: list[str] = []
    yielded: list[str] | None = None
    enforce_once: list[str] = []
    let_be: bool = False


class Wish(msgspec.Struct, frozen=True):
    """A claimed deployment: what is wanted, what we have, and the lease on it."""

    deployment_id: str
    queue: str
    msg_id: int
    token: int
    seen: int
    name: str
    namespace: str
    generation: int
    last_applied_generation: int
    desired_state: DesiredState
    keep_data: bool
    template_version: int
    failures: int
    manifests: list[dict[str, Any]]
    inventory: list[InventoryItem]


class AppliedResource(msgspec.Struct, frozen=True):
    """What an apply answered, for the inventory; and what of the object others had changed until then.

    `fields` holds what was `withheld` too, `fields_hash` is of what we own; `drift` is what others have of it.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    fields: dict[str, Any] | None
    fields_hash: str | None
    rendered_hash: str
    # How a workload that was changed is right after it, by its own status: what was last seen of it is from before.
    health: str | None = None
    reason: str = ""
    message: str = ""
    put_back: Sequence[PutBack] = ()
    withheld: Sequence[str] | None = None
    enforced: Sequence[str] = ()
    drift: Sequence[dict[str, Any]] | None = None


class PrunedResource(msgspec.Struct, frozen=True):
    """An object that is no longer there by our doing."""

    kind: str
    namespace: str
    name: str


class RestartedPod(msgspec.Struct, frozen=True):
    """A pod that was deleted for its successor to be made anew."""

    namespace: str
    name: str
    uid: str


class EventRow(msgspec.Struct, frozen=True):
    """One row for deployment_events."""

    type: str
    data: dict[str, Any]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How one reconciliation ended. Times are seconds."""

    deployment_id: str
    queue: str
    msg_id: int
    token: int
    seen: int
    generation: int
    outcome: Outcome
    error: str | None = None
    permanent: bool = False
    retry_seconds: float | None = None
    look_again_seconds: float | None = None
    resources: Sequence[AppliedResource] = ()
    pruned: Sequence[PrunedResource] = ()
    restarted: Sequence[RestartedPod] = ()
    events: Sequence[EventRow] = ()


def _lease(wish: Wish) -> dict[str, Any]:
    return {
        "deployment_id": wish.deployment_id,
        "id": wish.deployment_id,
        "queue": wish.queue,
        "msg_id": wish.msg_id,
        "token": wish.token,
    }


async def claim(session: Session, cluster: str, worker: str, limit: int, lease_seconds: int) -> list[Wish]:
    """Take up to `limit` deployments. Start the lease clock before calling."""
    with translated():
        async with session.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                "SELECT * FROM orchestrator.claim(%s, %s, %s, %s)",
                (cluster, worker, limit, lease_seconds),
                prepare=True,
            )
            rows = await cursor.fetchall()
    return [msgspec.convert({**row, "deployment_id": str(row["deployment_id"])}, Wish) for row in rows]


async def settle(session: Session, settlement: Settlement) -> Literal["settled", "lost"]:
    """End a reconciliation in one transaction; 'lost' means the lease was not ours and nothing was written."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.settle(%s)", (json_text(settlement),), prepare=True)
        row = await cursor.fetchone()
        return "settled" if row is not None and row[0] == "settled" else "lost"


async def settle_all(session: Session, settlements: Sequence[Settlement]) -> dict[str, Literal["settled", "lost"]]:
    """End several in one transaction, which never waits: deployments that somebody holds are not in the answer."""
    with translated():
        cursor = await session.execute(
            "SELECT * FROM orchestrator.settle_all(%s)", (json_text(settlements),), prepare=True
        )
        return {str(row[0]): "settled" if row[1] == "settled" else "lost" for row in await cursor.fetchall()}


async def heartbeat(session: Session, wishes: Sequence[Wish], lease_seconds: int) -> set[str]:
    """Extend these leases; answers the ids of those still held. Work on the others must stop at once."""
    with translated():
        leases = json_text([_lease(wish) for wish in wishes])
        cursor = await session.execute("SELECT orchestrator.heartbeat(%s, %s)", (leases, lease_seconds))
        return {str(row[0]) for row in await cursor.fetchall()}


async def release(session: Session, wishes: Sequence[Wish]) -> int:
    """Hand leases back to other workers; answers how many were still ours."""
    with translated():
        leases = json_text([_lease(wish) for wish in wishes])
        cursor = await session.execute("SELECT orchestrator.release(%s)", (leases,))
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def applied_fields(session: Session, deployment_id: str, item: InventoryItem) -> dict[str, Any] | None:
    """The fieldset of our last apply to one object, in the API's FieldsV1 form."""
    with translated():
        cursor = await session.execute(
            "SELECT orchestrator.applied_fields(%s, %s, %s, %s)", (deployment_id, item.kind, item.namespace, item.name)
        )
        row = await cursor.fetchone()
        return None if row is None else row[0]


async def withhold_found(
    session: Session, deployment_id: str, item: InventoryItem, drift: Sequence[dict[str, Any]]
) -> InventoryItem:
    """The item by what a worker itself has just found of others' changes."""
    with translated():
        cursor = await session.execute(
            "SELECT orchestrator.withhold_found(%s, %s, %s, %s, %s)",
            (deployment_id, item.kind, item.namespace, item.name, json_text(drift)),
        )
        row = await cursor.fetchone()
    found: dict[str, Any] = {} if row is None or row[0] is None else row[0]
    return msgspec.convert(msgspec.to_builtins(item) | found, InventoryItem)


async def promote(session: Session, cluster: str) -> float | None:
    """Queue what is due; answers the seconds until the next is, or None."""
    return (await look_around(session, cluster))[0]


async def look_around(session: Session, cluster: str) -> tuple[float | None, bool, bool]:
    """The same, whether there is a rollout to carry on, and a dry run to take; in one round trip."""
    with translated():
        cursor = await session.execute(
            "SELECT orchestrator.promote(%s), orchestrator.has_rollouts(), orchestrator.has_dry_runs(%s)",
            (cluster, cluster),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a SELECT of functions
        return None if row[0] is None else float(row[0]), row[1], row[2]


async def advance_rollouts(session: Session) -> int:
    """Carry rollouts on as far as they may go now, of whichever cluster; answers how many were looked at."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.advance_rollouts()")
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def repair(session: Session, cluster: str) -> int:
    """Queue again what lost its message; answers how many."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.repair(%s)", (cluster,))
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def mark_stale(session: Session, cluster: str) -> int:
    """Mark deployments no watcher has seen for two resyncs; answers how many changed."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.mark_stale(%s)", (cluster,))
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def tend_contests(session: Session, cluster: str) -> int:
    """End fights that are over and ask for what may be put back again; answers how many rows were seen to."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.tend_contests(%s)", (cluster,))
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def tend_windows(session: Session, cluster: str) -> int:
    """Ask for what waited for a window that is open by now; answers for how many. Raises DatabaseError."""
    with translated():
        cursor = await session.execute("SELECT orchestrator.tend_windows(%s)", (cluster,))
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0


async def report_cluster(
    session: Session, cluster: str, worker: str, *, reachable: bool, reason: str | None = None
) -> None:
    """Say whether the API server answers this worker; an outage is recorded once for each deployment that waits.

    That it does not is believed where no other worker has reached it lately.
    """
    with translated():
        await session.execute(
            "SELECT orchestrator.report_cluster(%s, %s, %s, %s)", (cluster, reachable, reason, worker)
        )


async def find_cluster(session: Session, cluster: str) -> int | None:
    """The id of a cluster, which names its queues and its channel."""
    with translated():
        cursor = await session.execute("SELECT id FROM orchestrator.clusters WHERE name = %s", (cluster,))
        row = await cursor.fetchone()
        return None if row is None else int(row[0])


async def listen(session: Session, cluster_id: int) -> None:
    """Be told of new work for a cluster on this session."""
    with translated():
        await session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"orchestrator_c{cluster_id}")))


async def notified(session: Session, timeout_seconds: float) -> bool:
    """Wait for a notification; False if none came in time. All that have arrived count as one."""
    with translated():
        return [n async for n in session.notifies(timeout=timeout_seconds, stop_after=1)] != []


async def ping(session: Session) -> None:
    """Raise Unavailable unless the server answers on this session."""
    with translated():
        await session.execute("SELECT 1")
