"""Adopting over HTTP: rows say what it would set, and every refusal names the path."""

from collections.abc import AsyncIterator

import pytest

from tests.app.conftest import Api, problem, serving
from tests.db.conftest import shipped_database, shipped_postgres, stage
from tests.db.stage import Stage
from tests.db.test_adopt import GREETING, REPLICAS, change, drifted, paused
from tests.people import session_of, token_of

__all__ = ["shipped_database", "shipped_postgres", "stage"]


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[Api]:
    """The API on that stage."""
    dsn = stage.database.dsn
    async with serving(stage.database.dsn_as("api"), token_of(dsn), session_of(dsn)) as running:
        yield running


async def test_drift_tells_who_changed_what_when_and_what_adopting_would_set(api: Api, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", None))
    for place in (f"/api/deployments/{own}/drift", "/api/drift"):
        replicas, removed = (await api.get(place))["items"]
        assert (replicas["path"], replicas["wanted"], replicas["live"]) == ("spec.replicas", 1, 3)
        assert (replicas["manager"], replicas["since"]) == ("kubectl-edit", "2026-11-24T08:00:00Z")
        assert (replicas["adoptable"], replicas["not_adoptable"]) == (True, None)
        assert replicas["adopts"] == {"replicas": {"from": 1, "to": 3}}
        assert (removed["path"], removed["adoptable"], removed["adopts"]) == (GREETING, False, None)
        assert removed["not_adoptable"] == "it was removed, and no value of a parameter leaves it out"


async def test_what_was_looked_at_is_adopted_and_nothing_else(api: Api, stage: Stage) -> None:
    own = paused(stage)
    place = f"/api/deployments/{own}/drift"
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    [row] = (await api.get(place))["items"]
    body = {"paths": ["spec.replicas"], "generation": 2, "seen": [row["seen"]]}
    before = (await api.client.post(f"{place}/adopt/preview", json=body)).json()
    assert (before["generation"], before["parameters"]["replicas"]) == (3, 3)
    assert problem(await api.client.post(f"{place}/adopt", json={**body, "generation": 1}), 409)["path"] == "generation"
    assert problem(await api.client.post(f"{place}/adopt", json={**body, "seen": ["else"]}), 409)["path"] == "seen"
    stale = await api.client.post(f"{place}/adopt", json=body, headers={"If-Match": '"1"'})
    assert problem(stale, 412)["current"] == '"2"'
    done = await api.client.post(f"{place}/adopt", json=body, headers={"If-Match": '"2"'})
    assert (done.status_code, done.headers["etag"]) == (202, '"3"'), done.text
    assert (done.json()["parameters"], done.json()["desired_state"]) == ({"replicas": 3}, "Paused")
    assert (await api.get(place))["items"] == []
    [newest] = (await api.get(f"/api/deployments/{own}/revisions", limit=1))["items"]
    assert newest["actor"] == "admin (adopt:kubectl-edit)"
    assert newest["adopted"] == {"paths": ["Deployment/lobby:spec.replicas"], "managers": ["kubectl-edit"]}


async def test_a_refusal_is_a_problem_with_the_path_of_the_drift(api: Api, stage: Stage) -> None:
    own = paused(stage)
    place = f"/api/deployments/{own}/drift/adopt"
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    drifted(stage, own, "Service", "lobby", change("spec.selector", {}, {"app": "theirs"}))
    told = problem(await api.client.post(place, json={}), 422)
    assert (told["path"], told["type"]) == ("Service/lobby:spec.selector", "/problems/invalid")
    assert told["detail"] == "Service/lobby:spec.selector cannot be adopted: no parameter fills this place"
    assert problem(await api.client.post(place, json={"paths": ["spec.other"]}), 409)["path"] == "spec.other"
    assert problem(await api.client.post(place, json={"paths": []}), 422)["path"] == "paths"
    assert problem(await api.client.post(place, json={"path": "spec.replicas"}), 422)["path"] == "path"
    assert stage.deployment("lobby")["parameters"] == {}
