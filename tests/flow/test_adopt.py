"""Adopt: what somebody changed at the API server becomes what is wanted, and nothing restarts that did not have to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.templates import SHIPPED, load_templates
from tests.conftest import ControlPlane, Database
from tests.fighter import fighting, unsettled
from tests.flow.conftest import Stage, stage_on, stripped
from tests.intent import REPLICAS, config_map, service, workload

RESYNC_SECONDS = 5


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One whose watcher lists everything again every few seconds."""
    with stage_on(postgres, control_plane, tmp_path_factory.mktemp("stage")) as opened:
        opened.intent.rows("UPDATE orchestrator.clusters SET resync_seconds = %s RETURNING id", RESYNC_SECONDS)
        load_templates(opened.database.dsn, SHIPPED)
        opened.intent.put_template("site", [config_map(), service(), workload("Deployment", replicas=REPLICAS)])
        yield opened


def hold(stage: Stage, deployment: str) -> None:
    """Leave it alone, so that what others do stays."""
    held = len(stage.intent.events(deployment, "ReconcileHeld"))
    stage.intent.set(deployment, "Paused")
    stage.until(lambda: len(stage.intent.events(deployment, "ReconcileHeld")) > held, what="held")


def drifted(stage: Stage, deployment: str, *paths: str) -> dict[str, dict[str, Any]]:
    """Wait until exactly these paths differ; the rows by path."""

    def as_expected() -> dict[str, dict[str, Any]]:
        rows = {row["path"]: row for row in stage.drift(deployment)}
        assert rows.keys() == set(paths), rows
        return rows

    return stage.until(as_expected, 30, "drift recorded")


def adopt(stage: Stage, deployment: str, *paths: str) -> int:
    rows = stage.drift(deployment)
    row = stage.intent.operator.execute(
        "SELECT orchestrator.adopt(%s, %s, %s, %s) AS generation",
        (
            deployment,
            list(paths) or None,
            stage.intent.deployment(deployment)["generation"],
            [row["seen"] for row in rows],
        ),
    ).fetchone()
    assert row is not None
    return row["generation"]


def relisted(stage: Stage) -> None:
    """Wait until the watcher has listed everything anew, twice: the first may have begun before."""
    for _ in range(2):
        now = stage.intent.value("SELECT clock_timestamp()")
        kinds = "('StatefulSet', 'Deployment', 'ConfigMap', 'Service')"
        oldest = f"SELECT min(synced_at) FROM orchestrator.watch_streams WHERE kind IN {kinds}"
        stage.until(lambda query=oldest, now=now: stage.intent.value(query) > now, 60, "listed anew")


def owns(live: dict[str, Any], *steps: str) -> bool:
    """Whether our manager has this field."""
    [ours] = [
        entry["fieldsV1"]
        for entry in live["metadata"]["managedFields"]
        if (entry["manager"], entry["operation"], entry.get("subresource")) == ("server-orchestrator", "Apply", None)
    ]
    for step in steps:
        if step not in ours:
            return False
        ours = ours[step]
    return True


def pods(stage: Stage, name: str) -> dict[str, str]:
    """Its pods by name, with their uids."""
    found = stage.outsider.list("Pod", stage.namespace)
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in found
        if pod["metadata"]["labels"].get("app.kubernetes.io/instance") == name
        and "deletionTimestamp" not in pod["metadata"]
    }


def resumed(stage: Stage, deployment: str) -> None:
    stage.intent.set(deployment, "Active")
    stage.until(lambda: stage.is_at_rest(deployment), 60, "resumed and at rest")


IMAGE = "spec.template.spec.containers[name=minecraft].image"
LIMIT = "spec.template.spec.containers[name=minecraft].resources.limits.memory"
REQUEST = "spec.template.spec.containers[name=minecraft].resources.requests.memory"


