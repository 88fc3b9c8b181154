"""Rollouts over HTTP: started once, followed, decided about; and what would be refused told before."""

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent, config_map
from tests.people import token_of

ROLLOUTS = "/api/rollouts"


async def two_to_move(api: Api, templates: Intent) -> list[str]:
    """Two deployments and a second version of their template."""
    made = [await api.create(name, template="web", parameters={"greeting": "hi"}) for name in ("hub", "lobby")]
    templates.put_template("web", [*TEMPLATES["web"], config_map("-more")])
    return [one["id"] for one in made]


async def test_one_is_started_once_however_often_it_is_asked_for(api: Api, templates: Intent) -> None:
    await two_to_move(api, templates)
    body = {"template": "web", "batch_size": 1, "parameters": {"replicas": 2}}
    for replayed in (None, "true"):
        told = await api.client.post(ROLLOUTS, json=body, headers={"Idempotency-Key": "k"})
        assert (told.status_code, told.headers.get("idempotency-replayed")) == (201, replayed), told.text
        assert told.headers["location"] == f"{ROLLOUTS}/{told.json()['id']}"
    rollout = await api.get(told.headers["location"])
    assert (rollout["state"], rollout["to_version"], rollout["members"]) == ("running", 2, {"waiting": 2})
    assert [(one["name"], one["batch"], one["state"]) for one in rollout["deployments"]] == [
        ("hub", 1, "waiting"),
        ("lobby", 2, "waiting"),
    ]
    assert [step["type"] for step in rollout["history"]] == ["RolloutStarted"]
    (listed,) = (await api.get(ROLLOUTS))["items"]
    assert listed == {key: value for key, value in rollout.items() if key not in {"deployments", "history"}}


async def test_its_course_is_decided_about(api: Api, templates: Intent) -> None:
    ids = await two_to_move(api, templates)
    own = (await api.client.post(ROLLOUTS, json={"template": "web", "ids": ids})).json()["id"]
    states = [
        (await api.client.post(f"{ROLLOUTS}/{own}/{course}")).json()["state"]
        for course in ("pause", "resume", "abort", "roll-back")
    ]
    assert states == ["paused", "running", "aborted", "rolling_back"]
    assert problem(await api.client.post(f"{ROLLOUTS}/{own}/resume"), 409)["path"] == "state"
    for missing in (999, 0, -1, 10**30):
        problem(await api.client.get(f"{ROLLOUTS}/{missing}"), 404)
        problem(await api.client.post(f"{ROLLOUTS}/{missing}/pause"), 404)


async def test_what_would_be_refused_is_told_before(api: Api, templates: Intent) -> None:
    ids = await two_to_move(api, templates)
    body = {"template": "web", "parameters": {"replicas": 99, "nope": 1}}
    told = (await api.client.post(f"{ROLLOUTS}/preview", json=body)).json()
    assert {key: told[key] for key in ("members", "tried", "changes", "restarts", "refused", "first")} == {
        "members": 2, "tried": 2, "changes": 0, "restarts": 0, "refused": 2, "first": None
    }  # fmt: skip
    assert {(one["deployment_id"], one["path"]) for one in told["refusals"]} == {
        (own, f"parameters.{name}") for own in ids for name in ("replicas", "nope")
    }
    assert (await api.get(ROLLOUTS))["items"] == []
    told = (await api.client.post(f"{ROLLOUTS}/preview", json={"template": "web"})).json()
    assert (told["changes"], told["refused"], told["refusals"]) == (2, 0, [])
    assert (told["first"]["name"], told["first"]["deployment_id"]) == ("hub", ids[0])
    assert ("ConfigMap", "hub-more", "create") in {
        (row["kind"], row["name"], row["action"]) for row in told["first"]["plan"]
    }
    assert (await api.get(ROLLOUTS))["items"] == []


async def test_wrong_bodies_name_the_field(api: Api, templates: Intent) -> None:
    ids = await two_to_move(api, templates)
    for field, value in (("batch_size", 0), ("max_unavailable", "1"), ("ids", []), ("patience_seconds", 10**9)):
        assert problem(await api.client.post(ROLLOUTS, json={"template": "web", field: value}), 422)["path"] == field
    assert problem(await api.client.post(ROLLOUTS, json={"template": "nope"}), 404)["path"] == "template"
    await api.client.post(ROLLOUTS, json={"template": "web", "ids": ids[:1]})
    held = problem(await api.client.post(ROLLOUTS, json={"template": "web"}), 409)
    assert (held["path"], "rollout 1" in held["detail"]) == (f"ids.{ids[0]}", True)


async def test_lists_go_page_by_page_and_metrics_count_by_state(api: Api, templates: Intent) -> None:
    for own in await two_to_move(api, templates):
        assert (await api.client.post(ROLLOUTS, json={"template": "web", "ids": [own]})).status_code == 201
    first = await api.get(ROLLOUTS, limit=1)
    rest = await api.get(ROLLOUTS, limit=1, after=first["next"])
    assert [one["id"] for one in first["items"] + rest["items"]] == [2, 1]
    assert rest["next"] is None
    await api.client.post(f"{ROLLOUTS}/1/pause")
    told = (await api.client.get("/metrics")).text
    assert 'orchestrator_rollouts{state="paused"} 1.0' in told
    assert 'orchestrator_rollouts{state="running"} 1.0' in told


async def test_who_is_limited_elsewhere_sees_none(api: Api, templates: Intent, database: Database) -> None:
    await two_to_move(api, templates)
    await api.client.post(ROLLOUTS, json={"template": "web"})
    headers = {"Authorization": f"Bearer {token_of(database.dsn, 'operator', ['elsewhere'])}"}
    assert (await api.stranger.get(ROLLOUTS, headers=headers)).json()["items"] == []
    assert (await api.stranger.get(f"{ROLLOUTS}/1", headers=headers)).status_code == 404
    assert (await api.stranger.post(f"{ROLLOUTS}/1/abort", headers=headers)).status_code == 404
