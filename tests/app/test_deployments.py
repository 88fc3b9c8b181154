"""Deployments over HTTP: what a request does is what the same statement in psql does."""

import asyncio
import json

import psycopg

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_a_created_deployment_is_a_row_of_generation_one_by_the_api(api: Api, templates: Intent) -> None:
    response = await api.client.post(
        "/api/deployments",
        json={"name": "lobby", "template": "web", "parameters": {"replicas": 2}, "namespace": "games"},
    )
    assert response.status_code == 201, response.text
    made = response.json()
    assert response.headers["location"] == f"/api/deployments/{made['id']}"
    row = templates.deployment(made["id"])
    assert (row["name"], row["namespace"], row["generation"]) == ("lobby", "games", 1)
    assert row["parameters"] == {"replicas": 2}
    assert (made["cluster"], made["template"], made["template_version"]) == ("default", "web", 1)
    assert [event["actor"] for event in templates.events(made["id"], "DeploymentCreated")] == ["admin"]
    assert templates.slot(made["id"])["msg_id"] is not None


async def test_a_deployment_may_begin_stopped_on_an_older_version_and_without_keeping_data(
    api: Api, templates: Intent
) -> None:
    templates.put_template("web", TEMPLATES["small"])
    made = await api.create("lobby", template_version=1, desired_state="Stopped", keep_data=False)
    assert (made["template_version"], made["desired_state"], made["keep_data"]) == (1, "Stopped", False)


