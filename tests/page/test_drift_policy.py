"""What others may change, on the page: policy and rules in the form, and a decision beside each path."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Database
from tests.db.stage import Stage, load_shipped
from tests.db.test_drift_rules import drift, lose
from tests.page.conftest import Person, text

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


async def test_a_path_is_ignored_or_put_back_by_a_button(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    stage.change(own, drift_policy="Adopt")
    stage.run_all()
    lose(stage, own, "hub", drift("spec.replicas"), drift("spec.paused"))
    page = await person.look("/drift")
    assert "Waits for a decision" in text(page)
    assert "Ignore this path" in text(page)
    answer = await person.send(
        f"/servers/{own}/ignore", "/drift", kind="Deployment", path="spec.replicas", back="drift"
    )
    assert answer.headers["location"] == "/drift"
    assert stage.deployment("hub")["drift_rules"] == [RULE]
    assert "spec.replicas" not in await person.look("/drift")
    await person.send(f"/servers/{own}/put-back", "/drift", back="drift")
    assert (stage.resource(own, "Deployment", "hub") or {})["enforce_once"] == ["spec.paused"]
