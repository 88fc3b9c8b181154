"""The status of a deployment: every answer of judge_status, and that a change of it is told once."""

import json
from typing import Any

import pytest

from tests.db.stage import Stage


def make(stage: Stage, how: str) -> Any:  # noqa: C901, PLR0912, PLR0915 - a table of situations
    """Bring a deployment called lobby to a state; answers its id."""
    own = stage.run_healthy("lobby", "paper") if how != "new" else stage.deploy("lobby", "paper")
    match how:
        case "changed":
            stage.change(own, parameters={"motd": "x"})
        case "failing":
            stage.operator.execute("SELECT reconcile_now(%s)", (own,))
            stage.settle(stage.claim_one(), "failed", error="quota exceeded")
        case "refused":
            stage.operator.execute("SELECT reconcile_now(%s)", (own,))
            stage.settle(stage.claim_one(), "failed", error="spec.x is unknown", permanent=True)
        case "quarantined":
            stage.operator.execute("SELECT reconcile_now(%s)", (own,))
            for _ in range(6):
                stage.claim()
                stage.root.execute("UPDATE pgmq.q_c1_now SET vt = clock_timestamp() - interval '1 second'")
        case "unreachable":
            stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
            stage.change(own, parameters={"motd": "x"})
            stage.settle(stage.claim_one(), "deferred", retry_seconds=5)
        case "paused" | "stopped":
            stage.change(own, desired_state=how.capitalize())
            stage.settle(stage.claim_one(), "held" if how == "paused" else "succeeded")
        case "stopping":
            stage.observe(stage.later(own, "Pod", "lobby-0", uid="p"))
            stage.change(own, desired_state="Stopped")
            stage.settle(stage.claim_one())
        case "deleting":
            stage.change(own, desired_state="Deleted")
            stage.settle(stage.claim_one(), "held", look_again_seconds=5)
        case "stuck deleting":
            stage.change(own, desired_state="Deleted")
            stage.settle(stage.claim_one(), "failed", error="a finaliser holds it")
        case "deleted":
            stage.change(own, desired_state="Deleted")
            stage.settle(stage.claim_one(), "finalised")
        case "deleted with data":
            stage.change(own, desired_state="Deleted", keep_data=False)
            stage.settle(
                stage.claim_one(),
                "finalised",
                pruned=[{"kind": "PersistentVolumeClaim", "namespace": "default", "name": "lobby-data"}],
            )
        case "missing":
            stage.observe(stage.gone(own, "Service", "lobby"))
        case "drifted":
            seen = stage.later(own, "Service", "lobby", fields_hash="x")
            stage.observe(seen)
            report = [
                {
                    "deployment_id": str(own),
                    "kind": "Service",
                    "namespace": "default",
                    "name": "lobby",
                    "drift": [{"path": "p", "manager": "kubectl"}],
                }
            ]
            stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps(report),))
            stage.catch_up(seen)
        case "crashing":
            stage.observe(stage.later(own, "StatefulSet", "lobby", health="Degraded", message="0 of 1 ready"))
            stage.observe(
                stage.later(
                    own,
                    "Pod",
                    "lobby-0",
                    uid="p",
                    health="Degraded",
                    reason="CrashLoopBackOff",
                    message="it crashed 5 times",
                )
            )
        case "starting":
            stage.observe(stage.later(own, "StatefulSet", "lobby", health="Progressing", message="0 of 1 ready"))
        case "unexplained":
            stage.observe(stage.later(own, "StatefulSet", "lobby", health="Progressing", reason="Waiting"))
    return own


