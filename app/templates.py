"""Templates: what can be deployed, and which parameters each takes."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.problems import PROBLEMS
from db import catalogue
from db.catalogue import Template, TemplateDetail
from db.changes import LARGEST_VERSION
from db.database import Database


class Templates(msgspec.Struct, frozen=True):
    """All of them: there are few."""

    items: list[Template]


@get("/", responses=PROBLEMS, summary="The newest version of every template")
async def list_templates(database: NamedDependency[Database]) -> Templates:
    """By name."""
    async with database.transaction() as session:
        return Templates(await catalogue.list_templates(session))


@get("/{name:str}", responses=PROBLEMS, summary="One template with its manifests and the schema of its parameters")
async def read_template(
    name: FromPath[str],
    database: NamedDependency[Database],
    version: Annotated[
        int | None, QueryParameter(ge=1, le=LARGEST_VERSION, description="The newest if left out.")
    ] = None,
) -> TemplateDetail:
    """404 names what was asked for."""
    async with database.transaction() as session:
        return await catalogue.read_template(session, name, version)


@get("/{name:str}/versions", responses=PROBLEMS, summary="Every version of one template")
async def list_versions(name: FromPath[str], database: NamedDependency[Database]) -> Templates:
    """Newest first, in short."""
    async with database.transaction() as session:
        return Templates(await catalogue.list_versions(session, name))


router = Router("/api/templates", route_handlers=[list_templates, read_template, list_versions], tags=["templates"])