def test_a_stateful_set_changed_by_kubectl_is_adopted_and_its_pod_goes_on(stage: Stage) -> None:
    arena = stage.deploy("arena", "paper", eula="TRUE")
    before = pods(stage, "arena")
    hold(stage, arena)
    stage.kubectl("set", "image", "statefulset/arena", "minecraft=itzg/minecraft-server:java25")
    stage.kubectl("set", "resources", "statefulset/arena", "--limits=memory=3Gi", "--requests=memory=3Gi")
    rows = drifted(stage, arena, IMAGE, LIMIT, REQUEST)
    assert {row["manager"] for row in rows.values()} == {"kubectl-set"}
    assert {path: row["adopts"] for path, row in rows.items()} == {
        IMAGE: {"image": {"from": "itzg/minecraft-server:java21", "to": "itzg/minecraft-server:java25"}},
        LIMIT: {"memory": {"from": "2Gi", "to": "3Gi"}},
        REQUEST: {"memory": {"from": "2Gi", "to": "3Gi"}},
    }
    theirs = stage.get("StatefulSet", "arena")
    generation = adopt(stage, arena)
    row = stage.intent.deployment(arena)
    assert row["parameters"] == {"eula": "TRUE", "image": "itzg/minecraft-server:java25", "memory": "3Gi"}
    [event] = [one for one in stage.intent.events(arena, "DeploymentChanged") if one["generation"] == generation]
    assert event["actor"].endswith("(adopt:kubectl-set)")
    assert stage.drift(arena) == []
    relisted(stage)
    assert stage.drift(arena) == [], "still nothing, though a look at the fields alone would find them lost"
    assert stage.intent.deployment(arena)["desired_state"] == "Paused"
    assert "changed by" not in stage.intent.message(arena)
    mark = stage.mark(arena)
    resumed(stage, arena)
    after = stage.get("StatefulSet", "arena")
    assert after["spec"]["template"] == theirs["spec"]["template"]
    assert after["status"]["updateRevision"] == theirs["status"]["updateRevision"]
    assert pods(stage, "arena") == before, "the change was not ours to carry out, and no pod had to go"
    container = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"minecraft"}')
    assert owns(after, *container, "f:image"), "ours again"
    relisted(stage)
    assert stage.since(arena, mark, "ResourceModifiedExternally", "ReconcileFailed", "PodRestarted") == []
    assert stage.drift(arena) == []
    # It is wanted now, so it is defended.
    stage.kubectl("set", "image", "statefulset/arena", "minecraft=itzg/minecraft-server:java21")
    stage.until(
        lambda: stage.get("StatefulSet", "arena")["spec"]["template"]["spec"] == after["spec"]["template"]["spec"]
    )


def edit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str, name: str, was: str, becomes: str
) -> None:
    """`kubectl edit` with an editor that does not ask."""
    editor = folder / "editor"
    editor.write_text(f"#!/bin/sh\nsed -i 's|{was}|{becomes}|' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    stage.kubectl("edit", kind, name)


def apply_as(stage: Stage, manager: str, manifest: dict[str, Any]) -> None:
    stage.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        f"--field-manager={manager}",
        "-f",
        "-",
        stdin=json.dumps(manifest),
    )


def rolled_out(stage: Stage, name: str, replicas: int) -> bool:
    """Whether every pod is of the newest template, and no other is left."""
    status = stage.get("Deployment", name)["status"]
    return (status.get("updatedReplicas"), status.get("availableReplicas"), len(pods(stage, name))) == (replicas,) * 3


GREETING = "spec.template.spec.containers[name=web].env[name=GREETING].value"


