"""Many deployments at once: all of them or none, and the one that will not is named."""

from typing import Any

import pytest

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent
from tests.people import token_of

BULK = "/api/deployments/bulk"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def five(templates: Intent) -> list[str]:
    return [templates.deploy(f"d{number}", "web") for number in range(5)]


def states(intent: Intent) -> set[tuple[Any, ...]]:
    rows = intent.rows("SELECT desired_state, generation, parameters ->> 'replicas' AS n FROM orchestrator.deployments")
    return {(row["desired_state"], row["generation"], row["n"]) for row in rows}


async def test_a_change_of_many_is_one_generation_of_each(api: Api, templates: Intent, five: list[str]) -> None:
    body = {"ids": [*five[::-1], five[0]], "change": {"desired_state": "Stopped", "parameters": {"replicas": 2}}}
    response = await api.client.post(BULK, json=body)
    assert response.status_code == 202, response.text
    items = response.json()["items"]
    assert [item["id"] for item in items] == five[::-1]
    assert {(item["generation"], item["desired_state"]) for item in items} == {(2, "Stopped")}
    assert states(templates) == {("Stopped", 2, "2")}
    xids = templates.rows("SELECT DISTINCT xid FROM orchestrator.deployment_events WHERE type = 'DeploymentChanged'")
    assert len(xids) == 1


async def test_an_action_on_many_asks_for_each(api: Api, templates: Intent, five: list[str]) -> None:
    before = [templates.slot(one)["requested"] for one in five]
    response = await api.client.post(BULK, json={"ids": five, "action": "reconcile"})
    assert response.status_code == 202, response.text
    assert [templates.slot(one)["requested"] for one in five] == [requested + 1 for requested in before]
    assert states(templates) == {("Active", 1, None)}


async def test_a_restart_of_many_is_one_generation_of_each(api: Api, templates: Intent, five: list[str]) -> None:
    assert (await api.client.post(BULK, json={"ids": five, "action": "restart"})).status_code == 202
    assert states(templates) == {("Active", 2, None)}
    assert templates.value("SELECT count(*) FROM orchestrator.deployments WHERE restarted_at IS NOT NULL") == 5


@pytest.mark.parametrize("culprit", range(5))
async def test_what_one_refuses_none_does_and_that_one_is_named(
    api: Api, templates: Intent, five: list[str], culprit: int
) -> None:
    small = templates.deploy("small", "small")
    ids = [*five[:culprit], small, *five[culprit:]]
    told = problem(await api.client.post(BULK, json={"ids": ids, "change": {"parameters": {"replicas": 2}}}), 422)
    assert told["path"] == f"ids.{small}.parameters.replicas"
    assert told["detail"].startswith("small: ")
    assert "Allowed:" in told["hint"]
    assert states(templates) == {("Active", 1, None)}


async def test_one_that_there_is_not_is_named_and_nothing_happens(api: Api, templates: Intent, five: list[str]) -> None:
    for what in ({"change": {"desired_state": "Stopped"}}, {"action": "reconcile"}):
        told = problem(await api.client.post(BULK, json={"ids": [*five, NOBODY], **what}), 404)
        assert told["path"] == f"ids.{NOBODY}"
    assert states(templates) == {("Active", 1, None)}


async def test_an_action_that_one_refuses_is_taken_back_for_all(api: Api, templates: Intent, five: list[str]) -> None:
    templates.rows("UPDATE orchestrator.deployments SET finalised_at = now() WHERE id = %s RETURNING id", five[3])
    before = [templates.slot(one)["requested"] for one in five]
    told = problem(await api.client.post(BULK, json={"ids": five, "action": "reconcile"}), 404)
    assert told["path"].startswith(f"ids.{five[3]}")
    assert [templates.slot(one)["requested"] for one in five] == before


async def test_what_is_not_yours_to_see_is_none_for_you_and_nothing_happens(
    api: Api, templates: Intent, five: list[str], database: Database
) -> None:
    mine = templates.deploy("mine", "web", namespace="games")
    api.show(token_of(database.dsn, "operator", ["games"]))
    for what in ({"change": {"desired_state": "Stopped"}}, {"action": "restart"}):
        told = problem(await api.client.post(BULK, json={"ids": [mine, *five], **what}), 404)
        assert told["path"] == f"ids.{five[0]}"
    api.show(token_of(database.dsn, "viewer", ["games"]))
    problem(await api.client.post(BULK, json={"ids": [mine], "action": "restart"}), 403)
    assert states(templates) == {("Active", 1, None)}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"ids": [NOBODY]}, "change"),
        ({"ids": [NOBODY], "change": {}, "action": "reconcile"}, "change"),
        ({"ids": [], "change": {}}, "ids"),
        ({"ids": ["lobby"], "change": {}}, "ids[0]"),
        ({"ids": [NOBODY] * 1001, "change": {}}, "ids"),
        ({"ids": [NOBODY], "change": {"name": "x"}}, "change.name"),
        ({"ids": [NOBODY], "action": "dance"}, "action"),
        ({"ids": [NOBODY], "change": None}, "change"),
        ({"change": {}}, "ids"),
    ],
)
async def test_a_body_that_is_no_bulk_change_is_422(api: Api, templates: Intent, body: object, path: str) -> None:
    assert problem(await api.client.post(BULK, json=body), 422)["path"] == path


async def test_a_repeat_under_a_key_changes_nothing_more(api: Api, templates: Intent, five: list[str]) -> None:
    body = {"ids": five, "change": {"desired_state": "Stopped"}}
    first = await api.client.post(BULK, json=body, headers={"Idempotency-Key": "k"})
    templates.set(five[0], "Active")
    again = await api.client.post(BULK, json=body, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.content) == (202, first.content)
    assert templates.deployment(five[0])["desired_state"] == "Active"


async def test_a_thousand_change_at_once_and_one_that_refuses_is_found(api: Api, templates: Intent) -> None:
    templates.rows(
        """INSERT INTO orchestrator.deployments (name, template_id) SELECT 'd' || n, t.id
             FROM generate_series(1, 999) n, orchestrator.templates t WHERE t.name = 'web' RETURNING id"""
    )
    ids = [str(row["id"]) for row in templates.rows("SELECT id FROM orchestrator.deployments ORDER BY name")]
    small = templates.deploy("small", "small")
    body = {"ids": [*ids, small], "change": {"parameters": {"replicas": 2}}}
    assert problem(await api.client.post(BULK, json=body), 422)["path"] == f"ids.{small}.parameters.replicas"
    assert states(templates) == {("Active", 1, None)}
    assert len((await api.client.post(BULK, json={**body, "ids": ids})).json()["items"]) == 999
    assert states(templates) == {("Active", 2, "2"), ("Active", 1, None)}
