"""Time travel: an earlier intent taken up again, what was wanted at any time, and who changed what from where."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import random
from typing import Any

import pytest

from tests.db.stage import Row, Stage, denied, refused
from tests.db.test_windows import make

INTENT = ("template_version", "parameters", "drift_policy", "keep_data")


def rollback(stage: Stage, own: Any, generation: int, *, force: bool = False) -> int:
    row = stage.operator.execute("SELECT rollback(%s, %s, force => %s) AS found", (own, generation, force)).fetchone()
    assert row is not None
    return row["found"]


def revision(stage: Stage, own: Any, generation: int) -> Row:
    (row,) = stage.rows(
        "SELECT * FROM deployment_revisions WHERE deployment_id = %s AND generation = %s", own, generation
    )
    return row


def as_of(stage: Stage, moment: Any) -> dict[str, Row]:
    return {r["name"]: r for r in stage.viewer.execute("SELECT * FROM deployments_as_of(%s)", (moment,)).fetchall()}


# ---------------------------------------------------------------- going back


def test_an_earlier_intent_becomes_a_new_generation_that_says_so(stage: Stage) -> None:
    own = stage.run_healthy("lobby", parameters={"replicas": 1})
    stage.change(own, parameters={"replicas": 3, "greeting": "hi"})
    assert rollback(stage, own, 1) == 3
    assert stage.deployment("lobby")["parameters"] == {"replicas": 1}
    assert (revision(stage, own, 3)["rolled_back_to"], revision(stage, own, 2)["rolled_back_to"]) == (1, None)
    event = stage.last_event(own, "DeploymentChanged")
    assert event["actor"] == "test_operator"
    assert event["data_json"] == {
        "parameters.replicas": {"from": 3, "to": 1},
        "parameters.greeting": {"from": "hi", "to": None},
        "rollback": {"to": 1},
    }
    assert stage.claim_one()["generation"] == 3, "and a worker carries it out"


def test_a_change_after_a_rollback_is_none(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with stage.operator.transaction():
        stage.change(own, parameters={"replicas": 3})
        rollback(stage, own, 1)
        stage.change(own, parameters={"replicas": 2})
    assert [revision(stage, own, g)["rolled_back_to"] for g in (1, 2, 3, 4)] == [None, None, 1, None]
    assert "rollback" not in stage.last_event(own, "DeploymentChanged")["data_json"]


def test_going_back_neither_stops_nor_starts_a_server(stage: Stage) -> None:
    own = stage.deploy("lobby", desired_state="Stopped")
    stage.change(own, desired_state="Active", parameters={"replicas": 2})
    stage.operator.execute("SELECT restart(%s)", (own,))
    restarted = stage.deployment("lobby")["restarted_at"]
    rollback(stage, own, 1)
    now = stage.deployment("lobby")
    assert (now["desired_state"], now["parameters"], now["restarted_at"]) == ("Active", {}, restarted)


@pytest.mark.parametrize("generation", [1, 2])
def test_the_same_intent_makes_no_generation(stage: Stage, generation: int) -> None:
    own = stage.deploy("lobby", parameters={"replicas": 2})
    stage.change(own, desired_state="Stopped")
    assert rollback(stage, own, generation) == 2
    assert stage.events(own, "DeploymentChanged") == ["DeploymentChanged"]


def test_a_rollback_gives_exactly_that_intent_and_what_it_rendered(stage: Stage) -> None:
    """Random changes and ways back: each one is the intent of the generation that it names."""
    chance = random.Random(5)
    stage.admin.execute(
        "SELECT put_template(name, base_spec_json, jsonb_set(allowed_mutations_json, '{properties,greeting,default}', '\"good day\"')) FROM templates WHERE name = 'web'"
    )
    own = stage.deploy("lobby", template_version=1)
    specs = {1: stage.deployment("lobby")["desired_spec_json"]}
    for _ in range(40):
        generation = stage.deployment("lobby")["generation"]
        if chance.random() < 0.5:
            target = chance.randint(1, generation)
            reached = rollback(stage, own, target)
            assert {k: revision(stage, own, reached)[k] for k in INTENT} == {
                k: revision(stage, own, target)[k] for k in INTENT
            }
            assert stage.deployment("lobby")["desired_spec_json"] == specs[target]
        else:
            given = {"replicas": chance.randint(0, 5), "greeting": chance.choice(["hi", "ho", ""])}
            chosen = {k: v for k, v in given.items() if chance.random() < 0.6}
            stage.change(own, parameters=chosen, template_version=chance.randint(1, 2), keep_data=chance.random() < 0.5)
        now = stage.deployment("lobby")
        specs[now["generation"]] = now["desired_spec_json"]
    assert len(specs) > 20


# ---------------------------------------------------------------- refusals


def test_what_is_not_there_is_named(stage: Stage) -> None:
    own = stage.deploy("lobby")
    for missing in (0, 2, None):
        with refused("SO404", "generation", hint="deployment_revisions"):
            stage.operator.execute("SELECT rollback(%s, %s)", (own, missing))
    with refused("SO404", "id"):
        stage.operator.execute("SELECT rollback(gen_random_uuid(), 1)")
    with denied():
        stage.viewer.execute("SELECT rollback(%s, 1)", (own,))


def test_every_check_of_a_change_holds_for_a_way_back(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"storage": "10Gi"})
    stage.change(own, parameters={"storage": "20Gi"})
    with refused("SO409", "PersistentVolumeClaim/lobby-data", hint="at least 20Gi"):
        rollback(stage, own, 1, force=True)
    assert stage.deployment("lobby")["generation"] == 2


def test_a_deleted_deployment_is_not_rolled_back_to_where_its_data_goes(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, keep_data=False)
    stage.change(own, keep_data=True, desired_state="Deleted")
    with refused("SO409", "desired_state", hint="Active"):
        rollback(stage, own, 2, force=True)
    stage.run_all()
    with refused("SO409", "desired_state", hint="Active"):
        rollback(stage, own, 2, force=True)


def test_a_namespace_that_is_not_ones_own_is_not_there(stage: Stage) -> None:
    own = stage.deploy("lobby", namespace="vault")
    stage.change(own, parameters={"replicas": 2})
    stage.admin.execute("SELECT create_user('test_operator', 'operator', '{games}')")
    with refused("SO404", "id"):
        rollback(stage, own, 1)
    assert stage.operator.execute("SELECT * FROM deployments_as_of(now())").fetchall() == []
    stage.admin.execute("SELECT change_user('test_operator', 'operator', '{games,vault}')")
    assert rollback(stage, own, 1) == 3
    assert len(stage.operator.execute("SELECT * FROM deployments_as_of(now())").fetchall()) == 1


# ---------------------------------------------------------------- versions that must not go down


@pytest.mark.parametrize(
    ("before", "after", "lower"),
    [
        ("1.9", "1.21.4", False),
        ("1.21.4", "1.9", True),
        ("1.21", "1.21.0", False),
        ("1.21.0", "1.21", False),
        ("1.21.1", "1.21", True),
        ("1.21", "LATEST", False),
        ("LATEST", "1.99", True),
        ("LATEST", "LATEST", False),
        ("SNAPSHOT", "LATEST", True),
        ("26.1", "1.21.4", True),
        ("1.21", None, True),
        (None, "1.21", False),
    ],
)
def test_versions_are_compared_part_by_part(
    quiet_stage: Stage, before: str | None, after: str | None, lower: bool
) -> None:
    assert quiet_stage.one("SELECT is_lower(%s, %s)", before, after) is lower


@pytest.mark.parametrize("template", ["paper", "vanilla"])
@pytest.mark.parametrize(("first", "then"), [({"version": "1.20.4"}, {"version": "1.21"}), ({"version": "1.21"}, {})])
def test_a_minecraft_version_goes_back_only_by_force(stage: Stage, template: str, first: Row, then: Row) -> None:
    own = stage.deploy("lobby", template, first)
    stage.change(own, parameters=then)
    with refused("SO409", "parameters.version", hint="force => true") as caught:
        rollback(stage, own, 1)
    reason = f"version would go back from {then.get('version', 'LATEST')} to {first['version']}"
    assert caught.value.diag.message_primary == reason
    assert stage.deployment("lobby")["generation"] == 2
    with refused("SO409", "parameters.version"):
        stage.operator.execute("SELECT rollback(%s, 1, force => NULL)", (own,))
    assert rollback(stage, own, 1, force=True) == 3
    assert rollback(stage, own, 2) == 4, "up again needs no force"


def test_a_newer_template_version_guards_what_older_ones_made(stage: Stage) -> None:
    """So an installation whose templates are from before the keyword need only load the new ones."""
    stage.admin.execute(
        "SELECT put_template('old', base_spec_json, allowed_mutations_json #- '{properties,version,neverLower}') FROM templates WHERE name = 'paper'"
    )
    own = stage.deploy("lobby", "old", {"version": "1.20"})
    stage.change(own, parameters={"version": "1.21"})
    assert rollback(stage, own, 1) == 3
    stage.change(own, parameters={"version": "1.21"})
    stage.admin.execute(
        "SELECT put_template('old', base_spec_json, allowed_mutations_json) FROM templates WHERE name = 'paper'"
    )
    with refused("SO409", "parameters.version"):
        rollback(stage, own, 1)


def test_a_plain_update_says_the_version_itself_and_may_lower_it(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"version": "1.21"})
    stage.change(own, parameters={"version": "1.20"})
    assert stage.deployment("lobby")["generation"] == 2


def test_a_plain_update_of_the_template_version_lowers_nothing_unseen(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"motd": "hello"})
    stage.admin.execute(
        """SELECT put_template('paper', base_spec_json, jsonb_set(allowed_mutations_json, '{properties,version,default}', '"1.21"'))
             FROM templates WHERE name = 'paper'"""
    )
    with refused("SO409", "parameters.version", hint="set the value itself") as caught:
        stage.change(own, template_version=2)
    assert caught.value.diag.message_primary == "version would go back from LATEST to 1.21"
    with refused("SO409", "parameters.version"):
        stage.change(own, template_version=2, parameters={"motd": "hi"})
    assert stage.deployment("lobby")["generation"] == 1
    stage.operator.execute("SELECT upgrade(%s, 2, force => true)", (own,))
    assert stage.deployment("lobby")["template_version"] == 2
    assert rollback(stage, own, 1) == 3, "up again needs no force"
    stage.change(own, template_version=2, parameters={"version": "1.20"})
    assert stage.deployment("lobby")["parameters"] == {"version": "1.20"}, "that says which"


def test_a_window_that_was_deleted_since_is_in_the_way_of_a_rollback(stage: Stage) -> None:
    make(stage)
    own = stage.deploy("lobby")
    stage.change(own, drift_rules=[{"path": "spec.replicas", "policy": "Enforce", "window": "nights"}])
    stage.change(own, drift_rules=[])
    stage.admin.execute("DELETE FROM maintenance_windows")
    with refused("SO422", "drift_rules.0.window"):
        rollback(stage, own, 2)
    assert stage.deployment("lobby")["generation"] == 3
    assert rollback(stage, own, 1) == 3, "without rules it goes back as ever"


# ---------------------------------------------------------------- looking first, and looking back


def test_a_preview_tells_what_would_change_and_writes_nothing(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"version": "1.20"})
    stage.change(own, parameters={"version": "1.21", "motd": "hi"})
    with refused("SO409", "parameters.version"):
        stage.operator.execute("SELECT preview_rollback(%s, 1)", (own,))
    found = stage.operator.execute("SELECT preview_rollback(%s, 1, force => true) AS found", (own,)).fetchone()
    assert found is not None
    assert (found["found"]["generation"], found["found"]["parameters"]["version"]) == (3, "1.20")
    assert {o["kind"] for o in found["found"]["objects"] if o["change"] == "changed"} == {"ConfigMap", "StatefulSet"}
    assert stage.deployment("lobby")["generation"] == 2
    assert stage.operator.execute("SHOW orchestrator.rollback").fetchall()[0]["orchestrator.rollback"] == ""


def test_what_was_wanted_is_told_as_of_any_time(stage: Stage) -> None:
    before = stage.one("SELECT clock_timestamp()")
    own = stage.deploy("lobby", parameters={"replicas": 1}, namespace="games")
    between = stage.one("SELECT clock_timestamp()")
    stage.change(own, parameters={"replicas": 2})
    stage.change(own, parameters={"replicas": 3})
    other = stage.deploy("hub", "paper")
    later = stage.one("SELECT clock_timestamp()")
    stage.change(own, desired_state="Deleted")
    stage.run_all()
    assert as_of(stage, before) == {}
    found = as_of(stage, between)
    assert list(found) == ["lobby"]
    assert found["lobby"] == {
        "id": own,
        "name": "lobby",
        "namespace": "games",
        "cluster": "default",
        "template": "web",
        "template_version": 1,
        "parameters": {"replicas": 1},
        "desired_state": "Active",
        "drift_policy": "Enforce",
        "drift_rules": [],
        "keep_data": True,
        "restarted_at": None,
        "generation": 1,
        "actor": "test_operator",
        "changed_at": revision(stage, own, 1)["created_at"],
    }
    found = as_of(stage, later)
    assert (found["lobby"]["parameters"], found["lobby"]["desired_state"]) == ({"replicas": 3}, "Active")
    assert found["hub"]["id"] == other
    assert as_of(stage, revision(stage, own, 2)["created_at"])["lobby"]["generation"] == 2, "from that moment on"
    assert as_of(stage, "infinity")["lobby"]["desired_state"] == "Deleted"


def test_a_revision_tells_where_it_was_asked_from(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, parameters={"replicas": 2})
    address = stage.operator.execute("SELECT host(inet_client_addr()) AS found").fetchone()
    assert address is not None
    client = " ".join(filter(None, (address["found"], "test operator")))
    assert [revision(stage, own, g)["client"] for g in (1, 2)] == [client, client]