def test_a_deployment_changed_by_several_managers_is_adopted_without_another_rollout(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = stage.deploy("site", "site")
    hold(stage, site)
    edit(stage, monkeypatch, tmp_path, "deployment", "site", "value: hello", "value: edited")
    stage.kubectl("scale", "deployment", "site", "--replicas=2")
    patch = {"data": {"GREETING": "edited"}}
    stage.kubectl("patch", "configmap", "site-env", f"--patch={json.dumps(patch)}", "--field-manager=a-person")
    note = {"metadata": {"name": "site", "annotations": {"example.com/note": "theirs"}}}
    apply_as(stage, "helm", {"apiVersion": "v1", "kind": "Service", **note})
    noted = "metadata.annotations[example.com/note]"
    rows = drifted(stage, site, GREETING, "spec.replicas", "data.GREETING", noted)
    assert {path: row["manager"] for path, row in rows.items()} == {
        GREETING: "kubectl-edit",
        "spec.replicas": "kubectl",
        "data.GREETING": "a-person",
        noted: "helm",
    }
    assert all(row["adoptable"] and row["since"] for row in rows.values())
    stage.until(lambda: rolled_out(stage, "site", 2), 60, "rolled out")
    theirs, running = stage.get("Deployment", "site"), pods(stage, "site")
    adopt(stage, site)
    wanted = {"greeting": "edited", "replicas": 2, "note": "theirs"}
    assert stage.intent.deployment(site)["parameters"] == wanted
    actor = stage.intent.events(site, "DeploymentChanged")[-1]["actor"]
    assert actor.endswith("(adopt:a-person, adopt:helm, adopt:kubectl, adopt:kubectl-edit)")
    resumed(stage, site)
    after = stage.get("Deployment", "site")
    revision = "deployment.kubernetes.io/revision"
    assert after["metadata"]["annotations"][revision] == theirs["metadata"]["annotations"][revision]
    assert after["spec"]["template"] == theirs["spec"]["template"]
    assert pods(stage, "site") == running
    # The note was one parameter of three objects: those that nobody had touched follow.
    assert stage.get("ConfigMap", "site-env")["metadata"]["annotations"]["example.com/note"] == "theirs"


def test_what_no_parameter_fills_waits_and_is_put_back_in_the_end(stage: Stage) -> None:
    hub = stage.deploy("hub", "site")
    hold(stage, hub)
    stage.kubectl("scale", "deployment", "hub", "--replicas=3")
    stage.kubectl("patch", "service", "hub", '--patch={"spec":{"ports":[{"port":80,"targetPort":9090}]}}')
    rows = drifted(stage, hub, "spec.replicas", "spec.ports[port=80,protocol=TCP].targetPort")
    port = rows["spec.ports[port=80,protocol=TCP].targetPort"]
    assert (port["wanted"], port["live"], port["not_adoptable"]) == (8080, 9090, "no parameter fills this place")
    with pytest.raises(Exception, match="cannot be adopted: no parameter fills this place"):
        adopt(stage, hub)
    assert stage.intent.deployment(hub)["parameters"] == {}
    adopt(stage, hub, "spec.replicas")
    resumed(stage, hub)
    assert stage.get("Service", "hub")["spec"]["ports"][0]["targetPort"] == 8080
    assert stage.get("Deployment", "hub")["spec"]["replicas"] == 3


def test_what_a_client_side_apply_changed_is_adopted_and_is_no_drift_when_it_is_applied_again(stage: Stage) -> None:
    dock = stage.deploy("dock", "site")
    hold(stage, dock)
    manifest = json.loads(stripped(stage.get("Deployment", "dock")))
    # Our labels tell the generation: nobody keeps them in a file of his own.
    del manifest["metadata"]["labels"]
    manifest["spec"]["replicas"] = 2
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    rows = drifted(stage, dock, "spec.replicas")
    assert rows["spec.replicas"]["manager"] == "kubectl-client-side-apply"
    adopt(stage, dock)
    resumed(stage, dock)
    assert stage.intent.deployment(dock)["parameters"] == {"replicas": 2}
    assert owns(stage.get("Deployment", "dock"), "f:spec", "f:replicas"), "ours again"
    mark = stage.mark(dock)
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    relisted(stage)
    assert stage.drift(dock) == []
    assert stage.since(dock, mark, "ResourceModifiedExternally", "ResourceApplied") == []
    stage.intent.change(dock, replicas=1)
    stage.until(lambda: stage.is_at_rest(dock), 60, "at rest with another wish")
    assert stage.get("Deployment", "dock")["spec"]["replicas"] == 1
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    stage.until(lambda: stage.get("Deployment", "dock")["spec"]["replicas"] == 1 and stage.is_at_rest(dock), 60)
    assert stage.since(dock, mark, "ResourceModifiedExternally"), "put back, since it is wanted otherwise now"


def test_a_setting_in_a_config_map_is_adopted_and_takes_effect_with_a_restart_that_is_asked_for(stage: Stage) -> None:
    keep = stage.deploy("keep", "paper", eula="TRUE")
    before = pods(stage, "keep")
    hold(stage, keep)
    patch = {"data": {"MAX_PLAYERS": "40", "MOTD": "Welcome"}}
    stage.kubectl("patch", "configmap", "keep-env", f"--patch={json.dumps(patch)}")
    drifted(stage, keep, "data.MAX_PLAYERS", "data.MOTD")
    adopt(stage, keep)
    assert stage.intent.deployment(keep)["parameters"] == {"eula": "TRUE", "max_players": 40, "motd": "Welcome"}
    resumed(stage, keep)
    stage.until(lambda: stage.intent.deployment(keep)["restart_required"], what="a restart is waited for")
    assert pods(stage, "keep") == before
    assert stage.get("ConfigMap", "keep-env")["data"]["MAX_PLAYERS"] == "40"


def test_a_secret_value_is_told_as_changed_only(stage: Stage) -> None:
    safe = stage.deploy("safe", "paper", eula="TRUE")
    hold(stage, safe)
    stage.kubectl("patch", "secret", "safe-rcon", '--patch={"stringData":{"password":"opensesame"}}')
    row = drifted(stage, safe, "data.password")["data.password"]
    assert (row["wanted"], row["live"], row["adoptable"]) == ("(hidden)", "(hidden)", False)
    assert row["not_adoptable"] == "it is a secret, and those are never read"
    with pytest.raises(Exception, match="it is a secret"):
        adopt(stage, safe)
    kept = json.dumps(stage.drift(safe), default=str) + json.dumps(stage.intent.events(safe), default=str)
    assert "opensesame" not in kept


def test_what_waits_on_a_running_server_is_adopted_and_ours_again(stage: Stage) -> None:
    plaza = stage.deploy("plaza", "site")
    stage.intent.operator.execute("UPDATE orchestrator.deployments SET drift_policy = 'Adopt' WHERE id = %s", (plaza,))
    stage.until(lambda: stage.is_at_rest(plaza), what="at rest under its policy")
    stage.kubectl("scale", "deployment", "plaza", "--replicas=2")
    rows = drifted(stage, plaza, "spec.replicas")
    assert (rows["spec.replicas"]["outlook"], rows["spec.replicas"]["policy"]) == ("undecided", "Adopt")
    stage.until(lambda: rolled_out(stage, "plaza", 2), 60, "scaled")
    running = pods(stage, "plaza")
    adopt(stage, plaza)
    stage.until(lambda: stage.is_at_rest(plaza), 60, "at rest")
    assert stage.intent.deployment(plaza)["parameters"] == {"replicas": 2}
    after = stage.get("Deployment", "plaza")
    assert (after["spec"]["replicas"], owns(after, "f:spec", "f:replicas")) == (2, True)
    relisted(stage)
    assert stage.drift(plaza) == []
    assert pods(stage, "plaza") == running


def test_what_a_rule_adopts_by_itself_stays_without_anybody_asking(stage: Stage) -> None:
    depot = stage.deploy("depot", "site")
    rules = [{"kind": "Deployment", "path": "spec.replicas", "policy": "Adopt", "automatic": True}]
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (json.dumps(rules), depot)
    )
    stage.until(lambda: stage.is_at_rest(depot), what="at rest under its rule")
    stage.kubectl("scale", "deployment", "depot", "--replicas=2")
    stage.until(lambda: stage.intent.deployment(depot)["parameters"] == {"replicas": 2}, what="adopted")
    stage.until(lambda: stage.is_at_rest(depot), 60, "at rest")
    event = stage.intent.events(depot, "DeploymentChanged")[-1]
    assert (event["actor"], event["source"]) == ("adopt:kubectl", "system")
    assert stage.get("Deployment", "depot")["spec"]["replicas"] == 2
    # More than the template allows waits, with the reason.
    stage.kubectl("scale", "deployment", "depot", "--replicas=51")
    [refused] = stage.until(lambda: stage.intent.events(depot, "AdoptionRefused"), what="refused")
    assert refused["data_json"]["reason"].endswith("parameter replicas must be at most 50")
    relisted(stage)
    assert len(stage.intent.events(depot, "AdoptionRefused")) == 1
    assert stage.get("Deployment", "depot")["spec"]["replicas"] == 51
    stage.kubectl("scale", "deployment", "depot", "--replicas=1")
    stage.until(lambda: stage.intent.deployment(depot)["parameters"] == {"replicas": 1}, what="adopted")
    stage.until(lambda: stage.is_at_rest(depot), 60, "at rest")


