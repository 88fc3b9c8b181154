"""Who works for a cluster: workers and watchers as they tell of themselves, and what each worker is doing."""

from datetime import datetime
from typing import Any

from tests.db.stage import Stage


def report(stage: Stage, name: str, kind: str = "worker", age_seconds: float = 0, *, active: bool = True) -> None:
    session = stage.worker if kind == "worker" else stage.watcher
    session.execute("SELECT report_process('default', %s, %s, %s, %s)", (kind, name, age_seconds, active))


def workers(stage: Stage) -> dict[str, Any]:
    return {row["worker"]: row for row in stage.viewer.execute("SELECT * FROM workers").fetchall()}


def watchers(stage: Stage) -> dict[str, bool]:
    return {row["watcher"]: row["active"] for row in stage.viewer.execute("SELECT * FROM watchers").fetchall()}


def later(stage: Stage, seconds: int) -> None:
    """Time passes for all of them."""
    stage.root.execute("UPDATE processes SET last_seen_at = last_seen_at - make_interval(secs => %s)", (seconds,))


def test_a_worker_is_shown_since_when_it_runs_and_when_it_was_seen(stage: Stage) -> None:
    report(stage, "one", age_seconds=3600)
    row = workers(stage)["one"]
    assert row["cluster"] == "default"
    assert (row["last_seen_at"] - row["started_at"]).total_seconds() == 3600
    assert row["busy"] == []
    later(stage, 30)
    report(stage, "one", age_seconds=3630)
    again = workers(stage)["one"]
    assert again["last_seen_at"] > row["last_seen_at"]
    assert abs((again["started_at"] - row["started_at"]).total_seconds()) < 31


def test_one_that_is_silent_for_a_minute_is_gone_and_cleared_away_by_the_next(stage: Stage) -> None:
    report(stage, "dead")
    later(stage, 59)
    assert list(workers(stage)) == ["dead"]
    later(stage, 2)
    assert workers(stage) == {}
    report(stage, "alive")
    assert [row["name"] for row in stage.rows("SELECT name FROM processes")] == ["alive"]


def test_clearing_away_waits_for_nobody(stage: Stage) -> None:
    report(stage, "dead")
    later(stage, 61)
    with stage.session().transaction() as other:
        other.connection.execute("SELECT FROM processes FOR UPDATE")
        report(stage, "alive")
    assert list(workers(stage)) == ["alive"]


def test_one_that_stops_is_gone_at_once(stage: Stage) -> None:
    report(stage, "one")
    report(stage, "two")
    stage.worker.execute("SELECT end_process('default', 'worker', 'one')")
    assert list(workers(stage)) == ["two"]


def test_what_a_worker_has_under_a_lease_is_what_it_is_doing(stage: Stage) -> None:
    report(stage, "w")
    report(stage, "idle")
    own = stage.deploy("lobby")
    assert workers(stage)["w"]["busy"] == [], "queued is not in work"
    claimed = stage.claim_one()
    since = stage.last_event(own, "ReconcileStarted")["created_at"]
    [work] = workers(stage)["w"]["busy"]
    assert (work["id"], work["namespace"], work["name"]) == (str(own), "default", "lobby")
    assert datetime.fromisoformat(work["since"]) == since
    assert workers(stage)["idle"]["busy"] == []
    stage.converge(claimed)
    assert workers(stage)["w"]["busy"] == []


def test_a_lease_that_ran_out_is_nobodys_work_and_a_new_claim_is_the_new_workers(stage: Stage) -> None:
    report(stage, "w")
    report(stage, "other")
    stage.deploy("lobby")
    stage.claim_one(lease_seconds=0)
    assert workers(stage)["w"]["busy"] == []
    taken = stage.worker.execute("SELECT * FROM claim('default', 'other', 10, 30)").fetchall()
    assert len(taken) == 1
    assert workers(stage)["w"]["busy"] == []
    assert [work["name"] for work in workers(stage)["other"]["busy"]] == ["lobby"]


def test_work_in_either_lane_and_cluster_is_shown_with_its_own_worker(stage: Stage) -> None:
    stage.admin.execute("INSERT INTO clusters (name) VALUES ('attic')")
    report(stage, "w")
    stage.worker.execute("SELECT report_process('attic', 'worker', 'w', 0, true)")
    own = stage.deploy("lobby")
    stage.settle(stage.claim_one(), "failed", error="no")
    stage.root.execute("UPDATE reconcile_slots SET due_at = now()")
    stage.worker.execute("SELECT promote('default')")
    stage.deploy("attic-lobby", cluster="attic")
    assert stage.messages("c1_bulk", own)
    stage.claim_one()
    stage.worker.execute("SELECT * FROM claim('attic', 'w', 10, 30)")
    shown = {
        row["cluster"]: [work["name"] for work in row["busy"]]
        for row in stage.viewer.execute("SELECT * FROM workers").fetchall()
    }
    assert shown == {"default": ["lobby"], "attic": ["attic-lobby"]}


def test_one_watcher_is_active_and_it_says_that_the_one_before_is_no_more(stage: Stage) -> None:
    report(stage, "first", "watcher")
    report(stage, "second", "watcher", active=False)
    assert watchers(stage) == {"first": True, "second": False}
    report(stage, "second", "watcher")
    assert watchers(stage) == {"second": True}
    report(stage, "first", "watcher", active=False)
    assert watchers(stage) == {"first": False, "second": True}


def test_an_active_watcher_leaves_those_of_other_clusters_and_workers_alone(stage: Stage) -> None:
    stage.admin.execute("INSERT INTO clusters (name) VALUES ('attic')")
    stage.watcher.execute("SELECT report_process('attic', 'watcher', 'upstairs', 0, true)")
    report(stage, "w")
    report(stage, "first", "watcher")
    assert watchers(stage) == {"upstairs": True, "first": True}
    assert list(workers(stage)) == ["w"]


def test_who_sees_some_namespaces_sees_all_workers_and_only_that_work(stage: Stage) -> None:
    report(stage, "w")
    stage.deploy("lobby", namespace="games")
    stage.deploy("vault", namespace="secret")
    assert len(stage.claim()) == 2
    assert [work["name"] for work in workers(stage)["w"]["busy"]] == ["lobby", "vault"]
    stage.root.execute("SELECT create_user('test_viewer', 'viewer', '{games}')")
    assert [work["name"] for work in workers(stage)["w"]["busy"]] == ["lobby"]
    assert len(stage.viewer.execute("SELECT * FROM list_leases()").fetchall()) == 1
