"""Loads template files (YAML or JSON) into Postgres: name, base_spec_json, allowed_mutations_json, drift_rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import yaml

from db.connection import json_text, translated
from db.errors import DatabaseError

SHIPPED = Path(__file__).parent / "shipped"


class TemplateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: the next version of the template it names, unless nothing changed."""

    name: str
    base_spec_json: list[dict[str, Any]]
    allowed_mutations_json: dict[str, Any]
    drift_rules: list[dict[str, Any]] = []


class BadTemplateFile(DatabaseError):
    """A template file cannot be read; the message names it and says why."""


def read_template(path: Path) -> TemplateFile:
    """Raises BadTemplateFile."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text()), TemplateFile)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadTemplateFile(f"{path}: {error}") from error


def load_templates(url: str, directory: Path) -> list[tuple[str, int]]:
    """Write every template of a directory, all or none; answers (name, version) of each.

    Raises Refused, BadTemplateFile.
    """
    with translated(), psycopg.connect(url) as connection:
        return [(template.name, put(connection, template)) for template in read_templates(directory)]


def load_new_templates(url: str, directory: Path) -> list[str]:
    """Write those of a directory whose names are not known yet, and answer these names.

    A template of a known name is left as it is: an admin may have published a version of their own.
    Raises as `load_templates`.
    """
    with translated(), psycopg.connect(url) as connection:
        known = {str(row[0]) for row in connection.execute("SELECT DISTINCT name FROM orchestrator.templates")}
        new = [template for template in read_templates(directory) if template.name not in known]
        for template in new:
            put(connection, template)
    return [template.name for template in new]


def read_templates(directory: Path) -> list[TemplateFile]:
    """Those of a directory, by file name. Raises BadTemplateFile."""
    files = sorted(path for path in directory.glob("*") if path.suffix in {".yaml", ".yml", ".json"})
    if not files:
        raise BadTemplateFile(f"{directory} holds no .yaml or .json file")
    return [read_template(path) for path in files]


def put(connection: psycopg.Connection, template: TemplateFile) -> int:
    """Write one; answers the version that now says so."""
    row = connection.execute(
        "SELECT orchestrator.put_template(%s, %s, %s, %s)",
        (
            template.name,
            json_text(template.base_spec_json),
            json_text(ordered(template.allowed_mutations_json)),
            json_text(template.drift_rules),
        ),
    ).fetchone()
    return 0 if row is None else int(row[0])


def ordered(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the order of its parameters in the file, which jsonb forgets, for forms to ask in."""
    properties: object = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    return {"order": list(cast("dict[str, Any]", properties)), **schema}
