"""Who am I, tokens and users over HTTP."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent
from tests.people import token_of
from tests.waiting import eventually


async def test_whoami_tells_user_role_and_namespaces(api: Api, database: Database) -> None:
    assert await api.get("/api/whoami") == {"user": "admin", "role": "admin", "namespaces": None}
    api.show(token_of(database.dsn, "viewer", ["games"]))
    assert await api.get("/api/whoami") == {"user": "viewer-games", "role": "viewer", "namespaces": ["games"]}


async def test_a_token_is_made_told_once_used_and_revoked(api: Api) -> None:
    response = await api.client.post("/api/tokens", json={"name": "ci", "role": "viewer", "namespaces": ["games"]})
    assert response.status_code == 201, response.text
    made = response.json()
    assert response.headers["location"] == f"/api/tokens/{made['id']}"
    assert made["token"].startswith(f"so_{made['id']}_")
    assert (made["expires_at"] is None, made["user"]) == (False, "admin"), "90 days unless said otherwise"
    listed = (await api.get("/api/tokens"))["items"]
    assert [item["name"] for item in listed] == ["ci", "test"]
    assert all("token" not in item for item in listed)
    with_it = {"Authorization": f"Bearer {made['token']}"}
    who = await api.stranger.get("/api/whoami", headers=with_it)
    assert who.json() == {"user": "admin", "role": "viewer", "namespaces": ["games"]}
    for _ in range(2):
        assert (await api.client.delete(f"/api/tokens/{made['id']}")).status_code == 204
    problem(await api.stranger.get("/api/whoami", headers=with_it), 401)
    problem(await api.client.delete("/api/tokens/99999"), 404)


async def test_a_token_makes_none_that_outlives_it_and_ends_none_that_allows_more(api: Api) -> None:
    made = (await api.client.post("/api/tokens", json={"name": "ci", "role": "operator", "expires_in_days": 1})).json()
    admin, api_client = api.token, api.client
    api.show(made["token"])
    child = (await api_client.post("/api/tokens", json={"name": "renewed", "expires_in_days": None})).json()
    assert (child["parent_id"], child["expires_at"]) == (made["id"], made["expires_at"])
    refusal = problem(await api_client.delete(f"/api/tokens/{admin.split('_')[1]}"), 403)
    assert "page" in refusal["hint"]
    assert (await api_client.delete(f"/api/tokens/{made['id']}")).status_code == 204
    for gone in (made["token"], child["token"]):
        problem(await api.stranger.get("/api/whoami", headers={"Authorization": f"Bearer {gone}"}), 401)


async def test_a_token_for_ever_is_asked_for_and_made_only_by_what_lasts_so_long(api: Api, intent: Intent) -> None:
    made = (await api.client.post("/api/tokens", json={"name": "ci", "expires_in_days": None})).json()
    assert made["expires_at"] is not None
    intent.superuser.execute("UPDATE orchestrator.api_tokens SET expires_at = NULL")
    made = (await api.client.post("/api/tokens", json={"name": "ci", "expires_in_days": None})).json()
    assert made["expires_at"] is None


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"name": "ci", "role": "admin"}, 403, "role"),
        ({"name": "ci", "namespaces": ["other"]}, 403, "namespaces"),
        ({"name": "ci", "user": "admin"}, 403, "user"),
        ({"name": ""}, 422, "name"),
        ({"name": "ci", "expires_in_days": 0}, 422, "expires_in_days"),
        ({"name": "ci", "scope": "all"}, 422, "scope"),
    ],
)
async def test_a_token_never_allows_more_than_its_maker_may(
    api: Api, database: Database, body: object, status: int, path: str
) -> None:
    api.show(token_of(database.dsn, "operator", ["games"]))
    assert problem(await api.client.post("/api/tokens", json=body), status)["path"] == path


async def test_a_user_is_made_changed_disabled_and_enabled(api: Api, intent: Intent) -> None:
    response = await api.client.post("/api/users", json={"name": "alice", "role": "operator", "namespaces": ["games"]})
    assert response.status_code == 201, response.text
    assert (response.headers["location"], response.json()["created_by"]) == ("/api/users/alice", "admin")
    token = (await api.client.post("/api/tokens", json={"name": "a", "user": "alice"})).json()["token"]
    hers = {"Authorization": f"Bearer {token}"}
    assert (await api.stranger.get("/api/whoami", headers=hers)).json()["namespaces"] == ["games"]
    changed = await api.client.patch("/api/users/alice", json={"namespaces": None})
    assert (changed.json()["role"], changed.json()["namespaces"]) == ("operator", None)
    changed = await api.client.patch("/api/users/alice", json={"role": "viewer"})
    assert (changed.json()["role"], changed.json()["namespaces"]) == ("viewer", None)
    assert (await api.client.patch("/api/users/alice", json={"disabled": True})).json()["disabled_at"] is not None
    problem(await api.stranger.get("/api/whoami", headers=hers), 401)
    assert (await api.client.patch("/api/users/alice", json={"disabled": False})).json()["disabled_at"] is None
    assert (await api.stranger.get("/api/whoami", headers=hers)).status_code == 200
    link = await api.client.post("/api/users/alice/link")
    assert link.status_code == 201
    assert (await api.stranger.get(link.json()["path"])).status_code in {200, 404}, "404 until the page has it"
    assert {user["name"] for user in (await api.get("/api/users"))["items"]} == {"admin", "alice"}


async def test_what_a_change_leaves_out_stays_as_it_is_by_then(api: Api, database: Database, intent: Intent) -> None:
    token_of(database.dsn, "operator", user="alice")
    with psycopg.connect(database.dsn) as other:
        other.execute("SELECT orchestrator.change_user('alice', 'viewer', NULL)")
        change = asyncio.create_task(api.client.patch("/api/users/alice", json={"namespaces": ["games"]}))
        waiting = (
            "SELECT count(*) > 0 AS waits FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await eventually(lambda: intent.value(waiting), 10, "the change waits for the row")
    changed = (await change).json()
    assert (changed["role"], changed["namespaces"]) == ("viewer", ["games"])


async def test_tokens_and_users_come_in_pages(api: Api, database: Database) -> None:
    for name in ("anna", "bert", "carl", "dora"):
        token_of(database.dsn, "viewer", user=name)

    async def all_pages(path: str, **wanted: Any) -> list[Any]:
        found, after = [], {}
        while after is not None:
            page = await api.get(path, limit=2, **wanted, **after)
            assert len(page["items"]) <= 2
            found += page["items"]
            after = None if page["next"] is None else {"after": page["next"]}
        return found

    names = [user["name"] for user in await all_pages("/api/users")]
    ids = [token["id"] for token in await all_pages("/api/tokens", everybodys=True)]
    assert names == ["admin", "anna", "bert", "carl", "dora"]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5


async def test_refusals_about_users_name_the_field(api: Api, database: Database) -> None:
    assert problem(await api.client.post("/api/users", json={"name": "admin", "role": "admin"}), 409)["path"] == "name"
    assert problem(await api.client.post("/api/users", json={"name": "bob", "role": "king"}), 422)["path"] == "role"
    assert problem(await api.client.patch("/api/users/nobody", json={}), 404)["path"] == "name"
    problem(await api.client.patch("/api/users/admin", json={"disabled": True}), 409)
    api.show(token_of(database.dsn, "operator"))
    problem(await api.client.post("/api/users", json={"name": "bob", "role": "viewer"}), 403)
    problem(await api.client.post("/api/users/operator/link"), 403)
    assert [user["name"] for user in (await api.get("/api/users"))["items"]] == ["operator"]
