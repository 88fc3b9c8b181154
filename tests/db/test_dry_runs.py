"""Dry runs as rows: asked by people, answered by a worker under a lease, and nothing left behind in any history."""

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage, denied, refused
from tests.db.test_adopt import GREETING, change, drifted
from tests.db.test_contested import put_back
from tests.db.test_plan import written
from tests.db.test_previews import traces
from tests.db.test_window_rules import shut
from tests.db.test_windows import make

OK = [{"kind": "ConfigMap", "name": "lobby-env", "verdict": "ok"}]
CONTAINER = "spec.template.spec.containers[name=web]"
NO = [{"kind": "Service", "name": "lobby", "verdict": "refused", "category": "quota", "message": "exceeded quota: q"}]


def ask(stage: Stage, own: Any, parameters: Row | None = None, session: Any = None) -> int:
    row = (
        (session or stage.operator)
        .execute("SELECT request_dry_run(%s, %s) AS id", (own, json.dumps(parameters or {})))
        .fetchone()
    )
    return row["id"]


def take(stage: Stage, lease_seconds: int = 60, worker: str = "w") -> Row | None:
    return stage.worker.execute("SELECT * FROM claim_dry_run('default', %s, %s)", (worker, lease_seconds)).fetchone()


def settle(stage: Stage, taken: Row, state: str = "done", answers: Any = OK, message: str = "") -> str:
    row = stage.worker.execute(
        "SELECT settle_dry_run(%s, %s, %s, %s, %s) AS verdict",
        (taken["dry_run_id"], taken["token"], state, json.dumps(answers), message),
    ).fetchone()
    assert row is not None
    return row["verdict"]


def dry_run(stage: Stage, which: int) -> Row:
    (row,) = stage.viewer.execute("SELECT * FROM dry_runs WHERE id = %s", (which,)).fetchall()
    return row


