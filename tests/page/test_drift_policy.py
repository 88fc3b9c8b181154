"""What others may change, on the page: policy and rules in the form, and a decision beside each path."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.db.stage import Stage, load_shipped
from tests.db.test_drift_rules import drift, lose
from tests.page.conftest import Person, text
from tests.waiting import eventually

RULE = {"kind": "Deployment", "path": "spec.replicas", "policy": "Ignore"}


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    load_shipped(database)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


async def test_policy_and_rules_are_chosen_in_the_form_and_wrong_ones_told_beside_it(
    person: Person, stage: Stage
) -> None:
    own = stage.run_healthy("hub")
    here = f"/servers/{own}/edit"
    page = await person.look(here)
    assert 'name="drift_policy"' in page
    fields = {"save": "1", "generation": "1", "keep_data": "on", "template_version": "1", "drift_policy": "Adopt"}
    for wrong, told in (
        ("spec.replicas", "Rule 1 is no JSON"),
        ('{"path": "spec", "policy": "Forgive"}', '"Forgive" is no drift policy'),
    ):
        answer = await person.send(here, here, **fields, drift_rules=wrong)
        assert answer.status_code == 422
        assert told in text(answer.text)
        assert 'id="error-drift_rules"' in answer.text
    answer = await person.send(here, here, **fields, drift_rules=json.dumps(RULE))
    assert answer.headers["location"] == f"/servers/{own}"
    found = stage.deployment("hub")
    assert (found["drift_policy"], found["drift_rules"], found["generation"]) == ("Adopt", [RULE], 2)
    assert "spec.replicas" in text(await person.look(here))


async def ignore(person: Person, own: Any, name: str, path: str) -> httpx.Response:
    """As the button does, whose form is on the page."""
    fields = {"kind": "Deployment", "name": name, "path": path}
    page = await person.look("/drift")
    form = page[: page.index(f'value="{path}"')].rpartition("<form")[2]
    assert all(f'name="{key}" value="{value}"' in form for key, value in fields.items() if key != "path"), form
    return await person.send(f"/servers/{own}/ignore", "/drift", **fields, back="drift")


async def test_a_path_is_ignored_or_put_back_by_a_button(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    stage.change(own, drift_policy="Adopt")
    stage.run_all()
    lose(stage, own, "hub", drift("spec.replicas"), drift("spec.paused"))
    page = await person.look("/drift")
    assert "Waits for a decision" in text(page)
    assert "Ignore this path" in text(page)
    answer = await ignore(person, own, "hub", "spec.replicas")
    assert answer.headers["location"] == "/drift"
    assert stage.deployment("hub")["drift_rules"] == [{**RULE, "name": "hub"}]
    assert "spec.replicas" not in await person.look("/drift")
    page = await person.look("/drift")
    assert 'name="path" value="Deployment/hub:spec.paused"' in page
    await person.send(f"/servers/{own}/put-back", "/drift", back="drift", path="Deployment/hub:spec.paused")
    assert (stage.resource(own, "Deployment", "hub") or {})["enforce_once"] == ["spec.paused"]


def two_of_a_kind(stage: Stage) -> Any:
    """A deployment with two objects of one kind, of both of which the same path was changed."""
    text = "SELECT base_spec_json, allowed_mutations_json FROM orchestrator.templates WHERE name = 'web'"
    (found,) = stage.root.execute(text).fetchall()
    (first,) = [one for one in found["base_spec_json"] if one["kind"] == "Deployment"]
    second = json.loads(json.dumps(first))
    second["metadata"]["name"] = "${name}-second"
    manifests = json.dumps([*found["base_spec_json"], second])
    put = "SELECT orchestrator.put_template('pair', %s, %s)"
    stage.root.execute(put, (manifests, json.dumps(found["allowed_mutations_json"])))
    own = stage.run_healthy("hub", template="pair")
    for name in ("hub", "hub-second"):
        lose(stage, own, name, drift("spec.paused"), drift("spec.minReadySeconds"))
    return own


async def test_of_two_objects_of_one_kind_only_the_one_is_ignored(person: Person, stage: Stage) -> None:
    own = two_of_a_kind(stage)
    stage.change(own, drift_rules=[{"kind": "Deployment", "name": "hub", "path": "spec.paused", "policy": "Adopt"}])
    await ignore(person, own, "hub", "spec.paused")
    left = stage.rows("SELECT object, path FROM orchestrator.drift ORDER BY 1, 2")
    assert [tuple(row.values()) for row in left] == [
        ("hub", "spec.minReadySeconds"), ("hub-second", "spec.minReadySeconds"), ("hub-second", "spec.paused")
    ]  # fmt: skip


async def test_two_people_who_ignore_two_paths_at_once_both_have_their_rule(person: Person, stage: Stage) -> None:
    own = two_of_a_kind(stage)
    busy = "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await person.look("/drift")  # with the secret of its forms, which else both would be given anew
    other = stage.session()
    with other.transaction():
        other.execute("SELECT FROM orchestrator.deployments WHERE id = %s FOR UPDATE", (own,))
        both = [
            asyncio.create_task(ignore(person, own, "hub", path)) for path in ("spec.paused", "spec.minReadySeconds")
        ]
        await eventually(lambda: stage.one(busy), describe="both wait for the row")
    assert {answer.status_code for answer in await asyncio.gather(*both)} == {303}
    assert {rule["path"] for rule in stage.deployment("hub")["drift_rules"]} == {"spec.paused", "spec.minReadySeconds"}


async def test_what_no_rule_changes_is_not_offered_to_be_ignored(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    lose(stage, own, "hub-root", drift("metadata.labels.team"), kind="ConfigMap")
    page = await person.look("/drift")
    assert "metadata.labels.team" in page
    assert "Ignore this path" not in page


async def test_each_path_tells_what_happens_to_it_and_put_back_decides_about_what_was_shown(
    person: Person, stage: Stage
) -> None:
    own = stage.run_healthy("hub")
    stage.change(own, drift_rules=[{"path": "spec.paused", "policy": "Adopt"}])
    stage.run_all()
    lose(stage, own, "hub", drift("spec.minReadySeconds"), drift("spec.paused"))
    for page in ("/drift", f"/servers/{own}"):
        rows = (await person.look(page)).split('<tr id="drift-')[1:]
        told = {row.partition('"')[0].rpartition("-")[2]: row.partition("</tr>")[0] for row in rows}
        assert "It is being put back now." in told["spec.minReadySeconds"]
        assert "Waits for a decision" in told["spec.paused"]
        assert "Waits for a decision" not in told["spec.minReadySeconds"]
    assert "2 differences from outside. What happens next stands beside each." in text(
        await person.look(f"/servers/{own}")
    )
    shown = ["Deployment/hub:spec.minReadySeconds", "Deployment/hub:spec.paused"]
    lose(stage, own, "hub", drift("spec.minReadySeconds"), drift("spec.paused"), drift("spec.progressDeadlineSeconds"))
    answer = await person.send(f"/servers/{own}/put-back", "/drift", path=shown)
    assert answer.status_code == 303
    asked = (stage.resource(own, "Deployment", "hub") or {})["enforce_once"]
    assert asked == ["spec.minReadySeconds", "spec.paused"], "not what came since"
