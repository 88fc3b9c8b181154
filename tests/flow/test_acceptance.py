"""The five acceptance criteria, in the words of the vision, on the templates that are shipped."""

from pathlib import Path

import psycopg
import pytest

import db
from db.templates import load_templates
from tests.flow.conftest import Stage

SHIPPED = Path(db.__file__).parent / "shipped"


@pytest.fixture(scope="module")
def lobby(stage: Stage) -> str:
    """A Minecraft server, as a person asks for it."""
    load_templates(stage.database.dsn, SHIPPED)
    return stage.deploy("lobby", "paper", eula="TRUE", memory="1Gi", motd="Welcome")


def test_a_deployment_created_from_a_template_converges_to_the_desired_kubernetes_objects(
    stage: Stage, lobby: str
) -> None:
    assert stage.intent.status(lobby) == "Healthy"
    assert stage.intent.message(lobby) == "Everything asked for is running."
    workload = stage.get("StatefulSet", "lobby")
    assert workload["status"]["readyReplicas"] == 1
    container = workload["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert stage.get("ConfigMap", "lobby-env")["data"]["MOTD"] == "Welcome"
    assert stage.get("PersistentVolumeClaim", "lobby-data")["status"]["phase"] == "Bound"
    assert stage.get("Secret", "lobby-rcon")["data"]["password"]
    assert stage.get("Service", "lobby")["spec"]["ports"][0]["port"] == 25565
    assert set(stage.intent.inventory(lobby)) == {
        "ConfigMap/lobby-root",
        "ConfigMap/lobby-env",
        "Secret/lobby-rcon",
        "PersistentVolumeClaim/lobby-data",
        "Service/lobby",
        "StatefulSet/lobby",
        "Pod/lobby-0",
    }
    row = stage.intent.deployment(lobby)
    assert row["generation"] == row["last_applied_generation"] == 1
    site = stage.deploy("site", "web", greeting="hi")
    assert stage.get("Ingress", "site")["spec"]["rules"][0]["host"] == "web.example.com"
    stage.intent.change(site, ingress=False)
    stage.until(lambda: stage.is_at_rest(site) and stage.find("Ingress", "site") is None, what="the ingress pruned")


def test_what_was_observed_is_kept_beside_what_is_wanted(stage: Stage, lobby: str) -> None:
    observed = stage.intent.rows(
        "SELECT observed_json FROM orchestrator.deployment_observed WHERE deployment_id = %s", lobby
    )[0]["observed_json"]
    assert observed["StatefulSet/lobby"]["readyReplicas"] == 1
    assert observed["Pod/lobby-0"]["phase"] == "Running"
    assert observed["PersistentVolumeClaim/lobby-data"]["phase"] == "Bound"


def test_manual_deletion_and_modification_of_managed_resources_is_detected_recorded_and_restored(
    stage: Stage, lobby: str
) -> None:
    mark = stage.mark(lobby)
    uid = stage.get("Service", "lobby")["metadata"]["uid"]
    with stage.nobody_at_work():
        stage.kubectl("delete", "service", "lobby")
        stage.kubectl("set", "image", "statefulset/lobby", "minecraft=example/other:1")
        stage.until(
            lambda: {row["kind"] for row in stage.drift(lobby)} == {"Service", "StatefulSet"}, what="both detected"
        )
    [deleted] = stage.since(lobby, mark, "ResourceDeletedExternally")
    assert (deleted["source"], deleted["data_json"]["name"], deleted["data_json"]["uid"]) == ("k8s_watch", "lobby", uid)
    [modified] = stage.since(lobby, mark, "ResourceModifiedExternally")
    [change] = modified["data_json"]["changes"]
    assert change["path"] == "spec.template.spec.containers[name=minecraft].image"
    assert (change["wanted"], change["live"]) == ("itzg/minecraft-server:java21", "example/other:1")
    assert (change["manager"], modified["actor"]) == ("kubectl-set", "kubectl-set")
    stage.until(lambda: stage.is_at_rest(lobby), what="restored")
    assert stage.get("Service", "lobby")["metadata"]["uid"] != uid
    container = stage.get("StatefulSet", "lobby")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "itzg/minecraft-server:java21"


def test_postgres_contains_a_durable_audit_trail_of_changes_and_reconciliation_activity(stage: Stage) -> None:
    load_templates(stage.database.dsn, SHIPPED)
    arena = stage.deploy("arena", "web")
    stage.intent.change(arena, greeting="newer")
    stage.until(lambda: stage.is_at_rest(arena), what="changed")
    stage.intent.set(arena, "Deleted")
    stage.until(lambda: stage.intent.status(arena) == "Deleted", what="deleted")
    told = [event["type"] for event in stage.intent.events(arena)]
    order = [
        "DeploymentCreated",
        "DeploymentQueued",
        "ReconcileStarted",
        "ResourceApplied",
        "ReconcileSucceeded",
        "StatusChanged",
        "DeploymentChanged",
        "ReconcileStarted",
        "ResourceApplied",
        "ReconcileSucceeded",
        "DeploymentChanged",
        "ReconcileStarted",
        "ResourcePruned",
        "DeploymentDeleted",
        "StatusChanged",
    ]
    rest = iter(told)
    assert all(step in rest for step in order), told
    by_user = [event for event in stage.intent.events(arena) if event["source"] == "user"]
    assert {event["actor"] for event in by_user} == {"test_operator"}
    changed = stage.intent.events(arena, "DeploymentChanged")
    assert changed[0]["data_json"] == {"parameters.greeting": {"from": None, "to": "newer"}}
    assert [event["generation"] for event in changed] == [2, 3]
    revisions = stage.intent.rows(
        "SELECT generation, actor, desired_state FROM orchestrator.deployment_revisions"
        " WHERE deployment_id = %s ORDER BY generation",
        arena,
    )
    assert [(row["generation"], row["desired_state"]) for row in revisions] == [
        (1, "Active"),
        (2, "Active"),
        (3, "Deleted"),
    ]
    for statement in (
        "UPDATE orchestrator.deployment_events SET actor = 'x'",
        "DELETE FROM orchestrator.deployment_events",
    ):
        with pytest.raises(psycopg.Error):
            stage.intent.superuser.execute(statement.encode())


def test_the_system_recovers_from_restart_without_losing_track_of_deployments_or_ownership(
    stage: Stage, lobby: str
) -> None:
    before = {key: row["uid"] for key, row in stage.intent.inventory(lobby).items() if row["managed"]}
    mark = stage.mark(lobby)
    stage.worker.kill()
    stage.watcher.kill()
    stage.kubectl("delete", "configmap", "lobby-env")
    stage.intent.change(lobby, motd="After the restart")
    stage.worker.restart()
    stage.watcher.restart()
    stage.until(lambda: stage.is_at_rest(lobby), 60, "recovered")
    assert stage.get("ConfigMap", "lobby-env")["data"]["MOTD"] == "After the restart"
    after = {key: row["uid"] for key, row in stage.intent.inventory(lobby).items() if row["managed"]}
    assert {key: uid for key, uid in after.items() if key != "ConfigMap/lobby-env"} == {
        key: uid for key, uid in before.items() if key != "ConfigMap/lobby-env"
    }
    assert stage.since(lobby, mark, "ResourceConflict", "ReconcileFailed") == []
