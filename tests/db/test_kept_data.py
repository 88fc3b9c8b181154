"""Data that a deleted deployment left behind: nobody else builds on it, and there are two ways out."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from typing import Any

import pytest

from tests.db.stage import Stage, refused

CLAIM = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "lobby-data"}


@pytest.fixture
def gone(stage: Stage) -> Any:
    """A deleted server whose world is kept; its id."""
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, desired_state="Deleted")
    stage.settle(stage.claim_one(), "finalised")
    return own


def test_a_new_deployment_of_that_name_is_refused_with_both_ways_out(stage: Stage, gone: Any) -> None:
    for template in ("paper", "vanilla"):
        with refused("SO409", "name", f"Set desired_state of {gone} to Active") as caught:
            stage.deploy("lobby", template)
        assert caught.value.diag.message_primary == f"lobby-data holds the data of the deleted deployment {gone}"
        assert "its keep_data to false" in (caught.value.diag.message_hint or "")
    assert stage.one("SELECT count(*) FROM deployments") == 1


def test_what_asks_for_no_such_claim_may_have_the_name(stage: Stage, gone: Any) -> None:
    stage.deploy("lobby", "web")
    stage.deploy("lobby", "paper", namespace="elsewhere")
    stage.deploy("hub", "paper")


def test_a_move_to_a_version_with_such_a_claim_is_refused_too(stage: Stage, gone: Any) -> None:
    web = stage.deploy("lobby", "web")
    stage.admin.execute(
        "SELECT put_template('web', (SELECT base_spec_json FROM templates WHERE name = 'web') || (SELECT jsonb_agg(m) FROM templates t, jsonb_array_elements(t.base_spec_json) m"
        " WHERE t.name = 'paper' AND m ->> 'kind' = 'PersistentVolumeClaim'), (SELECT allowed_mutations_json || jsonb_build_object('properties', allowed_mutations_json -> 'properties'"
        ' || \'{"storage": {"type": "string", "default": "1Gi"}}\') FROM templates WHERE name = \'web\'))'
    )
    with refused("SO409", "name", str(gone)):
        stage.change(web, template_version=2)


def test_brought_back_it_has_its_data_and_its_name(stage: Stage, gone: Any) -> None:
    stage.change(gone, desired_state="Active")
    with refused("SO409", "name", "Choose another name"):
        stage.deploy("lobby", "paper")


def test_discarded_it_is_deleted_once_more_and_then_the_name_is_free(stage: Stage, gone: Any) -> None:
    stage.change(gone, keep_data=False)
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["generation"], row["finalised_at"]) == ("Deleting", 3, None)
    with refused("SO409", "name", "It is being deleted"):
        stage.deploy("lobby", "paper")
    claimed = stage.claim_one()
    assert [item["kind"] for item in claimed["inventory"]] == ["PersistentVolumeClaim"]
    stage.settle(claimed, "finalised", pruned=[CLAIM])
    assert stage.deployment("lobby")["status_message"] == "Deleted."
    assert stage.deploy("lobby", "paper") != gone


def test_what_is_gone_takes_no_other_change(stage: Stage, gone: Any) -> None:
    for change in ({"parameters": {"motd": "x"}}, {"keep_data": False, "desired_state": None}):
        with refused("SO422" if "desired_state" in change else "SO409", "desired_state"):
            stage.change(gone, **change)
    stage.change(gone, keep_data=False)
    stage.settle(stage.claim_one(), "finalised", pruned=[CLAIM])
    with refused("SO409", "desired_state", "bring it back"):
        stage.change(gone, keep_data=True)


def test_data_is_not_discarded_while_another_has_the_name(stage: Stage, gone: Any) -> None:
    stage.deploy("lobby", "web")
    with refused("SO409", "name"):
        stage.change(gone, keep_data=False)
    assert stage.resource(gone, "PersistentVolumeClaim", "lobby-data") is not None