def test_a_question_carries_what_a_worker_would_apply(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    which = ask(stage, own, {"memory": "4Gi"})
    assert (dry_run(stage, which)["state"], dry_run(stage, which)["generation"]) == ("queued", 2)
    assert stage.worker.execute("SELECT has_dry_runs('default') AS found").fetchone() == {"found": True}
    taken = take(stage)
    assert taken is not None
    assert (taken["dry_run_id"], taken["deployment_id"], taken["name"], taken["generation"]) == (which, own, "lobby", 2)
    workload = next(m for m in taken["manifests"] if m["kind"] == "StatefulSet")
    assert workload["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "4Gi"
    assert {item["kind"] for item in taken["inventory"]} >= {"ConfigMap", "StatefulSet", "Service"}
    assert take(stage) is None, "it is taken"
    assert stage.worker.execute("SELECT has_dry_runs('default') AS found").fetchone() == {"found": False}
    assert settle(stage, taken) == "settled"
    found = dry_run(stage, which)
    assert (found["state"], found["refused"], found["answers"]) == ("done", False, OK)
    assert found["finished_at"] is not None
    assert take(stage) is None


@pytest.fixture
def held(stage: Stage) -> Any:
    """Of one deployment: a path that is ignored, one undecided, one that waits for its window, and a contested one."""
    make(stage, zone="UTC")
    shut(stage)
    own = stage.run_healthy("lobby")
    rules = [
        {"path": "spec.replicas", "policy": "Ignore"},
        {"path": f"{CONTAINER}.image", "policy": "Adopt"},
        {"kind": "Service", "policy": "Enforce", "window": "nights"},
    ]
    stage.change(own, drift_rules=rules)
    stage.run_all()
    fought = change(GREETING, "hello", "theirs", manager="helm")
    for _ in range(3):
        put_back(stage, own, fought)
    stage.observe(stage.later(own, "Deployment", "lobby", fields_hash="theirs"))
    theirs = (change("spec.replicas", 1, 3), change(f"{CONTAINER}.image", "nginx", "theirs/web:9"))
    drifted(stage, own, "Deployment", "lobby", *theirs, fought)
    drifted(stage, own, "Service", "lobby", change("spec.selector", {"a": "b"}, {"c": "d"}))
    return own


def left(taken: Row | None) -> dict[str, tuple[Any, ...]]:
    """What is left to others and what is put back, by object."""
    assert taken is not None
    told = ("withheld", "paths", "lost", "drifted", "let_be", "undecided")
    return {item["kind"]: tuple(item.get(key) for key in told) for item in taken["inventory"]}


def test_a_question_leaves_to_others_what_an_apply_does(stage: Stage, held: Any) -> None:
    ask(stage, held)
    asked = left(take(stage))
    assert asked["Deployment"][1] == ["spec.replicas", GREETING, f"{CONTAINER}.image"]
    assert asked["Service"][1] == ["spec.selector"]
    ask(stage, held, {"memory": "128Mi"})
    changed = left(take(stage))
    assert changed["Deployment"][1] == ["spec.replicas", f"{CONTAINER}.image"], "a newer generation waits for no fight"
    stage.root.execute("SELECT request_reconcile(ARRAY[%s]::uuid[], 'test', 'test')", (held,))
    claimed = stage.claim_one()
    assert asked == {kind: left(claimed)[kind] for kind in asked}
    stage.settle(claimed, resources=[])
    stage.change(held, parameters={"memory": "128Mi"})
    claimed = stage.claim_one()
    assert changed == {kind: left(claimed)[kind] for kind in changed}


def test_a_question_about_other_rules_goes_by_those(stage: Stage, held: Any) -> None:
    ignored = [{"kind": "Deployment", "path": f"{CONTAINER}.env[name=*]", "policy": "Ignore"}]
    stage.operator.execute("SELECT request_dry_run(%s, p_drift_rules => %s)", (held, json.dumps(ignored)))
    asked = left(take(stage))
    assert asked["Deployment"][1] == [f"{CONTAINER}.env[name=GREETING].name", GREETING]
    stage.change(held, drift_rules=ignored)
    claimed = stage.claim_one()
    assert asked == {kind: left(claimed)[kind] for kind in asked}


def test_a_question_about_what_is_not_made_yet_has_no_deployment(stage: Stage) -> None:
    row = stage.operator.execute("SELECT request_new_dry_run('hub', 'web', '{\"replicas\": 2}') AS id").fetchone()
    assert row is not None
    taken = take(stage)
    assert taken is not None
    assert (taken["name"], taken["inventory"]) == ("hub", [])
    assert dry_run(stage, row["id"])["deployment_id"] is None
    assert settle(stage, taken, answers=NO) == "settled"
    assert dry_run(stage, row["id"])["refused"] is True
    assert stage.rows("SELECT FROM deployments") == []


def test_asking_and_answering_leave_no_trace_of_the_deployment(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    before = written(traces(stage))
    ask(stage, own, {"memory": "4Gi"})
    taken = take(stage)
    assert taken is not None
    settle(stage, taken)
    assert written(traces(stage)) == before


def test_asking_wakes_the_workers_as_a_change_does(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    listener = stage.session()
    listener.execute("LISTEN orchestrator_c1")
    ask(stage, own)
    assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["orchestrator_c1"]


def test_the_answer_wakes_those_who_look_at_it(stage: Stage) -> None:
    ask(stage, stage.run_healthy("lobby"))
    taken = take(stage)
    assert taken is not None
    listener = stage.session()
    listener.execute("LISTEN orchestrator_events")
    settle(stage, taken)
    assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["orchestrator_events"]


def test_a_worker_that_dies_loses_nothing_and_is_not_heard_any_more(stage: Stage) -> None:
    which = ask(stage, stage.run_healthy("lobby"))
    lost = take(stage, worker="first")
    assert lost is not None
    stage.root.execute("UPDATE dry_runs SET leased_until = now() - interval '1 second'")
    again = take(stage, worker="second")
    assert again is not None
    assert (again["dry_run_id"], again["token"]) == (which, lost["token"] + 1)
    assert settle(stage, lost, answers=NO) == "lost"
    assert settle(stage, again) == "settled"
    assert (dry_run(stage, which)["worker"], dry_run(stage, which)["refused"]) == ("second", False)


def test_what_is_handed_back_is_taken_again(stage: Stage) -> None:
    which = ask(stage, stage.run_healthy("lobby"))
    taken = take(stage)
    assert taken is not None
    settle(stage, taken, "queued", [], "the API server is away")
    assert (dry_run(stage, which)["state"], dry_run(stage, which)["message"]) == ("queued", "the API server is away")
    assert take(stage) is not None


def test_a_cluster_that_is_away_is_said_and_waited_for_within_bounds(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    which = ask(stage, own)
    assert dry_run(stage, which)["message"] == "cluster default does not answer: connection refused"
    stage.root.execute("UPDATE dry_runs SET expires_at = now() - interval '1 second'")
    assert take(stage) is None, "too late"
    stage.worker.execute("SELECT end_dry_runs('default')")
    found = dry_run(stage, which)
    assert (found["state"], found["message"]) == (
        "failed",
        "nobody answered in time: cluster default does not answer: connection refused",
    )


def test_without_a_worker_the_end_says_so(stage: Stage) -> None:
    which = ask(stage, stage.run_healthy("lobby"))
    stage.root.execute("UPDATE dry_runs SET expires_at = now() - interval '1 second'")
    stage.worker.execute("SELECT end_dry_runs('default')")
    assert dry_run(stage, which)["message"] == "nobody answered in time: no worker runs for this cluster"


def test_a_running_one_is_not_ended_before_its_lease(stage: Stage) -> None:
    which = ask(stage, stage.run_healthy("lobby"))
    take(stage)
    stage.root.execute("UPDATE dry_runs SET expires_at = now() - interval '1 second'")
    stage.worker.execute("SELECT end_dry_runs('default')")
    assert dry_run(stage, which)["state"] == "running"


def test_old_ones_go(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    old = ask(stage, own)
    stage.root.execute("UPDATE dry_runs SET created_at = now() - interval '25 hours'")
    new = ask(stage, own)
    assert [row["id"] for row in stage.rows("SELECT id FROM dry_runs")] == [new]
    assert old != new


def test_too_many_at_once_are_refused(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    for _ in range(50):
        ask(stage, own)
    with refused("SO409", "cluster", hint="Wait for those"):
        ask(stage, own)


@pytest.mark.parametrize(
    ("call", "code", "path"),
    [
        ("SELECT request_dry_run(%s, '{\"replicas\": 99}')", "SO422", "parameters.replicas"),
        ("SELECT request_dry_run(%s, p_desired_state => 'Deleted')", "SO409", "desired_state"),
        ("SELECT request_dry_run(%s, p_template_version => 9)", "SO404", "template_id"),
        ("SELECT request_new_dry_run('Bad Name', 'web') -- %s", "SO422", "name"),
        ("SELECT request_new_dry_run('lobby', 'web') -- %s", "SO409", "name"),
        ("SELECT request_dry_run('00000000-0000-4000-8000-000000000009') -- %s", "SO404", "id"),
    ],
)
def test_what_would_be_refused_by_us_is_refused_at_once(stage: Stage, call: str, code: str, path: str) -> None:
    own = stage.run_healthy("lobby")
    with refused(code, path):
        stage.operator.execute(call.replace("%s", f"'{own}'"))
    assert stage.rows("SELECT FROM dry_runs") == []


def test_rows_are_written_by_doors_only(stage: Stage) -> None:
    for role in ("admin", "operator", "viewer"):
        with denied():
            getattr(stage, role).execute("UPDATE dry_runs SET state = 'done'")
    with denied():
        stage.viewer.execute("SELECT request_dry_run(gen_random_uuid())")
    with denied():
        stage.operator.execute("SELECT queue_dry_run('{}', NULL)")
