"""Clusters: whether each is reached and watched, what waits for it, and who works on what."""

from __future__ import annotations

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from app.problems import PROBLEMS
from db import clusters
from db.clusters import ClusterDetail
from db.database import Database


class Clusters(msgspec.Struct, frozen=True):
    """All of them: there are few."""

    items: list[ClusterDetail]


@get("/", responses=PROBLEMS, summary="Clusters and how they are")
async def list_clusters(database: NamedDependency[Database]) -> Clusters:
    """By name."""
    async with database.transaction() as session:
        return Clusters(await clusters.describe_clusters(session))


router = Router("/api/clusters", route_handlers=[list_clusters], tags=["clusters"])
