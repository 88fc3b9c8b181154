"""Drift policy and rules over HTTP, and the decision to put something back."""

import json
from collections.abc import AsyncIterator
from itertools import product

import pytest

from tests.app.conftest import Api, problem, serving
from tests.db.conftest import shipped_database, shipped_postgres, stage
from tests.db.stage import Stage
from tests.db.test_drift_rules import drift, lose
from tests.people import session_of, token_of

__all__ = ["shipped_database", "shipped_postgres", "stage"]
IGNORED = [{"path": "spec.replicas", "policy": "Ignore"}]


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[Api]:
    """The API on that stage."""
    dsn = stage.database.dsn
    async with serving(stage.database.dsn_as("api"), token_of(dsn), session_of(dsn)) as running:
        yield running


async def test_policy_and_rules_are_created_changed_previewed_and_refused_like_the_rest(api: Api, stage: Stage) -> None:
    made = await api.create("lobby", drift_policy="Adopt", drift_rules=IGNORED)
    assert (made["drift_policy"], made["drift_rules"]) == ("Adopt", IGNORED)
    place = f"/api/deployments/{made['id']}"
    changed = (await api.client.patch(place, json={"drift_rules": [], "drift_policy": "Ignore"})).json()
    assert (changed["drift_rules"], changed["drift_policy"], changed["generation"]) == ([], "Ignore", 2)
    [newest, first] = (await api.get(f"{place}/revisions"))["items"]
    assert (newest["drift_rules"], first["drift_rules"]) == ([], IGNORED)
    wrong = {"drift_rules": [{"path": "spec", "policy": "Forgive"}]}
    for send, where in ((api.client.patch, place), (api.client.post, f"{place}/preview")):
        assert problem(await send(where, json=wrong), 422)["path"] == "drift_rules.0.policy"
    new = {"name": "hub", "template": "web", **wrong}
    for where in ("/api/deployments", "/api/deployments/preview"):
        assert problem(await api.client.post(where, json=new), 422)["path"] == "drift_rules.0.policy"
    many = {"ids": [made["id"]], "change": {"drift_rules": IGNORED}}
    assert (await api.client.post("/api/deployments/bulk", json=many)).json()["items"][0]["generation"] == 3


async def test_a_server_counts_as_drifted_only_for_what_is_not_ignored(api: Api, stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=IGNORED)
    stage.run_all()
    for paths, drifted, differs in ((["spec.replicas"], False, 0), (["spec.replicas", "spec.paused"], True, 1)):
        lose(stage, own, "lobby", *map(drift, paths))
        assert (await api.get(f"/api/deployments/{own}"))["drifted"] is drifted
        assert len((await api.get("/api/deployments", drifted="true"))["items"]) == differs
        counts = stage.rows("SELECT differs FROM list_objects(%s) WHERE kind = 'Deployment'", own)
        assert counts == [{"differs": differs}]
        assert (
            f'orchestrator_deployments_drifted{{cluster="default"}} {float(differs)}'
            in (await api.client.get("/metrics")).text
        )


async def test_a_list_calls_drifted_what_the_view_shows_whoever_decides_it(api: Api, stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    found: list[tuple[bool, bool, bool]] = []
    for template_rules in ([], IGNORED):
        # Versions of a template never change; it is as if this had always been so.
        stage.root.execute("SET session_replication_role = replica")
        stage.root.execute("UPDATE templates SET drift_rules_json = %s", (json.dumps(template_rules),))
        stage.root.execute("RESET session_replication_role")
        for rules, policy in product(([], IGNORED), ("Enforce", "Adopt", "Ignore")):
            stage.change(own, drift_rules=rules, drift_policy=policy)
            stage.run_all()
            for paths in (["spec.replicas"], ["spec.replicas", "spec.paused"]):
                lose(stage, own, "lobby", *map(drift, paths))
                listed = {
                    wanted: len((await api.get("/api/deployments", drifted=wanted))["items"])
                    for wanted in ("true", "false")
                }
                shown = bool(stage.rows("SELECT FROM orchestrator.drift"))
                told = (await api.get(f"/api/deployments/{own}"))["drifted"]
                found.append((shown, told, listed == {"true": int(shown), "false": 1 - int(shown)}))
    assert all(shown == told and listed for shown, told, listed in found), found
    assert sum(shown for shown, *_ in found) == 4 + 3 * 2, "rules of either, and the policy Ignore, hide the replicas"


async def test_what_waits_is_put_back_when_a_person_says_so(api: Api, stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    place = f"/api/deployments/{own}/drift/put-back"
    stage.change(own, drift_policy="Adopt")
    stage.run_all()
    assert problem(await api.client.post(place, json={}), 409)["path"] == "paths"
    lose(stage, own, "lobby", drift("spec.replicas"))
    [row] = (await api.get(f"/api/deployments/{own}/drift"))["items"]
    assert (row["policy"], row["rule_source"], row["outlook"]) == ("Adopt", "default", "undecided")
    assert problem(await api.client.post(place, json={"paths": ["spec.paused"]}), 409)["path"] == "paths.spec.paused"
    assert problem(await api.client.post(place, json={}, headers={"If-Match": '"1"'}), 412)["current"] == '"2"'
    assert (await api.client.post(place, json={"paths": ["spec.replicas"]})).status_code == 202
    [claimed] = [item for item in stage.claim_one()["inventory"] if item["kind"] == "Deployment"]
    assert (claimed["drifted"], claimed["enforce_once"], claimed["withheld"]) == (True, ["spec.replicas"], [])
