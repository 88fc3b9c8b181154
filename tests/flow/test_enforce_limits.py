"""What is no drift, what is put back together, and what a person must decide: the edges of Enforce."""

import json
from typing import Any

from tests.flow.conftest import Stage


def test_foreign_additions_defaults_quantities_and_status_are_no_drift(stage: Stage) -> None:
    lobby = stage.deploy("additions", "every-kind", cpu="1000m")
    container = stage.get("Deployment", "additions-web")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["requests"]["cpu"] == "1", "the server writes it otherwise than we do"
    assert container["terminationMessagePath"], "and adds defaults"
    mark = stage.mark(lobby)
    for kind, name in [
        ("ConfigMap", "-env"),
        ("Secret", "-rcon"),
        ("Service", ""),
        ("StatefulSet", ""),
        ("Ingress", ""),
    ]:
        stage.kubectl("label", kind, f"additions{name}", "theirs=yes")
        stage.kubectl("annotate", kind, f"additions{name}", "theirs.example.com/note=yes")
    stage.kubectl("patch", "ConfigMap", "additions-env", "--type=merge", '--patch={"data":{"THEIRS":"yes"}}')
    stage.kubectl("set", "env", "deployment/additions-web", "THEIRS=yes")
    stage.until(lambda: stage.is_at_rest(lobby), what="seen and at rest")
    assert stage.since(lobby, mark, "ResourceModifiedExternally", "ReconcileStarted", "ResourceApplied") == []
    assert stage.get("ConfigMap", "additions-env")["data"] == {"GREETING": "hello", "THEIRS": "yes"}
    names = [
        entry["name"]
        for entry in stage.get("Deployment", "additions-web")["spec"]["template"]["spec"]["containers"][0]["env"]
    ]
    assert set(names) == {"GREETING", "THEIRS"}
    # And it stays when we next write to the same object.
    stage.intent.change(lobby, greeting="newer")
    stage.until(lambda: stage.is_at_rest(lobby), what="the change applied")
    assert stage.get("ConfigMap", "additions-env")["data"] == {"GREETING": "newer", "THEIRS": "yes"}
    assert stage.since(lobby, mark, "ResourceModifiedExternally") == []


def test_a_deleted_root_takes_all_with_it_and_all_comes_back_on_the_same_data(stage: Stage) -> None:
    lobby = stage.deploy("rooted", "game")
    claim = stage.get("PersistentVolumeClaim", "rooted-data")["metadata"]["uid"]
    before = stage.get("ConfigMap", "rooted-root")["metadata"]["uid"]
    stage.kubectl("delete", "configmap", "rooted-root")

    def is_back() -> bool:
        root = stage.get("ConfigMap", "rooted-root")["metadata"]["uid"]
        assert root != before
        for kind, name in [("ConfigMap", "-env"), ("Secret", "-rcon"), ("Service", ""), ("StatefulSet", "")]:
            live = stage.get(kind, f"rooted{name}")
            assert [owner["uid"] for owner in live["metadata"]["ownerReferences"]] == [root]
            assert "deletionTimestamp" not in live["metadata"]
        return stage.is_at_rest(lobby)

    stage.until(is_back, 60, "everything back below a new root")
    assert stage.get("PersistentVolumeClaim", "rooted-data")["metadata"]["uid"] == claim
    assert stage.intent.events(lobby, "ReconcileFailed", "ResourceConflict") == []


def test_a_root_deleted_and_made_again_by_another_owns_all_that_comes_back(stage: Stage) -> None:
    lobby = stage.deploy("replanted", "small")
    before = stage.get("ConfigMap", "replanted-root")
    mark = stage.mark(lobby)
    copied = {key: before[key] for key in ("apiVersion", "kind", "data")}
    copied["metadata"] = {"name": "replanted-root", "labels": before["metadata"]["labels"]}
    with stage.nobody_at_work():
        stage.kubectl("delete", "configmap", "replanted-root")
        stage.kubectl("create", "-f", "-", stdin=json.dumps(copied))
        theirs = stage.get("ConfigMap", "replanted-root")["metadata"]["uid"]
        stage.until(
            lambda: stage.intent.inventory(lobby)["ConfigMap/replanted-root"]["uid"] == theirs,
            what="the other one seen",
        )

    def is_back() -> bool:
        root = stage.get("ConfigMap", "replanted-root")["metadata"]
        assert root["uid"] == theirs, "it bears our labels: it is taken as it is"
        for kind, name in [("ConfigMap", "replanted-env"), ("Service", "replanted")]:
            live = stage.get(kind, name)
            assert [owner["uid"] for owner in live["metadata"]["ownerReferences"]] == [theirs]
            assert "deletionTimestamp" not in live["metadata"]
        return stage.is_at_rest(lobby)

    stage.until(is_back, 60, "everything below the new root")
    told = stage.since(lobby, mark, "ResourceRecreated", "ResourceDeletedExternally")
    assert "replanted-root" in {event["data_json"]["name"] for event in told}
    assert stage.intent.events(lobby, "ReconcileFailed", "ResourceConflict") == []


