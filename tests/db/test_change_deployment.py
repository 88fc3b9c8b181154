"""UPDATE deployments: what counts as a change of intent, and what a change leaves behind."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import threading
from typing import Any

import pytest

from tests.db.stage import Stage, denied, refused
from tests.waiting import eventually_blocking


def test_a_change_of_parameters_raises_the_generation_by_one_and_queues_one_run(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, parameters={"replicas": 3})
    row = stage.deployment("lobby")
    assert (row["generation"], row["last_applied_generation"]) == (2, 1)
    assert (row["status_summary"], row["status_message"]) == ("Progressing", "Generation 2 waits for a worker.")
    assert row["updated_at"] > row["created_at"]
    event = stage.last_event(own, "DeploymentChanged")
    assert event["data_json"] == {"parameters.replicas": {"from": None, "to": 3}}
    assert (event["generation"], event["source"], event["actor"]) == (2, "user", "test_operator")
    assert len(stage.messages(deployment_id=own)) == 1
    (claimed,) = stage.claim()
    workload = next(m for m in claimed["manifests"] if m["kind"] == "Deployment")
    assert workload["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"desired_state": "Stopped"}, "desired_state"),
        ({"desired_state": "Paused"}, "desired_state"),
        ({"desired_state": "Deleted"}, "desired_state"),
        ({"keep_data": False}, "keep_data"),
    ],
)
def test_each_kind_of_intent_counts_once(stage: Stage, columns: dict[str, Any], field: str) -> None:
    own = stage.deploy("lobby")
    stage.change(own, **columns)
    assert stage.deployment("lobby")["generation"] == 2
    assert list(stage.last_event(own, "DeploymentChanged")["data_json"]) == [field]
    (revision,) = stage.rows("SELECT * FROM deployment_revisions WHERE generation = 2")
    assert revision[field] == columns[field]


def test_several_changes_in_one_statement_are_one_generation(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, parameters={"replicas": 2}, desired_state="Stopped", keep_data=False)
    assert stage.deployment("lobby")["generation"] == 2
    assert set(stage.last_event(own, "DeploymentChanged")["data_json"]) == {
        "parameters.replicas",
        "desired_state",
        "keep_data",
    }


def test_a_move_to_another_template_version_is_a_change(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.admin.execute(
        "SELECT put_template(name, jsonb_set(base_spec_json, '{0,metadata,annotations}', '{\"a\": \"b\"}'), allowed_mutations_json)"
        " FROM templates WHERE name = 'web'"
    )
    stage.change(own, template_version=2)
    row = stage.deployment("lobby")
    assert (row["generation"], row["template_version"]) == (2, 2)
    assert row["desired_spec_json"][0]["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deployments SET parameters = parameters",
        "UPDATE deployments SET parameters = '{\"replicas\": 2}'",
        "UPDATE deployments SET desired_state = 'Active', drift_policy = 'Enforce', keep_data = true",
        "UPDATE deployments SET desired_spec_json = desired_spec_json",
        "UPDATE deployments SET name = name, namespace = namespace, template_version = template_version",
    ],
)
def test_a_change_of_nothing_leaves_no_trace(stage: Stage, statement: str) -> None:
    own = stage.deploy("lobby", parameters={"replicas": 2})
    before = stage.deployment("lobby")
    slot = stage.slot(own)
    stage.operator.execute(statement)
    assert stage.deployment("lobby") == before
    assert stage.slot(own) == slot
    assert stage.events(own) == ["DeploymentCreated", "DeploymentQueued"]


def test_a_spec_in_the_toast_table_is_compared_by_what_it_says(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    stage.deploy("other", "paper", {"motd": "Other"})
    assert stage.one("SELECT bool_and(pg_column_toast_chunk_id(desired_spec_json) IS NOT NULL) FROM deployments")
    stage.operator.execute("UPDATE deployments SET desired_spec_json = desired_spec_json, parameters = parameters")
    stage.operator.execute("UPDATE deployments SET desired_spec_json = desired_spec_json || '[]'")
    assert stage.one("SELECT max(generation) FROM deployments") == 1
    edited = """UPDATE deployments SET desired_spec_json = replace({}::text, %s, %s)::jsonb WHERE name = 'lobby'"""
    stage.operator.execute(edited.format("desired_spec_json"), ('"MOTD": "', '"MOTD": "Edited: '))
    assert stage.deployment("lobby")["parameters"]["motd"].startswith("Edited: ")
    assert stage.deployment("lobby")["generation"] == 2
    with refused("SO422", "desired_spec_json.0.metadata.name"):
        stage.change(own, desired_spec_json=stage.deployment("other")["desired_spec_json"])
    # Without passing through a client: the very chunks of another row.
    with refused("SO422", "desired_spec_json.0.metadata.name"):
        stage.operator.execute(
            "UPDATE deployments d SET desired_spec_json = o.desired_spec_json FROM deployments o"
            " WHERE d.name = 'lobby' AND o.name = 'other'"
        )


def test_rows_that_are_changed_together_are_told_as_each_alone(stage: Stage) -> None:
    names = ["a", "b", "c"]
    own = {name: stage.run_healthy(name) for name in names}
    told = "SELECT generation, source, type, data_json, actor FROM deployment_events WHERE deployment_id = %s AND generation = 2 ORDER BY id"
    kept = "SELECT to_jsonb(r) - ARRAY['deployment_id', 'created_at'] AS kept FROM deployment_revisions r WHERE deployment_id = %s AND generation = 2"
    stage.operator.execute(
        "UPDATE deployments SET parameters = '{\"replicas\": 2}', drift_policy = 'Adopt' WHERE name = 'a'"
    )
    stage.operator.execute(
        "UPDATE deployments SET parameters = '{\"replicas\": 2}', drift_policy = 'Adopt' WHERE name <> 'a'"
    )
    alone = stage.rows(told, own["a"])
    assert [event["type"] for event in alone] == ["DeploymentChanged", "StatusChanged", "DeploymentQueued"]
    for name in names[1:]:
        assert stage.rows(told, own[name]) == alone
        assert stage.rows(kept, own[name]) == stage.rows(kept, own["a"])
        slot, other = stage.slot(own[name]), stage.slot(own["a"])
        assert {key: slot[key] for key in ("requested", "queue", "due_at")} == {
            key: other[key] for key in ("requested", "queue", "due_at")
        }
        assert len(stage.messages(deployment_id=own[name])) == 1


def test_nothing_but_intent_raises_the_generation(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.operator.execute("SELECT reconcile_now(%s)", (own,))
    claimed = stage.claim_one()
    stage.settle(claimed, "failed", error="no")
    stage.observe(stage.later(own, "Service", "lobby", health="Degraded", message="no endpoints"))
    stage.observe(stage.gone(own, "Service", "lobby"))
    stage.worker.execute("SELECT report_cluster('default', false, 'gone')")
    stage.worker.execute("SELECT mark_stale('default')")
    stage.root.execute("UPDATE deployments SET status_message = 'x'")
    assert stage.deployment("lobby")["generation"] == 1
    assert stage.one("SELECT count(*) FROM deployment_revisions") == 1


def test_nobody_can_write_the_generation(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.root.execute("UPDATE deployments SET generation = 99")
    assert stage.deployment("lobby")["generation"] == 1
    stage.root.execute("UPDATE deployments SET generation = 99, desired_state = 'Stopped'")
    assert stage.deployment("lobby")["generation"] == 2
    for column, value in [
        ("generation", "9"),
        ("status_summary", "'Healthy'"),
        ("last_applied_generation", "9"),
        ("finalised_at", "now()"),
    ]:
        with denied():
            stage.operator.execute(f"UPDATE deployments SET {column} = {value}")
    assert stage.slot(own)["requested"] == 2


def test_many_rows_in_one_transaction_each_count_once_a_statement(stage: Stage) -> None:
    for n in range(5):
        stage.deploy(f"web-{n}")
    with stage.operator.transaction():
        stage.operator.execute("UPDATE deployments SET desired_state = 'Stopped' WHERE name < 'web-3'")
        stage.operator.execute("UPDATE deployments SET desired_state = 'Active' WHERE name = 'web-0'")
        stage.operator.execute("UPDATE deployments SET parameters = '{\"replicas\": 4}' WHERE name = 'web-4'")
    generations = {r["name"]: r["generation"] for r in stage.rows("SELECT name, generation FROM deployments")}
    assert generations == {"web-0": 3, "web-1": 2, "web-2": 2, "web-3": 1, "web-4": 2}
    assert stage.one("SELECT count(*) FROM deployment_events WHERE type = 'DeploymentChanged'") == 5
    assert len(stage.messages()) == 5


def test_a_statement_over_changed_and_unchanged_rows_counts_the_changed_ones(stage: Stage) -> None:
    stage.deploy("one", desired_state="Stopped")
    stage.deploy("two")
    stage.operator.execute("UPDATE deployments SET desired_state = 'Stopped'")
    assert {r["name"]: r["generation"] for r in stage.rows("SELECT name, generation FROM deployments")} == {
        "one": 1,
        "two": 2,
    }


def test_a_rolled_back_update_leaves_no_message_no_event_no_nudge(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    events, slot = stage.events(own), stage.slot(own)
    listener = stage.session("worker")
    listener.execute("LISTEN orchestrator_c1")
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("UPDATE deployments SET desired_state = 'Stopped'")
        assert stage.operator.execute("SELECT generation FROM deployments").fetchone() == {"generation": 2}
    assert stage.deployment("lobby")["generation"] == 1
    assert stage.events(own) == events
    assert stage.slot(own) == slot
    assert stage.messages() == []
    assert list(listener.notifies(timeout=0.2, stop_after=1)) == []


def test_one_refused_row_leaves_the_whole_statement_undone(stage: Stage) -> None:
    stage.deploy("one")
    stage.deploy("two", "paper")
    with refused("SO422", "parameters.replicas"):
        stage.operator.execute("UPDATE deployments SET parameters = '{\"replicas\": 2}'")
    assert [r["generation"] for r in stage.rows("SELECT generation FROM deployments")] == [1, 1]
    assert stage.one("SELECT count(*) FROM deployment_events WHERE type = 'DeploymentChanged'") == 0


@pytest.mark.parametrize(
    ("assignment", "field"),
    [
        ("name = 'other'", "name"),
        ("namespace = 'other'", "namespace"),
        ("cluster_id = 2", "cluster_id"),
        ("template_id = (SELECT id FROM templates WHERE name = 'paper')", "template_id"),
        ("name = NULL", "name"),
    ],
)
def test_what_identifies_a_deployment_cannot_change(stage: Stage, assignment: str, field: str) -> None:
    stage.deploy("lobby")
    with refused("SO409", field, "Make a new deployment"):
        stage.operator.execute(f"UPDATE deployments SET {assignment}")
    assert stage.deployment("lobby")["generation"] == 1


@pytest.mark.parametrize(
    ("parameters", "code", "path"),
    [
        ({"replicas": 51}, "SO422", "parameters.replicas"),
        ({"colour": "red"}, "SO422", "parameters.colour"),
        ({"host": "No Host"}, "SO422", "parameters.host"),
    ],
)
def test_a_parameter_outside_the_schema_is_refused_at_a_change_too(
    stage: Stage, parameters: dict[str, Any], code: str, path: str
) -> None:
    own = stage.deploy("lobby")
    with refused(code, path):
        stage.change(own, parameters=parameters)
    assert stage.deployment("lobby")["parameters"] == {}


def test_a_bad_state_or_policy_is_refused_with_the_allowed_ones(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with refused("SO422", "desired_state", "Active, Stopped, Paused, Deleted"):
        stage.change(own, desired_state="stopped")
    with refused("SO422", "drift_policy", "Enforce, Adopt, Ignore"):
        stage.change(own, drift_policy="ignore")
    with refused("SO422", "keep_data", "true, false"):
        stage.change(own, keep_data=None)
    with refused("SO422", "parameters"):
        stage.change(own, parameters=None)
    with refused("SO422", "desired_spec_json"):
        stage.change(own, desired_spec_json=None)
    with refused("SO404", "template_id", "web version 1"):
        stage.change(own, template_version=7)


def test_storage_may_grow_but_neither_shrink_nor_go_nor_change_its_kind(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"storage": "10Gi"})
    stage.change(own, parameters={"storage": "11Gi"})
    stage.change(own, parameters={"storage": "11264Mi"})  # the same amount
    with refused("SO409", "PersistentVolumeClaim/lobby-data.spec.resources.requests.storage", "11264Mi"):
        stage.change(own, parameters={"storage": "10Gi"})
    put = "SELECT put_template('paper', {}, allowed_mutations_json) FROM templates WHERE name = 'paper' AND version = 1"
    stage.admin.execute(put.format("jsonb_set(base_spec_json, '{2,spec,accessModes}', '[\"ReadWriteMany\"]')"))
    with refused("SO409", "PersistentVolumeClaim/lobby-data.spec", "Only its size may grow"):
        stage.change(own, template_version=2)
    stage.admin.execute(put.format("base_spec_json - 2"))
    with refused("SO409", "PersistentVolumeClaim/lobby-data", "move the data"):
        stage.change(own, template_version=3)
    assert stage.deployment("lobby")["generation"] == 3


def test_a_size_that_cannot_be_compared_is_refused(stage: Stage) -> None:
    stage.admin.execute(
        """SELECT put_template('disk', '[{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"${name}-d"},
             "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":{"$param":"size"}}}}}]',
           '{"properties": {"size": {"type": "string", "default": "1Ei"}}}')"""
    )
    own = stage.deploy("lobby", "disk")
    with refused("SO409", "PersistentVolumeClaim/lobby-d.spec.resources.requests.storage", "1Ei"):
        stage.change(own, parameters={"size": "1E"})
    with refused("SO422", "PersistentVolumeClaim/lobby-d.spec.resources.requests.storage", "20Gi"):
        stage.change(own, parameters={"size": "much"})
    stage.change(own, parameters={"size": "2Ei"})


@pytest.mark.parametrize(
    ("claim", "reached_by", "becomes"),
    [
        (
            '"metadata":{"name":"${name}-d"},"spec":{"resources":{"requests":{"storage":"${size}Gi"}}}',
            ["size"],
            {"size": 4},
        ),
        ('"$when":"kept","metadata":{"name":"${name}-d"},"spec":{}', ["kept"], {"kept": False}),
        # Every parameter may be in a digest.
        ('"metadata":{"name":"${name}-d"},"spec":{"volumeName":{"$hash":"ConfigMap/${name}-c"}}', None, {"other": "b"}),
    ],
)
def test_a_claim_is_checked_whichever_way_a_parameter_reaches_it(
    stage: Stage, claim: str, reached_by: list[str] | None, becomes: dict[str, Any]
) -> None:
    stage.admin.execute(
        f"""SELECT put_template('disk', '[{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"${{name}}-c"}},"data":{{"a":"${{other}}"}}}},
              {{"apiVersion":"v1","kind":"PersistentVolumeClaim",{claim}}}]',
            '{{"properties": {{"size": {{"type": "integer", "default": 8}}, "kept": {{"type": "boolean", "default": true}},
              "other": {{"type": "string", "default": "a"}}}}}}')"""
    )
    found = "SELECT claim_parameters FROM template_programs p JOIN templates t ON t.id = p.template_id WHERE t.name = 'disk'"
    assert stage.root.execute(found).fetchone()["claim_parameters"] == reached_by
    own = stage.deploy("lobby", "disk")
    with refused("SO409", "PersistentVolumeClaim/lobby-d"):
        stage.change(own, parameters=becomes)


