"""Brings a database to the schema of this release. The first thing that runs against Postgres.

Migrations are numbered, forward only and checksummed, one transaction each. Routines and views have one
file each and are applied again when that file changed. All of it under one advisory lock, so that any
number of processes may start at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import psycopg
import structlog

from db.errors import DatabaseError

log = structlog.get_logger()

HERE = Path(__file__).parent
LOCK_KEY = 7_236_110_001
# pgmq is installed from the SQL its package ships, so any managed Postgres will do.
PACKAGED = {"0002_pgmq": "pgmq.sql"}
OWNED_FROM = "0002"


class MigrationChanged(DatabaseError):
    """A migration that was applied no longer reads as it did. Write a new one instead of editing it."""


def migration_scripts() -> Iterator[tuple[str, str]]:
    """(name, SQL) of each migration in order, the packaged ones among them."""
    files = {path.stem: path.read_text() for path in (HERE / "migrations").glob("*.sql")}
    for name, file in PACKAGED.items():
        files[name] = resources.files("pgmq").joinpath("sql", file).read_text()
    yield from sorted(files.items())


def repeatable_scripts() -> Iterator[tuple[str, str]]:
    """(name, SQL) of each routine, then each view."""
    for folder in ("routines", "views"):
        for path in sorted((HERE / folder).rglob("*.sql")):
            yield f"{folder}/{path.stem}", path.read_text()


def migrate(dsn: str) -> list[str]:
    """Apply what is missing; answers the names of what was applied.

    Raises MigrationChanged when an applied migration was edited.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        known = _applied(connection)
        done = [name for name, script in migration_scripts() if _apply_once(connection, known, name, script)]
        done += [name for name, script in repeatable_scripts() if _apply_changed(connection, known, name, script)]
        if done:
            _settle(connection)
            log.info("database migrated", applied=len(done))
        return done


def _applied(connection: psycopg.Connection) -> dict[str, str]:
    found = connection.execute("SELECT to_regclass('orchestrator.schema_migrations') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        return {}
    rows = connection.execute("SELECT name, checksum FROM orchestrator.schema_migrations").fetchall()
    return {str(name): str(checksum) for name, checksum in rows}


def _apply_once(connection: psycopg.Connection, known: dict[str, str], name: str, script: str) -> bool:
    checksum = hashlib.sha256(script.encode()).hexdigest()
    if name in known:
        if known[name] != checksum:
            raise MigrationChanged(
                f"migration {name} was applied with another text; write a new migration instead of editing it"
            )
        return False
    _run(connection, name, script, checksum)
    return True


def _apply_changed(connection: psycopg.Connection, known: dict[str, str], name: str, script: str) -> bool:
    checksum = hashlib.sha256(script.encode()).hexdigest()
    if known.get(name) == checksum:
        return False
    _run(connection, name, script, checksum)
    return True


def _run(connection: psycopg.Connection, name: str, script: str, checksum: str) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        # Routines call each other, in no order that files could have.
        connection.execute("SET LOCAL check_function_bodies = off")
        if name >= OWNED_FROM:
            connection.execute("SET LOCAL ROLE orchestrator_owner")
        connection.execute(script.encode())
        connection.execute(
            "INSERT INTO orchestrator.schema_migrations (name, checksum) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()",
            (name, checksum),
        )


def _settle(connection: psycopg.Connection) -> None:
    """Close pgmq to PUBLIC, and see to it that there is a cluster to begin with."""
    with connection.transaction():
        connection.execute("SET LOCAL ROLE orchestrator_owner")
        connection.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgmq FROM PUBLIC")
        connection.execute(
            "INSERT INTO orchestrator.clusters (name)"
            " SELECT 'default' WHERE NOT EXISTS (SELECT FROM orchestrator.clusters)"
        )
