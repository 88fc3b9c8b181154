"""Enforce: whatever anybody does to a managed object behind our back is noticed, recorded and put back."""

import json
from pathlib import Path
from typing import Any

import pytest

from db.templates import SHIPPED, load_templates
from tests.flow.conftest import Stage, stripped
from tests.intent import workload

# What can be meddled with, by case: one object of every kind, and the root that owns them.
OBJECTS = {
    "ConfigMap": ("ConfigMap", "lobby-env"),
    "Secret": ("Secret", "lobby-rcon"),
    "PersistentVolumeClaim": ("PersistentVolumeClaim", "lobby-data"),
    "Service": ("Service", "lobby"),
    "StatefulSet": ("StatefulSet", "lobby"),
    "Deployment": ("Deployment", "lobby-web"),
    "Ingress": ("Ingress", "lobby"),
    "NetworkPolicy": ("NetworkPolicy", "lobby"),
    "PodDisruptionBudget": ("PodDisruptionBudget", "lobby"),
    "CronJob": ("CronJob", "lobby"),
    "HorizontalPodAutoscaler": ("HorizontalPodAutoscaler", "scaled"),
    "root": ("ConfigMap", "lobby-root"),
}
# The cluster collects all the others after a root that was deleted: see test_enforce_limits.
BUT_THE_ROOT = [case for case in OBJECTS if case != "root"]
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "${name}", "annotations": {"example.com/note": "${note}"}},
    "spec": {
        "minReplicas": 1,
        "maxReplicas": 5,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "${name}"},
    },
}
AS_A_PERSON = "--field-manager=a-person"
NOTE = {"metadata": {"annotations": {"example.com/note": "theirs"}}}
NOTE_PATH = "metadata.annotations[example.com/note]"
# By case: what a person patches, and the path, wanted and live value that must be told of it.
EDITS: dict[str, tuple[dict[str, Any], str, Any, Any]] = {
    "ConfigMap": ({"data": {"GREETING": "theirs"}}, "data.GREETING", "hello", "theirs"),
    "Secret": ({"data": {"password": "dGhlaXJz"}}, "data.password", "(hidden)", "(hidden)"),
    "PersistentVolumeClaim": (NOTE, NOTE_PATH, "none", "theirs"),
    "Service": ({"spec": {"selector": {"app.kubernetes.io/instance": "theirs"}}}, "spec.selector", None, None),
    "StatefulSet": (
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "theirs/web:2"}]}}}},
        "spec.template.spec.containers[name=web].image",
        "example/web:1",
        "theirs/web:2",
    ),
    "Deployment": (
        {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "web", "env": [{"name": "GREETING", "value": "theirs"}]}]}
                }
            }
        },
        "spec.template.spec.containers[name=web].env[name=GREETING].value",
        "hello",
        "theirs",
    ),
    "Ingress": ({"spec": {"rules": [{"host": "theirs.example.com"}]}}, "spec.rules", None, None),
    "NetworkPolicy": ({"spec": {"ingress": [{"ports": [{"port": 9}]}]}}, "spec.ingress", None, None),
    "PodDisruptionBudget": ({"spec": {"maxUnavailable": "50%"}}, "spec.maxUnavailable", 1, "50%"),
    "CronJob": ({"spec": {"schedule": "* * * * *"}}, "spec.schedule", "0 4 * * *", "* * * * *"),
    "HorizontalPodAutoscaler": ({"spec": {"maxReplicas": 9}}, "spec.maxReplicas", 5, 9),
    "root": ({"data": {"name": "theirs"}}, "data.name", "lobby", "theirs"),
}


@pytest.fixture(scope="module")
def lobby(stage: Stage) -> str:
    """One of every kind, at rest. Each path of it is put back more often than is usual: that is no fight here."""
    stage.intent.superuser.execute("UPDATE orchestrator.clusters SET contested_after = 100")
    return stage.deploy("lobby", "every-kind")


@pytest.fixture(scope="module")
def owners(stage: Stage, lobby: str) -> dict[str, str]:
    """The deployment of each case. An autoscaler rests without metrics only beside a workload without replicas."""
    stage.intent.put_template("autoscaled", [workload("Deployment"), AUTOSCALER])
    made = stage.intent.operator.execute(
        "SELECT orchestrator.deploy('scaled', 'autoscaled', namespace => %s, desired_state => 'Stopped')::text",
        (stage.namespace,),
    ).fetchone()
    assert made is not None
    scaled = made["deploy"]
    stage.until(lambda: stage.is_at_rest(scaled), 60, "scaled at rest")
    return {**dict.fromkeys(OBJECTS, lobby), "HorizontalPodAutoscaler": scaled}