def test_deployments_are_not_deleted_as_rows(stage: Stage) -> None:
    stage.deploy("lobby")
    with refused("SO409", "deployments", "desired_state = 'Deleted'"):
        stage.operator.execute("DELETE FROM deployments")
    with refused("SO409", "deployments"):
        stage.root.execute("DELETE FROM deployments")
    with refused("SO409", "deployments"):
        stage.root.execute("TRUNCATE deployments CASCADE")
    with denied():
        stage.operator.execute("TRUNCATE deployments CASCADE")
    assert stage.one("SELECT count(*) FROM deployments") == 1


def deleted(stage: Stage, name: str, template: str = "paper") -> Any:
    own = stage.deploy(name, template)
    claimed = stage.claim_one()
    stage.converge(claimed)
    stage.change(own, desired_state="Deleted")
    claimed = stage.claim_one()
    assert claimed["desired_state"] == "Deleted"
    assert stage.settle(claimed, "finalised") == "settled"
    return own


def test_a_deleted_deployment_keeps_row_and_history_and_frees_its_name(stage: Stage) -> None:
    own = deleted(stage, "lobby")
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["last_applied_generation"]) == ("Deleted", 2)
    assert row["finalised_at"] is not None
    assert "data is kept" in row["status_message"]
    assert stage.last_event(own, "DeploymentDeleted")["data_json"] == {"kept": ["PersistentVolumeClaim/lobby-data"]}
    assert len(stage.rows("SELECT * FROM deployment_revisions WHERE deployment_id = %s", own)) == 2
    stage.deploy("lobby")
    with refused("SO409", "desired_state", "Active"):
        stage.operator.execute('UPDATE deployments SET parameters = \'{"motd": "x"}\' WHERE id = %s', (own,))
    with refused("SO409", "name"):
        stage.change(own, desired_state="Active")
    with refused("SO404", "id"):
        stage.operator.execute("SELECT reconcile_now(%s)", (own,))