def told_of_turns(stage: Stage, deployment: str) -> list[dict[str, Any]]:
    events = stage.intent.events(deployment, "AdoptionRefused")
    return [event for event in events if "was adopted by itself 3 times since" in event["data_json"]["reason"]]


def test_a_controller_that_keeps_changing_what_is_adopted_by_itself_is_soon_left_to_a_person(stage: Stage) -> None:
    mill = stage.deploy("mill", "site")
    rules = [{"kind": "Deployment", "path": "spec.replicas", "policy": "Adopt", "automatic": True}]
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (json.dumps(rules), mill)
    )
    stage.until(lambda: stage.is_at_rest(mill), what="at rest under its rule")
    scaler = unsettled(
        stage.outsider.called("scaler"),
        "Deployment",
        stage.namespace,
        "mill",
        lambda number: {"spec": {"replicas": number % 40 + 2}},
    )
    with fighting(scaler):
        [refused] = stage.until(lambda: told_of_turns(stage, mill), 60, "left to a person")
        generation, blows = stage.intent.deployment(mill)["generation"], scaler.blows
        stage.until(lambda: scaler.blows > blows + 100, 60, "it goes on")
        # Another goes all the way through both processes meanwhile.
        stage.deploy("meanwhile-mill", "small")
    assert stage.intent.deployment(mill)["generation"] == generation
    assert told_of_turns(stage, mill) == [refused], "told once"
    automatic = [event for event in stage.intent.events(mill, "DeploymentChanged") if event["source"] == "system"]
    assert len(automatic) == 3
    live = stage.get("Deployment", "mill")["spec"]["replicas"]
    stage.until(lambda: [row["live"] for row in stage.drift(mill)] == [live], what="its last word seen")
    adopt(stage, mill)
    stage.until(lambda: stage.is_at_rest(mill), 60, "at rest with what a person adopted")
    assert stage.get("Deployment", "mill")["spec"]["replicas"] == live
    assert stage.intent.deployment(mill)["parameters"] == {"replicas": live}
