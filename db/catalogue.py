"""The templates that there are, as the API offers them. How they get here is db.templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from db.connection import Session
from db.errors import Refused

_MISSING = 404


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a template, in short."""

    id: int
    name: str
    version: int
    title: str
    description: str
    created_at: datetime


class TemplateDetail(Template, frozen=True, kw_only=True):
    """One version of a template: the manifests, the JSON Schema of its parameters, and which versions there are."""

    versions: list[int]
    base_spec_json: list[dict[str, Any]]
    allowed_mutations_json: dict[str, Any]
    drift_rules_json: list[dict[str, Any]]


_COLUMNS = (
    "t.id, t.name, t.version, coalesce(t.allowed_mutations_json ->> 'title', t.name) AS title,"
    " coalesce(t.allowed_mutations_json ->> 'description', '') AS description, t.created_at"
)


async def list_templates(session: Session) -> list[Template]:
    """The newest version of each, by name."""
    query = (
        "SELECT DISTINCT ON (t.name) "  # noqa: S608 - of literals only, as LiteralString proves
        + _COLUMNS
        + " FROM orchestrator.templates t ORDER BY t.name, t.version DESC"
    )
    async with session.cursor(row_factory=class_row(Template)) as cursor:
        await cursor.execute(query)
        return await cursor.fetchall()


async def list_versions(session: Session, name: str) -> list[Template]:
    """Every version of one, newest first. Raises Refused (404)."""
    query = (
        "SELECT "  # noqa: S608 - as above
        + _COLUMNS
        + " FROM orchestrator.templates t WHERE t.name = %s ORDER BY t.version DESC"
    )
    async with session.cursor(row_factory=class_row(Template)) as cursor:
        await cursor.execute(query, (name,))
        found = await cursor.fetchall()
    if not found:
        raise _unknown(f'"{name}"')
    return found


async def read_template(session: Session, name: str, version: int | None) -> TemplateDetail:
    """One version, the newest for None. Raises Refused (404)."""
    query = (
        "SELECT "  # noqa: S608 - as above
        + _COLUMNS
        + ", t.base_spec_json, t.allowed_mutations_json, t.drift_rules_json,"
        + " ARRAY(SELECT o.version FROM orchestrator.templates o WHERE o.name = t.name ORDER BY o.version) AS versions"
        + " FROM orchestrator.templates t WHERE t.name = %(name)s"
        + " AND (%(version)s::integer IS NULL OR t.version = %(version)s) ORDER BY t.version DESC LIMIT 1"
    )
    async with session.cursor(row_factory=class_row(TemplateDetail)) as cursor:
        await cursor.execute(query, {"name": name, "version": version})
        row = await cursor.fetchone()
    if row is None:
        wanted = f'"{name}"' if version is None else f'"{name}" version {version}'
        raise _unknown(wanted)
    return row


def _unknown(wanted: str) -> Refused:
    return Refused(_MISSING, f"there is no template {wanted}", "template", "GET /api/templates lists them.")
