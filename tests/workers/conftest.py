"""Worker tests run the worker's own steps (claim, reconcile, settle) one by one, so that others can act in between."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from db.connection import connect
from kube.cluster import Cluster
from tests.conftest import ControlPlane, Database
from tests.intent import Intent, intent_on
from tests.outsider import Outsider, outsider_of
from tests.proxy import Proxy
from tests.workers.steps import Steps


@pytest.fixture
def intent(database: Database, namespace: str) -> Iterator[Intent]:
    """An operator at psql."""
    with intent_on(database, namespace) as opened:
        # As a worker that has just reached the cluster does; otherwise everything waits for one.
        opened.superuser.execute("SELECT orchestrator.report_cluster('default', true, NULL)")
        yield opened


@pytest.fixture
def outsider(control_plane: ControlPlane, tmp_path: Path) -> Outsider:
    """Somebody else at the API server."""
    return outsider_of(control_plane.kubeconfig, tmp_path)


@pytest.fixture
async def steps(database: Database, proxy: Proxy) -> AsyncIterator[Steps]:
    """A worker in slow motion, connected through the proxy."""
    async with await connect(database.dsn_as("worker"), name="steps") as session, Cluster(proxy.credentials) as cluster:
        yield Steps(session, cluster)
