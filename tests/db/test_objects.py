"""Objects of one deployment: what is wanted beside what runs; and drift with what will happen to it."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage


def objects(stage: Stage, own: Any) -> dict[str, Row]:
    rows = stage.viewer.execute("SELECT * FROM list_objects(%s)", (own,)).fetchall()
    return {f"{r['kind']}/{r['name']}": r for r in rows}


def drift(stage: Stage, own: Any) -> list[Row]:
    return stage.viewer.execute("SELECT * FROM drift WHERE deployment_id = %s", (own,)).fetchall()


def edited(stage: Stage, own: Any, kind: str = "Service", name: str = "lobby") -> None:
    """Somebody changes a field behind our back, and the watcher finds out."""
    stage.observe(stage.later(own, kind, name, fields_hash="theirs", ours=True))
    change = {
        "path": "spec.ports",
        "wanted": 80,
        "live": 81,
        "manager": "kubectl-edit",
        "since": "2026-01-02T03:04:05Z",
    }
    report = {"deployment_id": str(own), "kind": kind, "namespace": "default", "name": name, "drift": [change]}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([report]),))


def test_what_is_asked_for_is_listed_before_any_of_it_is_there(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    found = objects(stage, own)
    assert list(found) == [
        "ConfigMap/lobby-env",
        "Secret/lobby-rcon",
        "PersistentVolumeClaim/lobby-data",
        "Service/lobby",
        "StatefulSet/lobby",
    ]
    server = found["StatefulSet/lobby"]
    assert server["wanted"] == "The server itself: 1 replica of itzg/minecraft-server:java21, 2Gi of memory"
    assert (server["live"], server["health"], server["last_seen_at"], server["managed"]) == (None, None, None, False)


def test_wanted_and_live_stand_side_by_side(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(
        stage.later(own, "StatefulSet", "lobby", digest={"wantedReplicas": 1, "readyReplicas": 1, "createdAt": "2026-01-01T00:00:00Z"}),
        stage.later(own, "PersistentVolumeClaim", "lobby-data", digest={"phase": "Bound", "capacity": "10Gi"}),
        stage.later(own, "Service", "lobby", digest={"clusterIP": "10.0.0.7", "ports": [{"port": 25565, "nodePort": 30001}]}),
        stage.later(own, "Pod", "lobby-0", health="Degraded", reason="CrashLoopBackOff", message="It keeps crashing.",
                    digest={"phase": "Running", "node": "n1", "restarts": 4}),
    )  # fmt: skip
    found = objects(stage, own)
    assert {name: row["live"] for name, row in found.items()} == {
        "ConfigMap/lobby-env": "There",
        "Secret/lobby-rcon": "There",
        "PersistentVolumeClaim/lobby-data": "Bound, 10Gi",
        "Service/lobby": "10.0.0.7, 25565 on node port 30001",
        "StatefulSet/lobby": "1 of 1 ready",
        "ConfigMap/lobby-root": "There",
        "Pod/lobby-0": "Running, on n1, 4 restarts",
    }
    assert list(found)[-2:] == ["ConfigMap/lobby-root", "Pod/lobby-0"], "what nobody asked for comes last"
    pod = found["Pod/lobby-0"]
    assert (pod["wanted"], pod["reason"], pod["digest"]["restarts"]) == (None, "CrashLoopBackOff", 4)
    assert found["StatefulSet/lobby"]["created_at"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_a_stopped_server_wants_no_replica_and_a_deleted_one_nothing(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, desired_state="Stopped")
    assert objects(stage, own)["StatefulSet/lobby"]["wanted"].startswith("The server itself: 0 replicas of")
    stage.change(own, desired_state="Deleted")
    assert {row["wanted"] for row in objects(stage, own).values()} == {None}


def test_a_missing_object_is_wanted_and_not_live(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(stage.gone(own, "Service", "lobby"))
    row = objects(stage, own)["Service/lobby"]
    assert row["wanted"] == "Network address: 25565 TCP"
    assert (row["live"], row["differs"], row["missing_since"] is None) == (None, 1, False)


def test_drift_and_warnings_are_told_with_the_object_they_are_about(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    edited(stage, own)
    warning = {"type": "Warning", "kind": "Service", "namespace": "default", "name": "lobby", "reason": "SyncFailed", "message": "no", "count": 3,
               "last_at": "2026-01-02T03:04:05Z"}  # fmt: skip
    stage.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps([warning]),))
    row = objects(stage, own)["Service/lobby"]
    assert (row["differs"], row["manager"]) == (1, "kubectl-edit")
    assert (row["warning"]["reason"], row["warning"]["count"]) == ("SyncFailed", 3)


def test_drift_that_is_being_put_back_says_so(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    edited(stage, own)
    (found,) = drift(stage, own)
    assert (found["path"], found["wanted"], found["live"], found["manager"]) == ("spec.ports", 80, 81, "kubectl-edit")
    assert (found["policy"], found["outlook"], found["due_at"]) == ("Enforce", "now", None)


def test_drift_of_a_paused_deployment_is_held(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, desired_state="Paused")
    stage.settle(stage.claim_one(), "held")
    edited(stage, own)
    assert [row["outlook"] for row in drift(stage, own)] == ["held"]


def test_drift_waits_for_a_cluster_that_is_away(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    edited(stage, own)
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    assert [row["outlook"] for row in drift(stage, own)] == ["away"]


def test_drift_whose_repair_failed_is_tried_again_at_a_time_that_is_told(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    edited(stage, own)
    stage.settle(stage.claim_one(), "failed", error="timeout")
    (found,) = drift(stage, own)
    assert (found["outlook"], found["due_at"]) == ("retrying", stage.slot(own)["due_at"])
    stage.operator.execute("SELECT reconcile_now(%s)", (own,))
    assert [(row["outlook"], row["due_at"]) for row in drift(stage, own)] == [("now", None)]


def test_drift_that_cannot_be_put_back_is_stuck(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    edited(stage, own)
    stage.settle(stage.claim_one(), "failed", error="refused", permanent=True)
    assert [row["outlook"] for row in drift(stage, own)] == ["stuck"]


def test_missing_and_replaced_objects_are_drift_as_a_whole(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    names = {row["kind"]: row["name"] for row in objects(stage, own).values()}
    stage.observe(
        stage.gone(own, "Service", "lobby"),
        stage.later(own, "Deployment", names["Deployment"], uid="another", ours=False, fields_hash=None),
    )
    assert {(row["kind"], row["path"], row["live"]) for row in drift(stage, own)} == {
        ("Service", "", "missing"),
        ("Deployment", "", "replaced"),
    }


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_everybody_who_may_look_may_look_at_objects(stage: Stage, role: str) -> None:
    own = stage.deploy("lobby")
    assert getattr(stage, role).execute("SELECT count(*) AS n FROM list_objects(%s)", (own,)).fetchone()["n"] > 0


def other(api_version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "${name}"}, "spec": spec}


OURS = {"matchLabels": {"app": "${name}"}}
OTHERS = [
    other("batch/v1", "CronJob", schedule="0 4 * * *", timeZone="Europe/Berlin",
          jobTemplate={"spec": {"template": {"spec": {"containers": []}}}}),
    other("autoscaling/v2", "HorizontalPodAutoscaler", maxReplicas=5,
          scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "${name}"}),
    other("policy/v1", "PodDisruptionBudget", maxUnavailable="50%", selector=OURS),
    other("networking.k8s.io/v1", "NetworkPolicy", podSelector=OURS, policyTypes=["Ingress", "Egress"]),
]  # fmt: skip


def put_others(stage: Stage) -> None:
    stage.admin.execute("SELECT put_template('others', %s, '{}')", (json.dumps(OTHERS),))


def test_what_runs_by_the_clock_scales_and_protects_is_described_too(stage: Stage) -> None:
    put_others(stage)
    own = stage.run_healthy("lobby", "others")
    stage.observe(
        stage.later(own, "CronJob", "lobby", digest={"lastRun": "2026-11-02T04:00:00Z"}),
        stage.later(own, "HorizontalPodAutoscaler", "lobby", digest={"least": 1, "most": 5, "replicas": 3}),
        stage.later(own, "PodDisruptionBudget", "lobby", digest={"disruptionsAllowed": 2}),
    )
    found = objects(stage, own)
    assert {row["kind"]: (row["wanted"], row["live"]) for row in found.values()} == {
        "CronJob": ("Runs by the clock (0 4 * * * Europe/Berlin): no image", "last run 2026-11-02T04:00:00Z"),
        "HorizontalPodAutoscaler": ("Scaling: 1 to 5 replicas", "1 to 5 replicas, 3 now"),
        "PodDisruptionBudget": (
            "Protection while machines are serviced: at most 50% pods go at a time",
            "2 pods may go just now",
        ),
        "NetworkPolicy": ("Firewall: ingress and egress of its pods", "There"),
        "ConfigMap": (found["ConfigMap/lobby-root"]["wanted"], "There"),
    }


def test_a_stopped_deployment_starts_no_runs(stage: Stage) -> None:
    put_others(stage)
    own = stage.deploy("lobby", "others", desired_state="Stopped")
    wanted = {manifest["kind"]: manifest["spec"] for manifest in stage.claim_one()["manifests"]}
    assert wanted["CronJob"]["suspend"] is True
    stage.change(own, desired_state="Active")
    before = wanted["CronJob"]
    [after] = stage.one("SELECT desired_spec_json FROM deployments")[:1]
    assert {**after["spec"], "suspend": True} == before, "it is not in the spec, which says what the template does"
