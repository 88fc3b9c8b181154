"""deploy() and plain INSERT: how a deployment begins, and what is refused."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import threading
from typing import Any

import psycopg
import pytest

from db.errors import Refused, translate
from tests.db.stage import Stage, refused
from tests.people import token_of
from tests.waiting import eventually_blocking


def test_deploy_makes_a_deployment_at_generation_one_with_its_history_and_one_message(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"memory": "3Gi"})
    row = stage.deployment("lobby")
    assert (row["id"], row["generation"], row["last_applied_generation"]) == (own, 1, 0)
    assert (row["namespace"], row["desired_state"], row["status_summary"]) == ("default", "Active", "Progressing")
    assert row["status_message"] == "Generation 1 waits for a worker."
    assert stage.events(own) == ["DeploymentCreated", "DeploymentQueued"]
    assert [r["generation"] for r in stage.rows("SELECT generation FROM deployment_revisions")] == [1]
    (message,) = stage.messages("c1_now")
    assert message["message"] == {"id": str(own)}
    assert stage.slot(own)["msg_id"] == message["msg_id"]


def test_deploy_renders_parameters_into_the_spec(stage: Stage) -> None:
    stage.deploy("lobby", "paper", {"memory": "3Gi", "motd": 'say "hi" 100% ☃ \\o/'})
    spec = {m["kind"]: m for m in stage.deployment("lobby")["desired_spec_json"]}
    container = spec["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "3Gi"
    assert spec["ConfigMap"]["data"]["MOTD"] == 'say "hi" 100% ☃ \\o/'
    assert spec["Service"]["metadata"]["name"] == "lobby"


def test_a_plain_insert_does_the_same_as_deploy(stage: Stage) -> None:
    stage.operator.execute(
        "INSERT INTO deployments (name, template_id, parameters) SELECT 'lobby', id, '{\"replicas\": 2}' FROM templates WHERE name = 'web'"
    )
    row = stage.deployment("lobby")
    assert (row["generation"], row["template_version"], row["cluster_id"]) == (1, 1, 1)
    assert stage.events(row["id"]) == ["DeploymentCreated", "DeploymentQueued"]
    assert len(stage.messages()) == 1


def test_the_actor_is_the_login(stage: Stage) -> None:
    own = stage.deploy("lobby")
    assert stage.last_event(own, "DeploymentCreated")["actor"] == "test_operator"
    assert stage.last_event(own, "DeploymentQueued")["actor"] == "test_operator"
    assert stage.one("SELECT actor FROM deployment_revisions") == "test_operator"


def test_only_the_api_is_believed_when_it_names_the_actor(stage: Stage) -> None:
    stage.operator.execute("SET orchestrator.actor = 'mallory'")
    own = stage.deploy("lobby")
    assert stage.last_event(own, "DeploymentCreated")["actor"] == "test_operator"
    token = token_of(stage.database.dsn, "operator", user="ada@example.com")
    with stage.api.transaction():
        stage.api.execute("SELECT enter('token', %s)", (token,))
        stage.api.execute("UPDATE deployments SET desired_state = 'Stopped'")
    assert stage.last_event(own, "DeploymentChanged")["actor"] == "ada@example.com"


def test_a_new_deployment_may_begin_stopped_or_paused(stage: Stage) -> None:
    stage.deploy("stopped", desired_state="Stopped")
    stage.deploy("paused", desired_state="Paused")
    assert stage.deployment("paused")["status_summary"] == "Paused"
    assert {c["name"]: c["desired_state"] for c in stage.claim(10)} == {"stopped": "Stopped", "paused": "Paused"}


def test_many_rows_in_one_statement_each_get_their_own(stage: Stage) -> None:
    stage.operator.execute(
        "INSERT INTO deployments (name, template_id) SELECT 'web-' || n, t.id FROM templates t, generate_series(1, 20) n WHERE t.name = 'web'"
    )
    assert len(stage.messages("c1_now")) == 20
    assert stage.one("SELECT count(*) FROM deployment_events WHERE type = 'DeploymentCreated'") == 20


def test_a_rolled_back_insert_leaves_nothing(stage: Stage) -> None:
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("SELECT deploy('lobby', 'web')")
    assert stage.rows("SELECT * FROM deployments") == []
    assert stage.rows("SELECT * FROM deployment_events") == []
    assert stage.messages() == []


def test_what_only_the_orchestrator_writes_cannot_be_said_at_the_beginning(stage: Stage) -> None:
    """Even for a superuser, whom no grant holds back."""
    stage.root.execute(
        "INSERT INTO deployments (name, template_id, generation, last_applied_generation, status_summary, finalised_at, stale_since)"
        " SELECT 'lobby', id, 7, 7, 'Healthy', now(), now() FROM templates WHERE name = 'web'"
    )
    row = stage.deployment("lobby")
    assert (row["generation"], row["last_applied_generation"], row["status_summary"]) == (1, 0, "Progressing")
    assert (row["finalised_at"], row["stale_since"]) == (None, None)


def nothing_was_written(stage: Stage) -> bool:
    counts = stage.rows(
        "SELECT (SELECT count(*) FROM deployments) + (SELECT count(*) FROM deployment_events) + (SELECT count(*) FROM deployment_revisions)"
        " + (SELECT count(*) FROM reconcile_slots) + (SELECT count(*) FROM deployment_observed) AS n"
    )
    return counts[0]["n"] == 0 and stage.messages() == []


@pytest.mark.parametrize(
    ("template", "parameters", "path", "hint"),
    [
        ("paper", {"colour": "red"}, "parameters.colour", "max_players"),
        ("paper", {"max_players": "20"}, "parameters.max_players", "1000"),
        ("paper", {"max_players": 20.5}, "parameters.max_players", "integer"),
        ("paper", {"max_players": 0}, "parameters.max_players", "at least 1, "),
        ("paper", {"max_players": 1001}, "parameters.max_players", "an integer, at least 1, at most 1000."),
        ("paper", {"max_players": None}, "parameters.max_players", "integer"),
        ("paper", {"difficulty": "brutal"}, "parameters.difficulty", "peaceful"),
        ("paper", {"memory": "lots"}, "parameters.memory", "Mi|Gi"),
        ("paper", {"memory": "1Gi\n"}, "parameters.memory", "Mi|Gi"),
        ("paper", {"motd": "x" * 121}, "parameters.motd", "at most 120 characters"),
        ("paper", {"online_mode": "true"}, "parameters.online_mode", "true or false"),
        ("web", {"image": ""}, "parameters.image", "at least 1 characters"),
    ],
)
def test_a_parameter_outside_the_schema_is_refused(
    quiet_stage: Stage, template: str, parameters: dict[str, Any], path: str, hint: str
) -> None:
    with refused("SO422", path, hint):
        quiet_stage.deploy("lobby", template, parameters)
    assert nothing_was_written(quiet_stage)


def test_a_number_with_a_fraction_of_nought_is_no_integer(quiet_stage: Stage) -> None:
    """It would be rendered as 1.0, which Kubernetes refuses."""
    with refused("SO422", "parameters.replicas"):
        quiet_stage.operator.execute("SELECT deploy('lobby', 'web', '{\"replicas\": 1.0}')")


@pytest.mark.parametrize("parameters", ["[]", "3", '"memory"', "null"])
def test_parameters_must_be_an_object(quiet_stage: Stage, parameters: str) -> None:
    with refused("SO422", "parameters"):
        quiet_stage.operator.execute("SELECT deploy('lobby', 'web', %s::jsonb)", (parameters,))


def test_a_missing_required_parameter_is_refused(stage: Stage) -> None:
    stage.admin.execute(
        """SELECT put_template('strict', '[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}-c"},"data":{"a":"${must}"}}]',
           '{"properties": {"must": {"type": "string", "description": "What it must."}}, "required": ["must"]}')"""
    )
    with refused("SO422", "parameters.must", "What it must."):
        stage.deploy("lobby", "strict")
    stage.deploy("lobby", "strict", {"must": "x"})


@pytest.mark.parametrize(
    "name",
    ["", "Lobby", "1lobby", "lobby-", "-lobby", "lob by", "löbby", "l" * 41, "lobby.one", "lobby\n", "a/b", None],
)
def test_a_bad_name_is_refused(quiet_stage: Stage, name: str | None) -> None:
    with refused("SO422", "name", "small letters"):
        quiet_stage.deploy(name)  # type: ignore[arg-type]
    assert nothing_was_written(quiet_stage)


def test_the_longest_and_the_shortest_name_are_taken(stage: Stage) -> None:
    stage.deploy("l" * 40)
    stage.deploy("a")


@pytest.mark.parametrize("namespace", ["kube-system", "kube-x", "Games", "g" * 64, "a_b", ""])
def test_a_bad_namespace_is_refused(quiet_stage: Stage, namespace: str) -> None:
    with refused("SO422", "namespace"):
        quiet_stage.deploy("lobby", namespace=namespace)


@pytest.mark.parametrize("state", ["active", "Running", "", None])
def test_an_unknown_desired_state_is_refused(quiet_stage: Stage, state: str | None) -> None:
    with refused("SO422", "desired_state", "Active, Stopped, Paused, Deleted"):
        quiet_stage.deploy("lobby", desired_state=state)


def test_a_deployment_cannot_begin_deleted(quiet_stage: Stage) -> None:
    with refused("SO422", "desired_state", "Active"):
        quiet_stage.deploy("lobby", desired_state="Deleted")


def test_an_unknown_drift_policy_is_refused(quiet_stage: Stage) -> None:
    with refused("SO422", "drift_policy", "Enforce, Adopt, Ignore"):
        quiet_stage.operator.execute(
            "INSERT INTO deployments (name, template_id, drift_policy) SELECT 'a', id, 'Revert' FROM templates WHERE name = 'web'"
        )


def test_an_unknown_template_is_refused_with_those_there_are(quiet_stage: Stage) -> None:
    with refused("SO404", "template", "paper, vanilla, web"):
        quiet_stage.deploy("lobby", "minecraft")
    with refused("SO404", "template", "paper"):
        quiet_stage.operator.execute("SELECT deploy('lobby', NULL)")
    with refused("SO404", "template_id", "web version 1"):
        quiet_stage.operator.execute("INSERT INTO deployments (name, template_id) VALUES ('lobby', 999)")
    with refused("SO404", "template_id", "web version 1"):
        quiet_stage.operator.execute("INSERT INTO deployments (name) VALUES ('lobby')")
    assert nothing_was_written(quiet_stage)


def test_an_unknown_version_is_refused(quiet_stage: Stage) -> None:
    with refused("SO404", "template_id", "web version 1"):
        quiet_stage.deploy("lobby", template_version=9)


def test_an_unknown_cluster_is_refused_with_those_there_are(quiet_stage: Stage) -> None:
    with refused("SO404", "cluster", "default"):
        quiet_stage.deploy("lobby", cluster="mars")
    with refused("SO404", "cluster_id", "1 = default"):
        quiet_stage.operator.execute(
            "INSERT INTO deployments (name, cluster_id, template_id) SELECT 'lobby', 99, id FROM templates WHERE name = 'web'"
        )
    assert nothing_was_written(quiet_stage)


def test_with_no_template_loaded_the_hint_says_how_to_load_some(bare_stage: Stage) -> None:
    with refused("SO404", "template", "orchestrator templates load"):
        bare_stage.deploy("lobby")


def test_a_spec_of_ones_own_is_refused_at_the_beginning(quiet_stage: Stage) -> None:
    with refused("SO422", "desired_spec_json", "set parameters"):
        quiet_stage.operator.execute(
            "INSERT INTO deployments (name, template_id, desired_spec_json) SELECT 'a', id, '[]' FROM templates WHERE name = 'web'"
        )


def test_a_duplicate_name_is_refused_within_a_namespace_only(stage: Stage) -> None:
    stage.deploy("lobby")
    with refused("SO409", "name", "another name"):
        stage.deploy("lobby", "paper")
    stage.deploy("lobby", namespace="other")
    assert stage.one("SELECT count(*) FROM deployments") == 2


def test_a_duplicate_within_one_statement_is_refused(stage: Stage) -> None:
    with refused("SO409", "name"):
        stage.operator.execute(
            "INSERT INTO deployments (name, template_id) SELECT 'lobby', t.id FROM templates t, generate_series(1, 2) WHERE t.name = 'web'"
        )
    assert nothing_was_written(stage)


def test_the_name_of_a_deployment_being_deleted_is_refused_and_says_until_when(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, desired_state="Deleted")
    with refused("SO409", "name", "being deleted"):
        stage.deploy("lobby")


def race(stage: Stage, statement: str) -> psycopg.Error:
    """The error of a second session that writes the same name while the first has not committed yet."""
    second = stage.session("operator")
    errors: list[psycopg.Error] = []

    def write() -> None:
        try:
            second.execute(statement)
        except psycopg.Error as error:
            errors.append(error)

    with stage.operator.transaction():
        stage.operator.execute(statement)
        thread = threading.Thread(target=write)
        thread.start()
        eventually_blocking(
            lambda: stage.one(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ),
            describe="the second session waiting for the first",
        )
    thread.join(20)
    (error,) = errors
    assert stage.one("SELECT count(*) FROM deployments") == 1
    return error


def test_two_sessions_deploying_one_name_at_once_leave_one_deployment_and_one_refusal(stage: Stage) -> None:
    error = race(stage, "SELECT deploy('lobby', 'web')")
    assert (error.sqlstate, error.diag.message_detail) == ("SO409", "name")


def test_two_inserts_of_one_name_at_once_are_a_refusal_at_the_python_door(stage: Stage) -> None:
    error = race(
        stage, "INSERT INTO deployments (name, template_id) SELECT 'lobby', id FROM templates WHERE name = 'web'"
    )
    mine = translate(error)
    assert isinstance(mine, Refused)
    assert (mine.status, mine.path) == (409, "name")
    assert mine.hint
