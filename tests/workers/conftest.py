"""Worker tests run the worker's own steps (claim, reconcile, settle) one by one, so that others can act in between."""

from collections.abc import AsyncIterator

import pytest

from db.connection import connect
from kube.cluster import Cluster
from tests.conftest import Database
from tests.proxy import Proxy
from tests.workers.steps import Steps


@pytest.fixture
async def steps(database: Database, proxy: Proxy) -> AsyncIterator[Steps]:
    """A worker in slow motion, connected through the proxy."""
    async with await connect(database.dsn_as("worker"), name="steps") as session, Cluster(proxy.credentials) as cluster:
        yield Steps(session, cluster)