@pytest.mark.parametrize(
    ("how", "summary", "message"),
    [
        ("new", "Progressing", "Generation 1 waits for a worker."),
        ("healthy", "Healthy", "Everything asked for is running."),
        ("changed", "Progressing", "Generation 2 waits for a worker."),
        ("failing", "Degraded", "Retrying after a failure: quota exceeded"),
        ("refused", "Error", "spec.x is unknown"),
        ("quarantined", "Error", "quarantined: taken five times without an answer; reconcile_now tries once more"),
        ("unreachable", "Progressing", "Generation 2 waits: the cluster is not reachable (connection refused)."),
        ("paused", "Paused", "Held by request: nothing is changed at the cluster."),
        ("stopped", "Stopped", "Stopped by request; its data is kept."),
        ("stopping", "Progressing", "Stopping: its pods are still there."),
        ("deleting", "Deleting", "6 objects and 0 pods are still there."),
        ("stuck deleting", "Deleting", "Retrying: a finaliser holds it"),
        ("deleted", "Deleted", "Deleted; its data is kept and comes back with desired_state Active."),
        ("deleted with data", "Deleted", "Deleted."),
        ("missing", "Progressing", "Service lobby was deleted from outside and is being put back."),
        ("drifted", "Progressing", "Service lobby was changed by kubectl and is being put back."),
        ("crashing", "Degraded", "Pod lobby-0: it crashed 5 times"),
        ("starting", "Progressing", "StatefulSet lobby: 0 of 1 ready"),
        ("unexplained", "Progressing", "StatefulSet lobby: Waiting"),
    ],
)
def test_the_status_says_how_it_is_and_why(stage: Stage, how: str, summary: str, message: str) -> None:
    own = make(stage, how)
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["status_message"]) == (summary, message)
    told = [
        (e["data_json"]["from"], e["data_json"]["to"])
        for e in stage.rows(
            "SELECT * FROM deployment_events WHERE deployment_id = %s AND type = 'StatusChanged' ORDER BY id", own
        )
    ]
    assert all(before != after for before, after in told)
    assert [a for _, a in told[:-1]] == [b for b, _ in told[1:]], "each begins where the last ended"
    assert not told or told[-1][1] == summary


def test_every_status_of_the_column_is_reached_here() -> None:
    (marked,) = [mark for mark in test_the_status_says_how_it_is_and_why.pytestmark if mark.name == "parametrize"]
    assert {case[1] for case in marked.args[1]} == {
        "Healthy",
        "Progressing",
        "Degraded",
        "Error",
        "Stopped",
        "Paused",
        "Deleting",
        "Deleted",
    }


def test_a_change_of_words_alone_is_no_event(stage: Stage) -> None:
    own = make(stage, "starting")
    events = stage.events(own)
    stage.observe(stage.later(own, "StatefulSet", "lobby", health="Progressing", message="1 of 2 ready"))
    assert stage.deployment("lobby")["status_message"] == "StatefulSet lobby: 1 of 2 ready"
    assert stage.events(own) == events


# ---------------------------------------------------------------- stale


def not_seen_for(stage: Stage, seconds: int) -> None:
    stage.root.execute("UPDATE deployment_resources SET last_seen_at = now() - make_interval(secs => %s)", (seconds,))


def marked(stage: Stage) -> int:
    row = stage.worker.execute("SELECT mark_stale('default') AS n").fetchone()
    assert row is not None
    return row["n"]


