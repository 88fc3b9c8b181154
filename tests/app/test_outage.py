"""Postgres away, frozen or back: the API says so in time, and recovers by itself."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from db.migrate import migrate
from deploy.postgres import FORGETFUL, EmbeddedPostgres, prepare, running
from tests.app.conftest import Api, problem, serving
from tests.app.test_routes import csrf_of
from tests.conftest import Database
from tests.people import token_of
from tests.waiting import eventually

SESSIONS = 4


@pytest.fixture
def stopped_server(scratch: Path) -> EmbeddedPostgres:
    """A Postgres of the test's own, made but not started."""
    return prepare(scratch / "outage", settings=FORGETFUL)


async def many(api: Api, count: int = SESSIONS * 2) -> list[httpx.Response]:
    """Requests at once, enough to use every session that the pool may have."""
    return await asyncio.gather(*(api.client.get("/api/templates") for _ in range(count)))


async def takes(api: Api, csrf: tuple[str, str]) -> bool:
    """Whether it takes a form that another process has shown."""
    shown = {"Cookie": csrf[0], "X-CSRF-Token": csrf[1]}
    answer = await api.stranger.post("/sign-in", data={"name": "a", "password": "b"}, headers=shown)
    return answer.status_code == 401


async def is_ready(api: Api) -> bool:
    return (await api.stranger.get("/readyz")).status_code == 200


async def test_it_starts_without_postgres_and_survives_every_restart_of_it(
    stopped_server: EmbeddedPostgres, scratch: Path
) -> None:
    log = scratch / "outage.log"
    async with serving(stopped_server.dsn(), sessions=SESSIONS) as api:
        refused = await api.client.get("/api/templates")
        assert "does not answer" in problem(refused, 503)["detail"]
        assert int(refused.headers["retry-after"]) > 0
        assert stopped_server.password not in refused.text
        problem(await api.stranger.get("/readyz"), 503)
        assert (await api.stranger.get("/healthz")).status_code == 200
        assert "orchestrator_database_up 0.0" in (await api.client.get("/metrics")).text

        with running(stopped_server, log):
            await asyncio.to_thread(migrate, stopped_server.dsn())
            api.show(token_of(stopped_server.dsn()))
            await eventually(lambda: is_ready(api), 30, "ready by itself")
            async with serving(stopped_server.dsn()) as other:
                csrf = await csrf_of(other.stranger)
                await eventually(lambda: takes(api, csrf), 30, "forms signed as elsewhere")
            assert {response.status_code for response in await many(api)} == {200}

        problem(await api.client.post("/api/deployments", json={"name": "lobby", "template": "web"}), 503)
        assert "orchestrator_database_up 0.0" in (await api.client.get("/metrics")).text

        with running(stopped_server, log):
            await eventually(lambda: is_ready(api), 30, "ready again by itself")
            assert {response.status_code for response in await many(api)} == {200}


async def test_sessions_that_died_are_replaced_and_no_request_sees_them(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), sessions=SESSIONS) as api:
        await many(api)
        with psycopg.connect(database.dsn, autocommit=True) as superuser:
            killed = superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'api' AND datname = current_database()"
            ).fetchall()
        assert len(killed) > 1
        for _ in range(SESSIONS + 1):
            assert (await api.client.get("/api/templates")).status_code == 200


async def test_sessions_that_froze_delay_a_request_by_seconds_only(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), sessions=2) as api:
        await many(api)
        with psycopg.connect(database.dsn, autocommit=True) as superuser:
            rows = superuser.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'api' AND datname = current_database()"
            ).fetchall()
        frozen = [row[0] for row in rows]
        assert frozen
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            response = await api.client.get("/api/templates")
            assert response.status_code in (200, 503), "a new session was there in time, or not"
            assert time.monotonic() - started < 10
            await eventually(lambda: is_ready(api), 30, "ready with new sessions while the old ones are still frozen")
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