def test_a_deleted_deployment_comes_back_with_desired_state_active(stage: Stage) -> None:
    own = deleted(stage, "lobby")
    stage.change(own, desired_state="Active")
    row = stage.deployment("lobby")
    assert (row["generation"], row["last_applied_generation"], row["finalised_at"]) == (3, 0, None)
    assert stage.claim_one()["desired_state"] == "Active"


def test_two_sessions_that_take_one_name_back_at_once_leave_one_and_one_refusal(stage: Stage) -> None:
    from db.errors import Refused, translate

    own = deleted(stage, "lobby", "web")
    second = stage.session("operator")
    errors: list[Any] = []

    def revive() -> None:
        try:
            second.execute("UPDATE deployments SET desired_state = 'Active' WHERE id = %s", (own,))
        except Exception as error:
            errors.append(error)

    with stage.operator.transaction():
        stage.operator.execute("SELECT deploy('lobby', 'web')")
        thread = threading.Thread(target=revive)
        thread.start()
        eventually_blocking(
            lambda: stage.one(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ),
            describe="the second session waiting for the first",
        )
    thread.join(20)
    mine = translate(errors[0])
    assert isinstance(mine, Refused)
    assert mine.status == 409
    assert stage.one("SELECT count(*) FROM deployments WHERE finalised_at IS NULL") == 1


def test_a_change_while_the_cluster_is_away_says_so_and_is_deferred_once(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    stage.change(own, parameters={"replicas": 2})
    stage.change(own, parameters={"replicas": 3})
    assert (
        stage.deployment("lobby")["status_message"]
        == "Generation 3 waits: the cluster is not reachable (connection refused)."
    )
    assert stage.events(own, "ReconcileDeferred") == ["ReconcileDeferred"]