def test_an_owner_reference_taken_away_is_put_back(stage: Stage) -> None:
    lobby = stage.deploy("orphan", "small")
    mark = stage.mark(lobby)
    root = stage.get("ConfigMap", "orphan-root")["metadata"]["uid"]
    stage.kubectl("patch", "configmap", "orphan-env", "--type=merge", '--patch={"metadata":{"ownerReferences":null}}')

    def is_owned() -> bool:
        owners = stage.get("ConfigMap", "orphan-env")["metadata"].get("ownerReferences", [])
        return [owner["uid"] for owner in owners] == [root] and stage.is_at_rest(lobby)

    stage.until(is_owned, what="owned again")
    assert stage.since(lobby, mark, "ResourceModifiedExternally")


def test_wiped_ownership_is_noticed_and_taken_back(stage: Stage) -> None:
    lobby = stage.deploy("wiped", "small")
    mark = stage.mark(lobby)
    stage.kubectl("patch", "configmap", "wiped-env", "--type=merge", '--patch={"metadata":{"managedFields":[{}]}}')

    def is_ours() -> bool:
        entries = stage.get("ConfigMap", "wiped-env")["metadata"].get("managedFields", [])
        return [entry["manager"] for entry in entries] == ["server-orchestrator"] and stage.is_at_rest(lobby)

    stage.until(is_ours, what="ours again")
    [event] = stage.since(lobby, mark, "ResourceModifiedExternally")
    assert [change["reason"] for change in event["data_json"]["changes"]] == ["ownership lost"]


def test_several_edits_at_once_are_all_told_and_all_put_back(stage: Stage) -> None:
    lobby = stage.deploy("many", "every-kind")
    mark = stage.mark(lobby)
    with stage.nobody_at_work():
        stage.kubectl("delete", "service/many", "ingress/many", "--wait=false")
        stage.kubectl("set", "image", "statefulset/many", "deployment/many-web", "web=theirs/web:9")
        stage.kubectl("scale", "deployment/many-web", "--replicas=4")
        stage.kubectl("patch", "configmap", "many-env", "--type=merge", '--patch={"data":{"GREETING":null}}')
        paths = {
            ("ConfigMap", "data"),
            ("StatefulSet", "spec.template.spec.containers[name=web].image"),
            ("Deployment", "spec.template.spec.containers[name=web].image"),
            ("Deployment", "spec.replicas"),
            ("Service", ""),
            ("Ingress", ""),
        }
        stage.until(lambda: {(row["kind"], row["path"]) for row in stage.drift(lobby)} == paths, what="all in the view")
        by_path = {(row["kind"], row["path"]): row for row in stage.drift(lobby)}
        gone = by_path["ConfigMap", "data"]
        assert (gone["wanted"], gone["live"]) == ({"GREETING": "hello"}, None), "it was the only key"
        assert by_path["Deployment", "spec.replicas"]["live"] == 4
        assert stage.intent.status(lobby) == "Progressing"
    stage.until(lambda: stage.is_at_rest(lobby), 40, "all put back")
    assert stage.get("ConfigMap", "many-env")["data"] == {"GREETING": "hello"}
    assert stage.get("Deployment", "many-web")["spec"]["replicas"] == 1
    deleted = {event["data_json"]["kind"] for event in stage.since(lobby, mark, "ResourceDeletedExternally")}
    assert deleted == {"Service", "Ingress"}


def test_an_object_replaced_by_one_that_is_not_ours_is_left_to_a_person(stage: Stage) -> None:
    lobby = stage.deploy("taken", "small")
    theirs: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "taken-env"},
        "data": {"theirs": "yes"},
    }
    with stage.nobody_at_work():
        stage.kubectl("delete", "configmap", "taken-env")
        stage.kubectl("create", "-f", "-", stdin=json.dumps(theirs))
        before = stage.get("ConfigMap", "taken-env")
    stage.until(lambda: stage.intent.status(lobby) == "Error", what="it says so")
    assert "taken-env" in stage.intent.message(lobby)
    assert len(stage.intent.events(lobby, "ResourceConflict")) == 1
    assert stage.get("ConfigMap", "taken-env") == before
    stage.kubectl("delete", "configmap", "taken-env")
    stage.intent.reconcile_now(lobby)
    stage.until(lambda: stage.is_at_rest(lobby), what="well again")
    assert stage.get("ConfigMap", "taken-env")["data"] == {"GREETING": "hello"}


