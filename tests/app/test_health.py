"""Liveness, readiness and the description of the API."""

import psycopg

from tests.app.conftest import Api, problem, serving
from tests.conftest import Database


async def test_a_current_schema_is_ready(api: Api) -> None:
    assert (await api.stranger.get("/healthz")).json() == {"status": "ok"}
    assert (await api.stranger.get("/readyz")).status_code == 200


async def test_a_schema_that_lacks_a_script_is_not_ready_and_says_which(api: Api, database: Database) -> None:
    assert (await api.stranger.get("/readyz")).status_code == 200
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute("DELETE FROM orchestrator.schema_migrations WHERE name = '0003_tables'")
    told = problem(await api.stranger.get("/readyz"), 503)
    assert ("0003_tables" in told["detail"], "migrate" in told["hint"]) == (True, True)


async def test_another_text_of_a_script_counts_until_the_schema_was_current_once(database: Database) -> None:
    change = "UPDATE orchestrator.schema_migrations SET checksum = %s WHERE name = 'routines/deploy' RETURNING checksum"
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        row = superuser.execute("SELECT checksum FROM orchestrator.schema_migrations WHERE name = 'routines/deploy'")
        right = row.fetchone()
        assert right is not None
        superuser.execute(change, ["of the release before"])
        async with serving(database.dsn_as("api")) as api:
            assert "routines/deploy" in problem(await api.stranger.get("/readyz"), 503)["detail"]
            superuser.execute(change, right)
            assert (await api.stranger.get("/readyz")).status_code == 200
            superuser.execute(change, ["of the next release"])
            assert (await api.stranger.get("/readyz")).status_code == 200


async def test_a_database_without_our_schema_is_not_ready(database: Database) -> None:
    async with serving(database.server.dsn()) as api:
        problem(await api.stranger.get("/readyz"), 503)
        assert (await api.stranger.get("/healthz")).status_code == 200


async def test_the_description_tells_of_credentials_and_refusals_and_loads_nothing_from_elsewhere(api: Api) -> None:
    response = await api.client.get("/api/openapi.json")
    described = response.json()
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    refusal = described["paths"]["/api/deployments"]["post"]["responses"]["422"]
    assert refusal["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
    assert "http" not in response.text.replace("https://spec.openapis.org", "").replace('"http"', "")
