"""Watcher tests run the watcher itself against a real database and cluster, beside a worker in slow motion."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db.connection import connect
from db.settings import DatabaseSettings
from kube.cluster import Cluster
from kube.credentials import load
from kube.kinds import OBSERVED
from kube.settings import ClusterSettings
from tests.conftest import ControlPlane, Database
from tests.intent import Intent
from tests.waiting import eventually
from tests.workers.steps import Steps
from watchers.main import watch
from watchers.settings import WatcherSettings

Watching = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def steps(database: Database, control_plane: ControlPlane) -> AsyncIterator[Steps]:
    """A worker in slow motion."""
    credentials = load(control_plane.kubeconfig, None, in_cluster=False)
    async with await connect(database.dsn_as("worker"), name="steps") as session, Cluster(credentials) as cluster:
        yield Steps(session, cluster)


@pytest.fixture
def watching(database: Database, control_plane: ControlPlane) -> Watching:
    """`async with watching():` runs a watcher for the block; by default one that resyncs too seldom to help."""

    @asynccontextmanager
    async def run(kubeconfig: Path | None = None, **settings: Any) -> AsyncIterator[None]:
        chosen = {"resync_seconds": 600.0, "standby_seconds": 0.1, **settings}
        told = WatcherSettings(
            database=DatabaseSettings(database.dsn_as("watcher")),
            cluster=ClusterSettings(kubeconfig=kubeconfig or control_plane.kubeconfig),
            **chosen,
        )
        task = asyncio.create_task(watch(told))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert task.cancelled(), task.exception()

    return run


async def synced(intent: Intent) -> None:
    """Wait until every stream is in place, so that what follows is seen as it happens."""

    def all_synced() -> bool:
        rows = intent.rows("SELECT kind, state, error FROM orchestrator.watch_streams WHERE kind <> 'Event'")
        assert {row["kind"] for row in rows} == {kind.name for kind in OBSERVED}, rows
        assert all(row["state"] == "synced" for row in rows), rows
        return True

    await eventually(all_synced, 20, "all streams synced")
