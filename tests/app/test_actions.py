"""Buttons, revisions and previews over HTTP."""

from uuid import uuid4

import pytest

from db.templates import SHIPPED, load_templates
from tests.app.conftest import Api, problem, serving
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent, config_map
from tests.people import token_of

DEPLOYMENTS = "/api/deployments"


@pytest.mark.parametrize(
    ("action", "state"), [("start", "Active"), ("stop", "Stopped"), ("pause", "Paused"), ("resume", "Active")]
)
async def test_an_action_is_a_wish_for_a_state(api: Api, templates: Intent, action: str, state: str) -> None:
    made = await api.create("lobby", desired_state="Paused" if state == "Active" else "Active")
    for _ in range(2):
        response = await api.client.post(f"{DEPLOYMENTS}/{made['id']}/{action}")
        assert (response.status_code, response.json()["desired_state"]) == (202, state)
        assert templates.deployment(made["id"])["generation"] == 2, "asking twice changes nothing more"


async def test_a_restart_is_a_generation_of_its_own(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    told = (await api.client.post(f"{DEPLOYMENTS}/{made['id']}/restart")).json()
    assert (made["restarted_at"], told["generation"], told["desired_state"]) == (None, 2, "Active")
    assert told["restarted_at"] is not None
    assert told["restart_required"] is False
    stopped = await api.create("stopped", desired_state="Stopped")
    problem(await api.client.post(f"{DEPLOYMENTS}/{stopped['id']}/restart"), 409)


async def test_revisions_tell_who_wanted_what_newest_first_and_differ(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    for replicas in (2, 3, 4):
        templates.change(made["id"], replicas=replicas)
    place = f"{DEPLOYMENTS}/{made['id']}/revisions"
    first = await api.get(place, limit=3)
    rest = await api.get(place, limit=3, after=first["next"])
    assert [item["generation"] for item in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert (rest["next"], first["items"][0]["actor"]) == (None, "test_operator")
    one = await api.get(f"{place}/4")
    assert [(d["field"], d["was"], d["becomes"]) for d in one["differences"]] == [("parameters.replicas", 3, 4)]
    two = await api.get(f"{place}/4", against=2)
    assert [(d["field"], d["was"], d["becomes"]) for d in two["differences"]] == [("parameters.replicas", 2, 4)]
    for missing in ("5", "0", "-1", "99999999999999999999999999"):
        assert problem(await api.client.get(f"{place}/{missing}"), 404)["path"] == "generation"
    assert problem(await api.client.get(f"{place}/4?against=9"), 404)["path"] == "generation"


async def test_a_rollback_is_a_new_generation_on_its_condition(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    templates.change(made["id"], replicas=3)
    place = f"{DEPLOYMENTS}/{made['id']}/rollback"
    problem(await api.client.post(place, json={"generation": 1}, headers={"If-Match": '"1"'}), 412)
    told = await api.client.post(place, json={"generation": 1}, headers={"If-Match": '"2"'})
    assert (told.status_code, told.headers["etag"]) == (202, '"3"'), told.text
    assert told.json()["parameters"] == made["parameters"]
    newest = (await api.get(f"{DEPLOYMENTS}/{made['id']}/revisions"))["items"][0]
    assert (newest["rolled_back_to"], newest["actor"]) == (1, "admin")
    assert newest["client"] == "127.0.0.1 api"
    assert problem(await api.client.post(place, json={"generation": 9}), 404)["path"] == "generation"
    assert problem(await api.client.post(place, json={"generation": 0}), 422)["path"] == "generation"
    problem(await api.client.post(place, json={}), 422)


async def test_a_rollback_is_shown_before_it_is_made(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    templates.change(made["id"], replicas=3)
    place = f"{DEPLOYMENTS}/{made['id']}/rollback/preview"
    told = await api.client.post(place, json={"generation": 1})
    assert told.status_code == 200, told.text
    assert (told.json()["generation"], told.json()["parameters"]["replicas"]) == (3, 1)
    assert templates.deployment(made["id"])["generation"] == 2
    assert problem(await api.client.post(place, json={"generation": 9}), 404)["path"] == "generation"


async def test_a_rollback_restarts_in_the_same_generation_what_would_keep_its_old_settings(
    api: Api, templates: Intent
) -> None:
    made = await api.create("lobby")
    templates.change(made["id"], replicas=3)
    place = f"{DEPLOYMENTS}/{made['id']}/rollback"
    told = (await api.client.post(place, json={"generation": 1, "restart": True})).json()
    assert (told["generation"], told["restarted_at"]) == (3, None), "this template needs no restart for it"
    problem(await api.client.post(place, json={"generation": 1, "restart": "soon"}), 422)


async def test_what_was_wanted_at_a_time_comes_in_pages(api: Api, templates: Intent) -> None:
    made = {name: await api.create(name) for name in ("anna", "bert", "carl")}
    moment = templates.value("SELECT clock_timestamp()").isoformat()
    templates.set(made["bert"]["id"], "Stopped")
    await api.create("late")
    wanted = {}
    after: dict[str, str] = {}
    while after is not None:
        page = await api.get(f"{DEPLOYMENTS}/as-of", at=moment, limit=2, **after)
        assert len(page["items"]) <= 2
        wanted |= {one["name"]: one["desired_state"] for one in page["items"]}
        after = None if page["next"] is None else {"after": page["next"]}
    assert wanted == dict.fromkeys(made, "Active")
    now = await api.get(f"{DEPLOYMENTS}/as-of", at="2999-01-01T00:00:00Z")
    assert {one["name"]: one["desired_state"] for one in now["items"]} == wanted | {"bert": "Stopped", "late": "Active"}
    for wrong in ("yesterday", "2026-11-24T04:00:00"):
        answer = await api.client.get(f"{DEPLOYMENTS}/as-of", params={"at": wrong})
        assert problem(answer, 400)["path"] == "at"
    problem(await api.client.get(f"{DEPLOYMENTS}/as-of"), 400)


async def test_a_version_goes_down_only_by_force(api: Api, templates: Intent, database: Database) -> None:
    load_templates(database.dsn_as("admin"), SHIPPED)
    made = await api.create("survival", template="paper", parameters={"version": "1.20"})
    templates.change(made["id"], version="1.21")
    place = f"{DEPLOYMENTS}/{made['id']}/rollback"
    refused = problem(await api.client.post(place, json={"generation": 1}), 409)
    assert (refused["path"], "1.21 to 1.20" in refused["detail"]) == ("parameters.version", True)
    told = await api.client.post(place, json={"generation": 1, "force": True})
    assert (told.status_code, told.json()["parameters"]) == (202, {"version": "1.20"})


async def test_a_preview_shows_the_objects_and_makes_nothing(api: Api, templates: Intent) -> None:
    body = {"name": "lobby", "template": "web", "parameters": {"replicas": 2}}
    told = await api.client.post(f"{DEPLOYMENTS}/preview", json=body)
    assert told.status_code == 200, told.text
    assert [item["kind"] for item in told.json()["objects"]] == ["ConfigMap", "Service", "Deployment"]
    assert told.json()["parameters"]["replicas"] == 2
    assert templates.rows("SELECT id FROM orchestrator.deployments") == []
    wrong = {**body, "parameters": {"replicas": 99}}
    assert problem(await api.client.post(f"{DEPLOYMENTS}/preview", json=wrong), 422)["path"] == "parameters.replicas"


async def test_a_preview_of_a_change_shows_what_becomes_of_each_object(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    told = await api.client.post(f"{DEPLOYMENTS}/{made['id']}/preview", json={"parameters": {"replicas": 2}})
    assert told.status_code == 200, told.text
    assert told.json()["generation"] == 2
    assert templates.deployment(made["id"])["generation"] == 1


async def test_a_plan_tells_path_by_path_what_would_be_done(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    place = f"{DEPLOYMENTS}/{made['id']}"
    plan = await api.get(f"{place}/plan")
    assert (plan["changes"], {item["action"] for item in plan["items"]}) == (True, {"create"})
    told = await api.client.post(f"{place}/preview", json={"desired_state": "Paused"})
    assert {item["action"] for item in told.json()["plan"]} == {"none"}, (
        "the same shape, for the change that is asked about"
    )
    assert {item["reason"] for item in told.json()["plan"]} == {"held by request (Paused): is not there yet"}
    await api.client.post(f"{place}/pause")
    assert (await api.get(f"{place}/plan"))["changes"] is False
    problem(await api.client.get(f"{DEPLOYMENTS}/{uuid4()}/plan"), 404)


async def test_a_deployment_moves_to_the_newest_version_on_its_condition(api: Api, templates: Intent) -> None:
    made = await api.create("lobby", template="web", parameters={"greeting": "hi"})
    place = f"{DEPLOYMENTS}/{made['id']}/upgrade"
    templates.put_template("web", [*TEMPLATES["web"], config_map("-more")])
    tried = await api.client.post(f"{place}/preview", json={})
    assert [item["name"] for item in tried.json()["objects"] if item["change"] == "created"] == ["lobby-more"]
    problem(await api.client.post(place, json={}, headers={"If-Match": '"7"'}), 412)
    told = await api.client.post(place, json={"parameters": {"replicas": 2}}, headers={"If-Match": '"1"'})
    assert (told.status_code, told.headers["etag"], told.json()["template_version"]) == (202, '"2"', 2), told.text
    assert told.json()["parameters"] == {"greeting": "hi", "replicas": 2}
    assert problem(await api.client.post(place, json={"version": 9}), 404)["path"] == "template_version"
    refused = problem(await api.client.post(place, json={"parameters": {"replicas": 99, "nope": 1}}), 422)
    assert (refused["path"], "nope" in refused["detail"], "replicas" in refused["detail"]) == ("parameters", True, True)
    problem(await api.client.post(place, json={"version": 0}), 422)


async def test_a_revision_tells_the_address_of_who_asked_and_no_stranger_names_another(
    database: Database, templates: Intent
) -> None:
    told = {"X-Forwarded-For": "203.0.113.9"}
    for proxies, client in ((["127.0.0.0/8"], "203.0.113.9 api"), ([], "127.0.0.1 api")):
        async with serving(database.dsn_as("api"), token_of(database.dsn), trusted_proxies=proxies) as api:
            body = {"name": f"lobby-{len(proxies)}", "template": "web"}
            made = (await api.client.post(DEPLOYMENTS, json=body, headers=told)).json()["id"]
            (revision,) = (await api.get(f"{DEPLOYMENTS}/{made}/revisions"))["items"]
            assert revision["client"] == client