async def test_a_deployment_is_read_with_what_it_asks_for_and_what_was_seen(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    templates.rows(
        """UPDATE orchestrator.deployment_observed SET observed_json = '{"Deployment/lobby": {"replicas": 1}}'
            WHERE deployment_id = %s RETURNING deployment_id""",
        made["id"],
    )
    found = await api.get(f"/api/deployments/{made['id']}")
    assert [manifest["kind"] for manifest in found["desired_spec_json"]] == ["ConfigMap", "Service", "Deployment"]
    assert found["observed_json"] == {"Deployment/lobby": {"replicas": 1}}
    assert found["status_summary"] == "Progressing"
    assert "Generation 1 waits" in found["status_message"]


async def test_a_patch_changes_everything_it_names_in_one_generation(api: Api, templates: Intent) -> None:
    made = await api.create("lobby", parameters={"replicas": 2, "greeting": "hi"})
    response = await api.client.patch(
        f"/api/deployments/{made['id']}",
        json={"parameters": {"replicas": 3, "greeting": None}, "desired_state": "Paused", "keep_data": False},
    )
    assert response.status_code == 200, response.text
    row = templates.deployment(made["id"])
    assert row["parameters"] == {"replicas": 3}, "merged: null lets the default apply again"
    assert (row["desired_state"], row["keep_data"], row["generation"]) == ("Paused", False, 2)
    assert response.json()["generation"] == 2


async def test_a_patch_moves_to_another_version_of_the_template(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    templates.put_template("web", TEMPLATES["small"])
    response = await api.client.patch(f"/api/deployments/{made['id']}", json={"template_version": 2})
    assert [manifest["kind"] for manifest in response.json()["desired_spec_json"]] == ["ConfigMap", "Service"]


async def test_a_patch_of_nothing_new_leaves_generation_and_history_alone(api: Api, templates: Intent) -> None:
    made = await api.create("lobby", parameters={"replicas": 2})
    before = templates.event_types(made["id"])
    for body in ({}, {"parameters": {"replicas": 2}}, {"desired_state": "Active"}):
        response = await api.client.patch(f"/api/deployments/{made['id']}", json=body)
        assert (response.status_code, response.json()["generation"]) == (200, 1)
    assert templates.event_types(made["id"]) == before


async def test_delete_is_the_wish_to_be_deleted_and_keeps_data_unless_told(api: Api, templates: Intent) -> None:
    kept, lost = await api.create("kept"), await api.create("lost")
    assert (await api.client.delete(f"/api/deployments/{kept['id']}")).status_code == 202
    assert (await api.client.delete(f"/api/deployments/{lost['id']}?keep_data=false")).status_code == 202
    rows = [templates.deployment(made["id"]) for made in (kept, lost)]
    assert [(row["desired_state"], row["keep_data"], row["generation"]) for row in rows] == [
        ("Deleted", True, 2),
        ("Deleted", False, 2),
    ]
    again = await api.client.delete(f"/api/deployments/{kept['id']}")
    assert (again.status_code, again.json()["generation"]) == (202, 2), "deleting twice asks for nothing new"


async def test_reconcile_asks_once_more_and_changes_no_intent(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    requested = templates.slot(made["id"])["requested"]
    response = await api.client.post(f"/api/deployments/{made['id']}/reconcile")
    assert (response.status_code, response.json()["generation"]) == (202, 1)
    assert templates.slot(made["id"])["requested"] == requested + 1


async def test_resources_and_drift_tell_what_stands_at_the_cluster(
    api: Api, templates: Intent, database: Database
) -> None:
    made = await api.create("lobby")
    found = {"wanted": 80, "live": 81, "manager": "kubectl", "since": "2026-01-02T03:04:05Z"}
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute(
            """INSERT INTO orchestrator.deployment_resources
                   (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, managed,
                    health, drift, missing_since)
               VALUES (%(id)s, 1, 'v1', 'Service', 'default', 'lobby', 'u-1', 7, true, 'Healthy', %(drift)s, NULL),
                      (%(id)s, 1, 'v1', 'ConfigMap', 'default', 'lobby-env', 'u-2', 8, true, NULL, NULL, now())""",
            {"id": made["id"], "drift": json.dumps([found | {"path": "spec.ports"}])},
        )
    resources = (await api.get(f"/api/deployments/{made['id']}/resources"))["items"]
    assert [(item["kind"], item["drifted"], item["missing_since"] is None) for item in resources] == [
        ("ConfigMap", False, False),
        ("Service", True, True),
    ]
    assert (resources[1]["uid"], resources[1]["resource_version"], resources[1]["health"]) == ("u-1", 7, "Healthy")
    missing, changed = (await api.get(f"/api/deployments/{made['id']}/drift"))["items"]
    assert (missing["kind"], missing["live"]) == ("ConfigMap", "missing")
    place = {"kind": "Service", "namespace": "default", "name": "lobby", "path": "spec.ports", "cluster": "default"}
    whose = {"deployment_id": made["id"], "deployment": "lobby", "drift_policy": "Enforce", "desired_state": "Active"}
    assert changed.items() >= (found | place | whose).items()


async def test_an_unknown_id_is_404_everywhere(api: Api, templates: Intent) -> None:
    place = f"/api/deployments/{NOBODY}"
    for response in (
        await api.client.get(place),
        await api.client.patch(place, json={"desired_state": "Stopped"}),
        await api.client.delete(place),
        await api.client.post(f"{place}/reconcile"),
        await api.client.get(f"{place}/resources"),
        await api.client.get(f"{place}/drift"),
        await api.client.get(f"{place}/events"),
    ):
        body = problem(response, 404)
        assert (body["path"], NOBODY in body["detail"]) == ("id", True), response.request.url


async def test_of_two_that_take_one_name_at_once_one_is_told(api: Api, templates: Intent) -> None:
    for round_number in range(5):
        wanted = {"name": f"race-{round_number}", "template": "web"}
        answers = await asyncio.gather(*(api.client.post("/api/deployments", json=wanted) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        for answer in answers:
            if answer.status_code == 409:
                assert problem(answer, 409)["path"] == "name"


async def test_a_refused_change_leaves_nothing_behind(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    before = templates.deployment(made["id"]), templates.event_types(made["id"])
    body = {"parameters": {"replicas": 99}, "desired_state": "Stopped"}
    problem(await api.client.patch(f"/api/deployments/{made['id']}", json=body), 422)
    assert (templates.deployment(made["id"]), templates.event_types(made["id"])) == before


async def test_what_is_contested_is_told_of_one_and_of_all(api: Api, templates: Intent) -> None:
    own, other = templates.deploy("one", "web"), templates.deploy("two", "web")
    for deployment in (own, other):
        assert (await api.get(f"/api/deployments/{deployment}"))["contested"] == []
    templates.superuser.execute(
        """INSERT INTO orchestrator.put_backs
                  (deployment_id, cluster_id, kind, name, path, manager, put_backs, recent, last_at, contested_since,
                   next_at)
           VALUES (%(own)s, 1, 'Deployment', 'one', 'spec.replicas', 'hpa', 3, '{2026-01-01T00:00:00Z}', now(),
                   '2026-01-01T00:05:00Z', '2026-01-01T00:06:00Z'),
                  (%(own)s, 1, 'Deployment', 'one', 'spec.paused', 'person', 2, '{now}', now(), NULL, NULL)""",
        {"own": own},
    )
    fight = {
        "deployment_id": own,
        "deployment": "one",
        "kind": "Deployment",
        "namespace": "default",
        "name": "one",
        "path": "spec.replicas",
        "manager": "hpa",
        "began_at": "2026-01-01T00:00:00Z",
        "since": "2026-01-01T00:05:00Z",
        "put_backs": 3,
        "next_at": "2026-01-01T00:06:00Z",
        "differs": False,
    }
    assert (await api.get(f"/api/deployments/{own}"))["contested"] == [fight]
    assert (await api.get(f"/api/deployments/{other}"))["contested"] == []
    assert await api.get("/api/contested") == {"items": [fight]}
