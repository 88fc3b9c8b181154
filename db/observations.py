"""What watchers write: observations, drift, resyncs, events, streams; and the lock that picks one of them.

The rules live in db/routines/observations; these are its doors.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from db.connection import Session, json_text, translated


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One object as it was seen. `deployment_id` and `generation` come from its labels.

    A filtered watch says DELETED also of an object that merely lost our label: look it up before saying 'gone'.
    An object found under a known name with another uid or without our labels is 'seen' as it is.
    """

    change: Literal["seen", "gone"]
    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    deployment_id: str | None = None
    generation: int | None = None
    ours: bool = False
    fields_hash: str | None = None
    deleting: bool = False
    health: str | None = None
    reason: str = ""
    message: str = ""
    digest: dict[str, Any] | None = None


class Suspect(msgspec.Struct, frozen=True):
    """An object whose owned fields changed: compare its live state with `wanted` and report with record_drift.

    `generation` is the one applied to it; `wanted` is the rendered manifest without labels, None for the root; `known`
    is the drift that was recorded of it before. Where its deployment is `unjudged` record_drift has to be told.
    """

    deployment_id: str
    kind: str
    namespace: str
    name: str
    deployment_name: str
    generation: int | None
    template_version: int
    root_uid: str | None
    applied_fields: dict[str, Any] | None
    wanted: dict[str, Any] | None
    known: list[dict[str, Any]] | None = None
    unjudged: bool = False


class Recorded(msgspec.Struct, frozen=True):
    """What became of a batch. `busy` are (kind, namespace, name) to send again shortly."""

    suspects: list[Suspect]
    busy: list[tuple[str, str, str]]


class DriftReport(msgspec.Struct, frozen=True):
    """The lost paths of one object, [] when there are none."""

    deployment_id: str
    kind: str
    namespace: str
    name: str
    drift: list[dict[str, Any]]


class Lacking(msgspec.Struct, frozen=True):
    """An object of the inventory that a full list lacked. `generation` is the one that was applied to it."""

    namespace: str
    name: str
    uid: str
    deployment_id: str
    generation: int | None


class KubernetesEvent(msgspec.Struct, frozen=True):
    """A core Event: `type` is Normal or Warning, `last_at` ISO 8601."""

    type: str
    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    count: int
    last_at: str


@asynccontextmanager
async def recording(session: Session) -> AsyncGenerator[None]:
    """One transaction for a batch and what was found by a closer look at it. Raises what any of its statements does.

    BEGIN travels with the first statement and COMMIT with the last, since a drift waits for each round trip. So a
    statement whose answer is not read may fail only when the block is left.
    """
    with translated():
        try:
            async with session.pipeline():
                await session.execute("BEGIN")
                yield
                await session.execute("COMMIT")
        except BaseException:
            await session.rollback()
            raise


async def record_observations(session: Session, cluster: str, batch: Sequence[Observation]) -> Recorded:
    """Write a batch in one statement. Call it in a block of `recording`, together with record_drift.

    Where there are suspects, catch_up has to follow.
    """
    suspects: list[Suspect] = []
    busy: list[tuple[str, str, str]] = []
    with translated():
        cursor = await session.execute(
            "SELECT * FROM orchestrator.record_observations(%s, %s)", (cluster, json_text(batch)), prepare=True
        )
        for verdict, deployment_id, kind, namespace, name, *facts in await cursor.fetchall():
            if verdict == "busy":
                busy.append((kind, namespace, name))
            else:
                suspects.append(Suspect(str(deployment_id), kind, namespace, name, *facts))
    return Recorded(suspects, busy)


async def record_drift(
    session: Session, cluster: str, reports: Sequence[DriftReport], unjudged: Sequence[str] = ()
) -> None:
    """Write what a closer look at suspects found, and the status of the `unjudged` deployments among them."""
    with translated():
        await session.execute(
            "SELECT orchestrator.record_drift(%s, %s, %s::uuid[])",
            (cluster, json_text(reports), list(unjudged)),
            prepare=True,
        )


async def catch_up(
    session: Session, cluster: str, batch: Sequence[Observation], suspects: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Write what could wait until the drift of these deployments was told of; answers the objects that are busy."""
    with translated():
        cursor = await session.execute(
            "SELECT * FROM orchestrator.catch_up(%s, %s, %s::uuid[])", (cluster, json_text(batch), list(suspects))
        )
        return await cursor.fetchall()


async def record_relist(
    session: Session, cluster: str, kind: str, resource_version: int, present: Sequence[tuple[str, str, str]]
) -> list[Lacking]:
    """After a full list of one kind; answers what the inventory has beside it.

    Those may be gone, or have lost their label: look each up before calling it gone.
    """
    listed = [{"namespace": namespace, "name": name, "uid": uid} for namespace, name, uid in present]
    with translated():
        cursor = await session.execute(
            "SELECT * FROM orchestrator.record_relist(%s, %s, %s, %s)",
            (cluster, kind, resource_version, json_text(listed)),
        )
        return [
            Lacking(name[0], name[1], name[2], str(own), generation)
            for *name, own, generation in await cursor.fetchall()
        ]


async def record_kubernetes_events(session: Session, cluster: str, batch: Sequence[KubernetesEvent]) -> None:
    """Keep what Kubernetes tells of pods of ours, and its warnings about other objects; all else is passed over."""
    with translated():
        await session.execute("SELECT orchestrator.record_kubernetes_events(%s, %s)", (cluster, json_text(batch)))


async def record_stream(
    session: Session,
    cluster: str,
    kind: str,
    state: Literal["connected", "synced", "lost"],
    restarts: int,
    error: str | None,
) -> None:
    """Write the state of one watch."""
    with translated():
        await session.execute(
            "SELECT orchestrator.record_stream(%s, %s, %s, %s, %s)", (cluster, kind, state, restarts, error)
        )


async def try_become_active(session: Session, cluster: str) -> bool:
    """Whether this session now holds the lock that lets one watcher a cluster write. It goes with the session."""
    with translated():
        cursor = await session.execute(
            "SELECT pg_try_advisory_lock(hashtext('orchestrator.watcher'), hashtext(%s))", (cluster,)
        )
        row = await cursor.fetchone()
        return row is not None and bool(row[0])


async def resync_seconds(session: Session, cluster: str) -> int | None:
    """How often to list everything again, by the row of the cluster; None if there is no such cluster."""
    with translated():
        cursor = await session.execute("SELECT resync_seconds FROM orchestrator.clusters WHERE name = %s", (cluster,))
        row = await cursor.fetchone()
        return None if row is None else int(row[0])