def test_a_secret_value_is_nowhere_in_postgres_or_the_logs_even_when_it_is_edited(stage: Stage) -> None:
    lobby = stage.deploy("secretive", "game")
    before = stage.get("Secret", "secretive-rcon")["data"]["password"]
    stage.kubectl(
        "patch", "secret", "secretive-rcon", "--type=merge", '--patch={"stringData":{"password":"plainword"}}'
    )
    stage.until(lambda: stage.intent.events(lobby, "ResourceModifiedExternally"), what="noticed")
    stage.until(lambda: stage.get("Secret", "secretive-rcon")["data"]["password"] == before, what="put back")
    stage.until(lambda: stage.is_at_rest(lobby), what="at rest")
    import base64

    kept = json.dumps(
        [
            stage.intent.rows(f"SELECT to_jsonb(t) AS row FROM orchestrator.{table} t")
            for table in ("deployments", "deployment_events", "deployment_resources", "deployment_observed")
        ]
    )
    assert "secretive-rcon" in kept
    for word in (before, base64.b64decode(before).decode(), "plainword", base64.b64encode(b"plainword").decode()):
        assert word not in kept
        assert word not in stage.worker.output
        assert word not in stage.watcher.output


def test_paused_records_what_happens_says_so_and_puts_it_back_when_resumed(stage: Stage) -> None:
    lobby = stage.deploy("paused", "web")
    stage.intent.set(lobby, "Paused")
    stage.until(lambda: stage.intent.events(lobby, "ReconcileHeld"), what="held")
    mark = stage.mark(lobby)
    stage.kubectl("delete", "service", "paused")
    stage.kubectl("scale", "deployment", "paused", "--replicas=3")
    paths = {("Service", ""), ("Deployment", "spec.replicas")}
    stage.until(lambda: {(row["kind"], row["path"]) for row in stage.drift(lobby)} == paths, what="both recorded")
    assert {event["type"] for event in stage.since(lobby, mark)} >= {
        "ResourceDeletedExternally",
        "ResourceModifiedExternally",
    }
    assert stage.intent.status(lobby) == "Paused"
    message = stage.intent.message(lobby)
    assert "Held" in message
    assert "Service paused" in message
    assert "Deployment paused" in message
    # Another deployment goes all the way through both processes: nothing of this one is still on its way.
    stage.deploy("meanwhile", "small")
    assert stage.find("Service", "paused") is None
    assert stage.get("Deployment", "paused")["spec"]["replicas"] == 3
    assert stage.since(lobby, mark, "ReconcileStarted", "ResourceApplied") == []
    stage.intent.set(lobby, "Active")
    stage.until(lambda: stage.is_at_rest(lobby), what="put back")
    assert stage.get("Service", "paused")
    assert stage.get("Deployment", "paused")["spec"]["replicas"] == 1


def test_reconcile_now_of_a_paused_deployment_puts_nothing_back(stage: Stage) -> None:
    lobby = stage.deploy("held", "small")
    stage.intent.set(lobby, "Paused")
    stage.until(lambda: stage.intent.events(lobby, "ReconcileHeld"), what="held")
    stage.kubectl("delete", "service", "held")
    stage.until(lambda: stage.drift(lobby), what="recorded")
    stage.intent.reconcile_now(lobby)
    stage.until(lambda: len(stage.intent.events(lobby, "ReconcileHeld")) == 2, what="held again")
    assert stage.find("Service", "held") is None
    assert stage.intent.status(lobby) == "Paused"


def test_a_stopped_deployment_that_is_scaled_up_is_stopped_again(stage: Stage) -> None:
    lobby = stage.deploy("stopped", "web")
    stage.intent.set(lobby, "Stopped")
    stage.until(lambda: stage.intent.status(lobby) == "Stopped" and stage.is_at_rest(lobby), what="stopped")
    stage.kubectl("scale", "deployment", "stopped", "--replicas=2")
    stage.until(lambda: stage.intent.events(lobby, "ResourceModifiedExternally"), what="noticed")
    stage.until(
        lambda: stage.get("Deployment", "stopped")["spec"]["replicas"] == 0 and stage.is_at_rest(lobby), what="stopped"
    )
    stage.until(lambda: stage.intent.status(lobby) == "Stopped", what="says so")