def put_back(stage: Stage, deployment: str, before: dict[str, Any]) -> dict[str, Any]:
    """Wait for rest, and for the object to read as it did; the object."""
    kind, name = before["kind"], before["metadata"]["name"]

    def is_back() -> dict[str, Any]:
        live = stage.get(kind, name)
        assert ours_of(live) == ours_of(before)
        assert stage.is_at_rest(deployment), "not at rest"
        return live

    return stage.until(is_back, 30, f"{kind} {name} put back")


def ours_of(live: dict[str, Any]) -> dict[str, Any]:
    """What we say about an object, less what the server and the controllers add."""
    metadata = live["metadata"]
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if "example.com" in key}
    spec = {
        key: value
        for key, value in live.get("spec", {}).items()
        if key not in ("clusterIP", "clusterIPs", "volumeName")
    }
    return {"labels": metadata["labels"], "annotations": annotations, "spec": spec, "data": live.get("data")}


def told(stage: Stage, deployment: str, mark: int, event_type: str, live: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a type about one object after a mark."""
    return [
        event["data_json"]
        for event in stage.since(deployment, mark, event_type)
        if (event["data_json"]["kind"], event["data_json"]["name"]) == (live["kind"], live["metadata"]["name"])
    ]


def changes_told(stage: Stage, deployment: str, mark: int, live: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By path, each change that was recorded after a mark."""
    found = told(stage, deployment, mark, "ResourceModifiedExternally", live)
    return {change["path"]: change for data in found for change in data["changes"]}


@pytest.mark.parametrize("case", BUT_THE_ROOT)
def test_a_deleted_object_is_noticed_and_made_again(stage: Stage, owners: dict[str, str], case: str) -> None:
    own, (kind, name) = owners[case], OBJECTS[case]
    before = stage.get(kind, name)
    mark = stage.mark(own)
    stage.kubectl("delete", kind, name)
    after = put_back(stage, own, before)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    [event] = told(stage, own, mark, "ResourceDeletedExternally", before)
    assert event["uid"] == before["metadata"]["uid"]
    assert [data["reason"] for data in told(stage, own, mark, "ResourceApplied", before)] == ["missing"]
    assert stage.since(own, mark, "ReconcileFailed", "ResourceConflict") == []


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
@pytest.mark.parametrize("replicas", [0, 3])
def test_a_scaled_workload_is_scaled_back(stage: Stage, lobby: str, kind: str, replicas: int) -> None:
    before = stage.get(*OBJECTS[kind])
    mark = stage.mark(lobby)
    stage.kubectl("scale", kind, before["metadata"]["name"], f"--replicas={replicas}")
    put_back(stage, lobby, before)
    changes = changes_told(stage, lobby, mark, before)
    assert set(changes) == {"spec.replicas"}
    change = changes["spec.replicas"]
    # A scale to 0 leaves no owner: the server drops the zero before it looks who set it (1.37). So nobody is named,
    # unless somebody else has changed the object in the second of our apply: this comes before the edits by others.
    manager = "kubectl" if replicas else None
    assert (change["wanted"], change["live"], change["manager"]) == (1, replicas, manager)


@pytest.fixture
def merging(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An editor for `kubectl edit` that makes the change of $PATCH and does not ask."""
    editor = tmp_path / "editor"
    kubectl = stage.control_plane.kubectl_program
    merge = f'"{kubectl}" patch --local --type=strategic --patch="$PATCH" -o json -f "$1"'
    editor.write_text(f'#!/bin/sh\n{merge} > "$1.merged" && mv "$1.merged" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))


def change_by(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, way: str, live: dict[str, Any], patch: dict[str, Any]
) -> None:
    """Make a change to an object as a person does, in one of the ways of kubectl."""
    kind, name, text = live["kind"], live["metadata"]["name"], json.dumps(patch)
    match way:
        case "patch":
            stage.kubectl("patch", kind, name, "--type=strategic", f"--patch={text}", AS_A_PERSON)
        case "edit":
            monkeypatch.setenv("PATCH", text)
            stage.kubectl("edit", kind, name, "-o", "json", AS_A_PERSON)
        case "apply":
            whole = stripped(live)
            whole = stage.kubectl("patch", "--local", f"--patch={text}", "-o", "json", "-f", "-", stdin=whole)
            stage.kubectl("apply", "-f", "-", AS_A_PERSON, stdin=whole)
        case _:
            metadata = {**patch.get("metadata", {}), "name": name}
            part = {**patch, "apiVersion": live["apiVersion"], "kind": kind, "metadata": metadata}
            stage.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", AS_A_PERSON, stdin=json.dumps(part))


@pytest.mark.usefixtures("merging")
@pytest.mark.parametrize("way", ["patch", "edit", "apply", "apply --server-side"])
@pytest.mark.parametrize("case", OBJECTS)
def test_an_edit_is_told_by_path_values_and_manager_and_put_back(
    stage: Stage, owners: dict[str, str], case: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, before = owners[case], stage.get(*OBJECTS[case])
    patch, path, wanted, live = EDITS[case]
    mark = stage.mark(own)
    change_by(stage, monkeypatch, way, before, patch)
    put_back(stage, own, before)
    changes = changes_told(stage, own, mark, before)
    change = next((changes[found] for found in changes if found.startswith(path)), None)
    assert change is not None, changes
    assert change["manager"] == "a-person"
    assert change["since"]
    if wanted is not None:
        assert (change["path"], change["wanted"], change["live"]) == (path, wanted, live)
    assert len(changes) == 1, changes


@pytest.mark.parametrize("case", OBJECTS)
@pytest.mark.parametrize(
    "label",
    ["app.kubernetes.io/managed-by=theirs", "server-orchestrator.io/deployment-id-"],
    ids=["overwritten", "removed"],
)
def test_a_label_that_makes_an_object_ours_comes_back(
    stage: Stage, owners: dict[str, str], case: str, label: str
) -> None:
    own, (kind, name) = owners[case], OBJECTS[case]
    before = stage.get(kind, name)
    mark = stage.mark(own)
    stage.kubectl("label", "--overwrite", kind, name, label)
    after = put_back(stage, own, before)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    changes = changes_told(stage, own, mark, before)
    assert set(changes) == {f"metadata.labels[{label.rstrip('-').split('=')[0]}]"}
    assert stage.since(own, mark, "ResourceDeletedExternally") == []


@pytest.mark.parametrize("case", BUT_THE_ROOT)
def test_an_object_deleted_and_made_again_by_another_is_told_and_put_right(
    stage: Stage, owners: dict[str, str], case: str
) -> None:
    own, (kind, name) = owners[case], OBJECTS[case]
    before = stage.get(kind, name)
    copied = json.loads(stripped(before))
    copied["metadata"]["annotations"]["example.com/note"] = "theirs"
    mark = stage.mark(own)
    with stage.nobody_at_work():
        stage.kubectl("delete", kind, name)
        stage.kubectl("create", "-f", "-", stdin=json.dumps(copied))
        theirs = stage.get(kind, name)
        stage.until(
            lambda: (
                stage.intent.inventory(own)[f"{kind}/{before['metadata']['name']}"]["uid"] == theirs["metadata"]["uid"]
            ),
            what="the other object seen",
        )
        assert stage.intent.status(own) == "Progressing"
        [seen] = stage.drift(own)
        assert (seen["kind"], seen["path"], seen["live"]) == (kind, "", "replaced")
    put_back(stage, own, before)
    told_of = [
        *told(stage, own, mark, "ResourceRecreated", before),
        *told(stage, own, mark, "ResourceDeletedExternally", before),
    ]
    assert told_of, stage.story()
    assert stage.since(own, mark, "ReconcileFailed", "ResourceConflict") == []


def test_a_port_that_was_given_another_number_gets_its_own_back(stage: Stage, lobby: str) -> None:
    """To the server it is another item of the list, and both together would be refused: the name stands twice."""
    before = stage.get("Service", "lobby")
    mark = stage.mark(lobby)
    patch = [{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]
    stage.kubectl("patch", "service", "lobby", "--type=json", f"--patch={json.dumps(patch)}")
    live = put_back(stage, lobby, before)
    assert set(changes_told(stage, lobby, mark, before)) == {"spec.ports[port=80,protocol=TCP]"}
    ours = [entry for entry in live["metadata"]["managedFields"] if entry["manager"] == "server-orchestrator"]
    assert [entry["operation"] for entry in ours] == ["Apply"], "nothing is ours but what we apply"


def test_all_that_was_done_to_them_leaves_no_queue_no_drift_and_no_error(stage: Stage, owners: dict[str, str]) -> None:
    for own in set(owners.values()):
        assert stage.is_at_rest(own)
        assert stage.drift(own) == []
        assert stage.intent.deployment(own)["generation"] == 1, "putting back is no change of intent"
        assert stage.intent.events(own, "ReconcileFailed", "ResourceConflict", "ReconcileQuarantined") == []


def test_a_value_that_excludes_ours_makes_way_for_it(stage: Stage) -> None:
    """`value` and `valueFrom` exclude each other: putting ours back beside theirs would be refused as invalid."""
    load_templates(stage.database.dsn, SHIPPED)
    arena = stage.deploy("arena", "paper", eula="TRUE")
    before = stage.get("StatefulSet", "arena")
    stage.kubectl("set", "env", "statefulset/arena", "RCON_PASSWORD=guessed")
    live = put_back(stage, arena, before)
    [variable] = live["spec"]["template"]["spec"]["containers"][0]["env"]
    source = {"secretKeyRef": {"name": "arena-rcon", "key": "password"}}
    assert variable == {"name": "RCON_PASSWORD", "valueFrom": source}
    assert stage.intent.events(arena, "ResourceModifiedExternally")[0]["actor"] == "kubectl-set"
    assert stage.intent.deployment(arena)["status_summary"] == "Healthy"