def test_a_deployment_not_seen_for_two_resyncs_is_stale_and_says_since_when(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    not_seen_for(stage, 119)
    assert marked(stage) == 0
    not_seen_for(stage, 121)
    assert marked(stage) == 1
    assert marked(stage) == 0
    row = stage.deployment("lobby")
    assert row["status_summary"] == "Healthy", "what is known stays"
    assert row["status_message"].startswith("Not seen since 20")
    assert row["status_message"].endswith("UTC; what follows may be out of date. Everything asked for is running.")
    assert row["stale_since"] == stage.one("SELECT max(last_seen_at) FROM deployment_resources")
    assert stage.events(own, "DeploymentStale") == ["DeploymentStale"]


def test_a_stale_deployment_that_is_seen_again_says_so(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    not_seen_for(stage, 300)
    marked(stage)
    stage.observe(stage.seen(own, "Service", "lobby"))
    stage.watcher.execute("SELECT record_relist('default', 'Service', 1, '[]')")
    assert marked(stage) == 1
    row = stage.deployment("lobby")
    assert (row["stale_since"], row["status_message"]) == (None, "Everything asked for is running.")
    assert stage.events(own, "DeploymentStale", "DeploymentSeenAgain") == ["DeploymentStale", "DeploymentSeenAgain"]


def test_nothing_is_stale_while_the_watcher_lists_the_roots_of_all(stage: Stage) -> None:
    """It has seen them then, and writes so more rarely than it looks."""
    stage.run_healthy("lobby")
    not_seen_for(stage, 121)
    stage.watcher.execute("SELECT record_relist('default', 'ConfigMap', 1, '[]')")
    assert marked(stage) == 0
    stage.root.execute("UPDATE watch_streams SET synced_at = now() - interval '121 seconds'")
    stage.watcher.execute("SELECT record_relist('default', 'Pod', 1, '[]')")
    assert marked(stage) == 1
    stage.watcher.execute("SELECT record_relist('default', 'ConfigMap', 1, '[]')")
    assert marked(stage) == 0, "listed, and this one was not among them"
    not_seen_for(stage, 0)
    assert marked(stage) == 1


def test_one_worker_at_a_time_looks_for_what_is_stale(stage: Stage) -> None:
    stage.run_healthy("lobby")
    other = stage.session("worker")
    with other.transaction(force_rollback=True):
        assert other.execute("SELECT mark_stale('default') AS n").fetchone() == {"n": 0}
        not_seen_for(stage, 121)
        assert marked(stage) == 0
    assert marked(stage) == 1


def test_what_was_never_seen_or_is_gone_is_not_stale(stage: Stage) -> None:
    make(stage, "deleted")
    stage.deploy("new")
    not_seen_for(stage, 9999)
    assert marked(stage) == 0


def test_the_resync_of_the_cluster_decides(stage: Stage) -> None:
    stage.run_healthy("lobby")
    stage.admin.execute("UPDATE clusters SET resync_seconds = 600")
    not_seen_for(stage, 1000)
    assert marked(stage) == 0
    not_seen_for(stage, 1300)
    assert marked(stage) == 1


def test_a_stale_deployment_that_loses_its_last_object_is_not_stale_for_ever(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "web")
    not_seen_for(stage, 300)
    marked(stage)
    stage.change(own, desired_state="Deleted")
    stage.settle(stage.claim_one(), "finalised")
    row = stage.deployment("lobby")
    assert (row["stale_since"], row["status_message"]) == (None, "Deleted.")


def test_the_view_of_what_waits_counts_each(stage: Stage) -> None:
    stage.run_healthy("idle")
    for name in ("queued", "later"):
        stage.deploy(name)
    for claimed in stage.claim():
        stage.settle(claimed, "failed" if claimed["name"] == "later" else "succeeded", error="no")
    stage.operator.execute("SELECT reconcile_now(id) FROM deployments WHERE name = 'queued'")
    (row,) = stage.viewer.execute("SELECT * FROM waiting").fetchall()
    assert row == {"cluster": "default", "queued": 1, "waiting": 1, "quarantined": 0, "failing": 1}


def test_a_workload_that_calls_itself_ready_is_not_believed_while_it_has_no_pod(stage: Stage) -> None:
    """Its pod is gone; that it has noticed comes with the next news of it."""
    own = stage.run_healthy("lobby", "paper")
    stage.observe(stage.later(own, "StatefulSet", "lobby", reason="Ready"), stage.later(own, "Pod", "lobby-0", uid="p"))
    assert stage.deployment("lobby")["status_summary"] == "Healthy"
    stage.observe(stage.gone(own, "Pod", "lobby-0"))
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["status_message"]) == (
        "Progressing",
        "StatefulSet lobby: its pods are not there yet",
    )
    stage.observe(stage.later(own, "Pod", "lobby-0", uid="q"))
    assert stage.deployment("lobby")["status_summary"] == "Healthy"
