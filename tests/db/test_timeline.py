"""The timeline: a deployment's history by runs, newest first, with the time that each step took."""

from typing import Any

from tests.db.stage import Row, Stage, manifests


def timeline(stage: Stage, own: Any, before: int | None = None, limit: int = 200) -> list[Row]:
    return stage.viewer.execute("SELECT * FROM timeline(%s, %s, %s)", (own, before, limit)).fetchall()


def types(run: Row) -> list[str]:
    return [step["type"] for step in run["steps"]]


def finish(stage: Stage, claimed: Row) -> None:
    """As a worker that applied every object and told so."""
    events = [
        {"type": "ResourceApplied", "data": {"kind": m["kind"], "name": m["metadata"]["name"], "milliseconds": 12}}
        for m in manifests(claimed)
    ]
    stage.converge(claimed, events=[*events, {"type": "ReconcileSucceeded", "data": {"milliseconds": 50}}])


def see_healthy(stage: Stage, own: Any, claimed: Row) -> None:
    stage.observe(*[stage.seen(own, m["kind"], m["metadata"]["name"]) for m in manifests(claimed)])


def test_a_creation_is_one_run_from_being_asked_for_to_healthy(stage: Stage) -> None:
    own = stage.deploy("lobby")
    (run,) = timeline(stage, own)
    assert (run["outcome"], run["settled_seconds"], run["healthy_seconds"]) == ("waiting", None, None)
    claimed = stage.claim_one()
    assert [r["outcome"] for r in timeline(stage, own)] == ["working"]
    finish(stage, claimed)
    see_healthy(stage, own, claimed)
    (run,) = timeline(stage, own)
    applied = ["ResourceApplied"] * len(manifests(claimed))
    head = ["DeploymentCreated", "DeploymentQueued", "ReconcileStarted"]
    assert types(run) == [*head, *applied, "ReconcileSucceeded", "StatusChanged"]
    assert (run["outcome"], run["generation"], run["run"]) == ("succeeded", 1, run["steps"][0]["id"])
    assert 0 < run["settled_seconds"] <= run["healthy_seconds"]
    assert run["steps"][0]["seconds"] is None
    assert all(step["seconds"] >= 0 for step in run["steps"][1:])
    told = sum(step["seconds"] for step in run["steps"][1:])
    assert abs(float(told) - float(run["healthy_seconds"])) < 0.02, "the steps add up to the whole"


def test_each_change_is_a_run_of_its_own_and_the_newest_comes_first(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, parameters={"replicas": 2})
    finish(stage, stage.claim_one())
    newest, oldest = timeline(stage, own)
    assert (newest["generation"], oldest["generation"]) == (2, 1)
    assert types(newest)[:4] == ["DeploymentChanged", "StatusChanged", "DeploymentQueued", "ReconcileStarted"]
    assert newest["steps"][0]["actor"] == "test_operator"
    assert types(oldest)[-1] == "StatusChanged", "that it became healthy belongs to the run that made it so"


def test_drift_sets_a_run_off_and_tells_who_changed_it(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.gone(own, "Service", "lobby"))
    finish(stage, stage.claim_one())
    newest, _ = timeline(stage, own)
    assert types(newest)[0] == "ResourceDeletedExternally"
    assert newest["outcome"] == "succeeded"


def test_a_change_during_work_belongs_to_the_next_run(stage: Stage) -> None:
    own = stage.deploy("lobby")
    claimed = stage.claim_one()
    stage.change(own, parameters={"replicas": 2})
    finish(stage, claimed)
    newest, oldest = timeline(stage, own)
    assert (newest["outcome"], types(newest)[0]) == ("waiting", "DeploymentChanged")
    assert (oldest["outcome"], oldest["generation"]) == ("succeeded", 1)
    assert "ResourceApplied" in types(oldest), "what the first run applied stays with it"


def test_failures_retries_and_abandoned_attempts_are_told_apart(stage: Stage) -> None:
    own = stage.deploy("lobby")
    claimed = stage.claim_one(lease_seconds=0)
    claimed = stage.claim_one()
    stage.settle(claimed, "failed", error="boom", events=[{"type": "ReconcileFailed", "data": {"error": "boom"}}])
    stage.operator.execute("SELECT reconcile_now(%s)", (own,))
    stage.claim_one()
    assert [run["outcome"] for run in timeline(stage, own)] == ["working", "failed", "unfinished"]


def test_an_outage_defers_a_run(stage: Stage) -> None:
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    own = stage.deploy("lobby")
    (run,) = timeline(stage, own)
    assert (run["outcome"], types(run)[-1]) == ("deferred", "ReconcileDeferred")


def test_a_long_history_is_read_in_pages(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    for replicas in range(2, 9):
        stage.change(own, parameters={"replicas": replicas})
        finish(stage, stage.claim_one())
    first = timeline(stage, own, limit=30)
    assert sum(len(run["steps"]) for run in first) == 30
    rest = timeline(stage, own, before=first[-1]["run"], limit=1000)
    ids = [step["id"] for run in first + rest for step in run["steps"]]
    assert (
        len(ids) == len(set(ids)) == stage.one("SELECT count(*) FROM deployment_events WHERE deployment_id = %s", own)
    )
    assert timeline(stage, own, before=rest[-1]["run"]) == []
