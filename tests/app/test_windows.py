"""Maintenance windows, restarts that wait, and players, over HTTP."""

from typing import Any

import pytest

from tests.app.conftest import Api
from tests.intent import Intent

NIGHTS: dict[str, Any] = {
    "name": "nights",
    "days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "starts": "04:00",
    "lasts_minutes": 120,
    "zone": "Europe/Berlin",
}


async def make(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.client.post("/api/windows", json=NIGHTS | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_window_is_made_read_changed_and_deleted(api: Api) -> None:
    made = await make(api, days=["saturday"], zone="europe/berlin")
    assert (made["days"], made["zone"], made["lasts_minutes"], made["starts"]) == (
        ["Sat"],
        "Europe/Berlin",
        120,
        "04:00",
    )
    assert len(made["openings"]) == 3
    assert made["openings"][0]["opens_there"].endswith("T04:00:00")
    (listed,) = (await api.client.get("/api/windows")).json()["items"]
    assert listed == made == (await api.client.get(f"/api/windows/{made['id']}")).json()
    answer = await api.client.put(f"/api/windows/{made['id']}", json=NIGHTS | {"name": "evenings", "starts": "22:00"})
    assert (answer.json()["name"], answer.json()["starts"], len(answer.json()["days"])) == ("evenings", "22:00", 7)
    assert (await api.client.delete(f"/api/windows/{made['id']}")).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        body = {"json": NIGHTS} if method == "PUT" else {}
        assert (await api.client.request(method, f"/api/windows/{made['id']}", **body)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "path", "hint"),
    [
        ({"zone": "Europe/Berlinn"}, "zone", "Europe/Berlin"),
        ({"starts": "24:00"}, "starts", "23:59"),
        ({"starts": "four"}, "starts", "23:59"),
        ({"lasts_minutes": 0}, "lasts_minutes", "1440"),
        ({"lasts_minutes": 1441}, "lasts_minutes", "1440"),
        ({"days": []}, "days", "Mon"),
        ({"days": ["Caturday"]}, "days", "Mon"),
        ({"name": "Nights!"}, "name", "small letters"),
        ({"until": "06:00"}, "until", ""),
    ],
)
async def test_a_window_that_cannot_be_is_refused_with_what_can(
    api: Api, changes: dict[str, Any], path: str, hint: str
) -> None:
    answer = await api.client.post("/api/windows", json=NIGHTS | changes)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["path"] == path
    assert hint in answer.json()["hint"]


async def test_a_restart_is_planned_read_and_taken_back(api: Api, templates: Intent) -> None:
    own = templates.deploy("lobby", "web")
    here = f"/api/deployments/{own}"
    await make(api)
    answer = await api.client.post(f"{here}/restart", json={"in_window": "nights", "when_empty": True})
    assert answer.status_code == 202, answer.text
    planned = answer.json()["planned_restart"]
    assert (planned["in_window"], planned["when_empty"], planned["only_if_required"]) == ("nights", True, True)
    assert planned["due"] == planned["opens"]
    assert answer.json()["restarted_at"] is None
    assert (await api.client.get(here)).json()["planned_restart"] == planned
    assert (await api.client.delete(f"{here}/restart")).status_code == 204
    assert (await api.client.get(here)).json()["planned_restart"] is None
    assert (await api.client.delete(f"{here}/restart")).status_code == 404


async def test_without_a_body_it_restarts_now_and_takes_the_place_of_a_plan(api: Api, templates: Intent) -> None:
    here = f"/api/deployments/{templates.deploy('lobby', 'web')}"
    await api.client.post(f"{here}/restart", json={"at": "2099-01-01T00:00:00Z"})
    await api.client.post(f"{here}/restart", json={"when_empty": True})
    answer = (await api.client.post(f"{here}/restart")).json()
    assert answer["restarted_at"] is not None
    assert answer["planned_restart"] is None


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({}, 422, "in_window"),
        ({"in_window": "days"}, 404, "in_window"),
        ({"at": "2020-01-01T00:00:00Z"}, 422, "at"),
        ({"at": "2026-12-24T04:00:00"}, 422, "at"),
        ({"at": "tomorrow"}, 422, "at"),
        ({"in_windows": "nights"}, 422, "in_windows"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    api: Api, templates: Intent, body: dict[str, Any], status: int, path: str
) -> None:
    here = f"/api/deployments/{templates.deploy('lobby', 'web')}"
    answer = await api.client.post(f"{here}/restart", json=body)
    assert (answer.status_code, answer.json()["path"]) == (status, path), answer.text
    assert answer.json()["hint"]


async def test_a_plan_is_for_the_generation_that_was_read(api: Api, templates: Intent) -> None:
    here = f"/api/deployments/{templates.deploy('lobby', 'web')}"
    answer = await api.client.post(f"{here}/restart", json={"when_empty": True}, headers={"If-Match": '"7"'})
    assert answer.status_code == 412
    assert (await api.client.get(here)).json()["planned_restart"] is None


async def test_players_are_told_believed_for_a_while_and_listed(api: Api, templates: Intent) -> None:
    own = templates.deploy("lobby", "web")
    here = f"/api/deployments/{own}"
    assert (await api.client.get(here)).json()["players"] is None
    assert (await api.client.put(f"{here}/players", json={"online": 3})).status_code == 204
    assert (await api.client.get(here)).json()["players"] == 3
    assert (await api.client.get("/api/deployments")).json()["items"][0]["players"] == 3
    for wrong in (-1, 2**31, "3", None):
        assert (await api.client.put(f"{here}/players", json={"online": wrong})).status_code == 422
    templates.superuser.execute("UPDATE orchestrator.deployment_players SET as_of = as_of - interval '301 seconds'")
    assert (await api.client.get(here)).json()["players"] is None


async def test_a_window_that_a_plan_waits_for_is_not_deleted(api: Api, templates: Intent) -> None:
    own = templates.deploy("lobby", "web")
    made = await make(api)
    await api.client.post(f"/api/deployments/{own}/restart", json={"in_window": "nights"})
    answer = await api.client.delete(f"/api/windows/{made['id']}")
    assert answer.status_code == 409
    assert "lobby" in answer.json()["hint"]
