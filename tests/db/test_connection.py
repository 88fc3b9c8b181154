"""How sessions on Postgres begin."""

import psycopg
import pytest

from db.connection import connect, open_pool
from db.errors import Fault, Unavailable
from db.logins import narrowed
from tests.conftest import Database

WHO = "SELECT current_user, current_setting('lock_timeout')"


async def test_a_url_that_narrows_itself_to_a_role_keeps_it_beside_our_own_options(database: Database) -> None:
    url = narrowed(database.dsn, "orchestrator_watcher")
    session = await connect(url, name="test")
    async with session:
        assert await (await session.execute(WHO)).fetchone() == ("orchestrator_watcher", "10s")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await session.execute("DELETE FROM orchestrator.deployments")
    async with open_pool(url, name="test", size=2) as pool, pool.connection() as pooled:
        assert await (await pooled.execute(WHO)).fetchone() == ("orchestrator_watcher", "10s")


async def test_a_server_that_is_not_there_is_told_as_such() -> None:
    with pytest.raises(Unavailable):
        await connect("postgresql://127.0.0.1:1/none", name="test")


async def test_a_url_that_is_none_is_told_before_anything_is_tried() -> None:
    with pytest.raises(Fault):
        async with open_pool("not a url", name="test", size=2):
            pytest.fail("it opened")
