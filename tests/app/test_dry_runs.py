"""Dry runs over HTTP: asked with 202 and a place to look, answered by a row."""

import json
from typing import Any

from tests.app.conftest import Api, problem
from tests.intent import Intent

DEPLOYMENTS = "/api/deployments"


def answer(intent: Intent, state: str = "done", *answers: dict[str, Any], message: str = "") -> None:
    """As a worker does."""
    taken = intent.superuser.execute("SELECT * FROM orchestrator.claim_dry_run('default', 'w', 60)").fetchone()
    intent.superuser.execute(
        "SELECT orchestrator.settle_dry_run(%s, %s, %s, %s, %s)",
        (taken["dry_run_id"], taken["token"], state, json.dumps(answers), message),
    )


async def test_a_change_is_asked_about_and_the_answer_is_where_location_says(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    asked = await api.client.post(f"{DEPLOYMENTS}/{made['id']}/dry-run", json={"parameters": {"replicas": 2}})
    assert asked.status_code == 202, asked.text
    place = asked.headers["location"]
    told = asked.json()
    assert place == f"/api/dry-runs/{told['id']}"
    assert (told["state"], told["generation"], told["deployment_id"], told["asked_by"]) == (
        "queued",
        2,
        made["id"],
        "admin",
    )
    refusal = {"kind": "Deployment", "name": "lobby", "verdict": "refused", "category": "denied", "message": "no"}
    answer(templates, "done", refusal)
    found = await api.get(place)
    assert (found["state"], found["refused"], found["answers"][0]["message"]) == ("done", True, "no")
    assert templates.deployment(made["id"])["generation"] == 1


async def test_a_creation_is_asked_about(api: Api, templates: Intent) -> None:
    asked = await api.client.post(f"{DEPLOYMENTS}/dry-run", json={"name": "lobby", "template": "web"})
    assert (asked.status_code, asked.json()["deployment_id"], asked.json()["name"]) == (202, None, "lobby")
    assert templates.rows("SELECT id FROM orchestrator.deployments") == []


async def test_what_would_be_refused_by_us_is_refused_at_once(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    place = f"{DEPLOYMENTS}/{made['id']}/dry-run"
    wrong = await api.client.post(place, json={"parameters": {"replicas": 99}})
    assert problem(wrong, 422)["path"] == "parameters.replicas"
    assert problem(await api.client.post(place, json={"desired_state": "Deleted"}), 409)["path"] == "desired_state"
    taken = await api.client.post(f"{DEPLOYMENTS}/dry-run", json={"name": "lobby", "template": "web"})
    assert problem(taken, 409)["path"] == "name"


async def test_what_is_not_there_any_more_is_said(api: Api) -> None:
    for which in ("0", "7", str(10**30)):
        assert problem(await api.client.get(f"/api/dry-runs/{which}"), 404)["path"] == "id"


async def test_a_question_that_nobody_answers_has_failed_whoever_writes_that_down(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    asked = await api.client.post(f"{DEPLOYMENTS}/{made['id']}/dry-run", json={})
    templates.superuser.execute("UPDATE orchestrator.dry_runs SET message = '', expires_at = now() - interval '1 s'")
    found = await api.get(asked.headers["location"])
    assert (found["state"], found["message"]) == ("failed", "nobody answered in time")
