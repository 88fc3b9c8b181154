"""What the tests of the SQL core stand on: a database with the shipped templates, and a session for each role."""

import uuid
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.db.stage import Stage, load_shipped


def copied(source: Database) -> Iterator[Database]:
    """A copy of a database, dropped after use."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(source.server.dsn(), autocommit=True) as connection:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(source.name)))
        yield msgspec.structs.replace(source, name=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def shipped_postgres(postgres: Database) -> Iterator[Database]:
    """A template database that has the shipped templates too. Never connect to it."""
    for database in copied(postgres):
        load_shipped(database)
        yield database


@pytest.fixture
def shipped_database(shipped_postgres: Database) -> Iterator[Database]:
    yield from copied(shipped_postgres)


@pytest.fixture
def bare_stage(database: Database) -> Iterator[Stage]:
    """A stage with no template, on a cluster that no worker has reached yet."""
    stage = Stage(database)
    yield stage
    stage.close()


@pytest.fixture
def stage(shipped_database: Database) -> Iterator[Stage]:
    """A stage with the shipped templates, on a cluster that answers."""
    stage = Stage(shipped_database)
    stage.reachable()
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def quiet_stage(shipped_postgres: Database) -> Iterator[Stage]:
    """One stage for all tests that only see themselves refused: they leave it as they found it."""
    for database in copied(shipped_postgres):
        stage = Stage(database)
        stage.reachable()
        yield stage
        stage.close()
