"""A session that dies between or within the steps of a run: nothing is half-written and nothing is lost."""

import json
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.stage import Row, Session, Stage, applied, leases, manifests
from tests.waiting import eventually_blocking


def kill(stage: Stage, session: Session) -> None:
    """As if its process were gone: the server ends the session, and with it its transaction."""
    pid = session.info.backend_pid
    stage.root.execute("SELECT pg_terminate_backend(%s)", (pid,))
    eventually_blocking(
        lambda: not stage.rows("SELECT FROM pg_stat_activity WHERE pid = %s", pid), describe="the session gone"
    )


def everything(stage: Stage) -> dict[str, list[Row]]:
    tables = (
        "deployments",
        "deployment_resources",
        "deployment_events",
        "deployment_revisions",
        "reconcile_slots",
        "deployment_observed",
    )
    return {table: stage.rows(f"SELECT * FROM {table} t ORDER BY t::text") for table in tables} | {
        "messages": stage.messages()
    }


def killed_within(stage: Stage, session: Session, blocker: str, work: Callable[[], Any]) -> None:
    """Begin `work` on the session, hold it at a lock that `blocker` takes, and kill it there."""
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            work()
        except psycopg.Error as error:
            errors.append(error)

    holder = stage.session()
    with holder.transaction():
        holder.execute(blocker)
        thread = threading.Thread(target=attempt)
        thread.start()
        eventually_blocking(
            lambda: stage.rows(
                "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", session.info.backend_pid
            ),
            describe="the work held at the lock",
        )
        kill(stage, session)
        thread.join(20)
    assert len(errors) == 1


def test_a_worker_that_dies_between_claim_and_settle_leaves_its_lease_to_run_out(stage: Stage) -> None:
    stage.deploy("lobby")
    worker = stage.session("worker")
    (claimed,) = stage.claim(worker=worker)
    kill(stage, worker)
    assert stage.claim() == []
    stage.root.execute("UPDATE pgmq.q_c1_now SET vt = clock_timestamp()")
    again = stage.claim_one()
    assert again["token"] == claimed["token"] + 1
    stage.converge(again)
    assert stage.deployment("lobby")["last_applied_generation"] == 1
    assert stage.messages() == []


@pytest.mark.parametrize(
    "blocker",
    [
        "SELECT FROM deployments WHERE name = 'lobby' FOR UPDATE",
        "SELECT FROM reconcile_slots FOR UPDATE",
        "SELECT FROM pgmq.q_c1_now FOR UPDATE",
        "SELECT FROM deployment_resources WHERE kind = 'Deployment' FOR UPDATE",
        "LOCK TABLE deployment_events IN EXCLUSIVE MODE",
    ],
    ids=["deployment", "slot", "message", "inventory", "events"],
)
def test_a_session_that_dies_within_settle_has_settled_nothing(stage: Stage, blocker: str) -> None:
    """Held at each lock that settle takes, in its order."""
    own = stage.run_healthy("lobby")
    stage.change(own, parameters={"replicas": 2})
    worker = stage.session("worker")
    (claimed,) = stage.claim(worker=worker)
    before = everything(stage)
    resources = [applied(m, "default", fields_hash="h2") for m in manifests(claimed)]
    events = [{"type": "ReconcileSucceeded", "data": {}}]
    killed_within(
        stage, worker, blocker, lambda: stage.settle(claimed, worker=worker, resources=resources, events=events)
    )
    assert everything(stage) == before
    assert stage.settle(claimed, resources=resources, events=events) == "settled", "the lease is still good"
    assert stage.deployment("lobby")["last_applied_generation"] == 2


def test_a_session_that_dies_within_a_change_has_changed_nothing(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    before = everything(stage)
    operator = stage.session("operator")
    killed_within(
        stage,
        operator,
        "SELECT FROM reconcile_slots FOR UPDATE",
        lambda: operator.execute("UPDATE deployments SET keep_data = false WHERE id = %s", (own,)),
    )
    assert everything(stage) == before


def test_a_watcher_that_dies_before_it_judged_its_suspects_is_asked_again(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    before = everything(stage)
    watcher = stage.session("watcher")
    seen = stage.later(own, "Service", "lobby", fields_hash="x")
    watcher.execute("BEGIN")
    assert len(stage.observe(seen, session=watcher)) == 1
    kill(stage, watcher)
    assert everything(stage) == before
    assert len(stage.observe(seen)) == 1


def test_a_paused_worker_that_resumes_after_its_lease_learns_that_it_lost(stage: Stage) -> None:
    """Its session lives on; another worker has done the work meanwhile."""
    stage.deploy("lobby")
    sleeper = stage.session("worker")
    (claimed,) = stage.claim(worker=sleeper)
    stage.root.execute("UPDATE pgmq.q_c1_now SET vt = clock_timestamp()")
    stage.converge(stage.claim_one())
    before = everything(stage)
    assert sleeper.execute("SELECT heartbeat(%s, 30)", (leases(claimed),)).fetchall() == []
    assert sleeper.execute("SELECT release(%s) AS n", (leases(claimed),)).fetchone() == {"n": 0}
    assert (
        stage.settle(
            claimed, "failed", worker=sleeper, error="late", resources=[applied(manifests(claimed)[0], "default")]
        )
        == "lost"
    )
    assert everything(stage) == before


def test_a_settlement_that_waits_for_a_new_holder_finds_that_it_lost(stage: Stage) -> None:
    """The other's claim is not committed yet: the fence is read after it, not before."""
    stage.deploy("lobby")
    late = stage.session("worker")
    (claimed,) = stage.claim(worker=late)
    stage.root.execute("UPDATE pgmq.q_c1_now SET vt = clock_timestamp()")
    verdicts: list[str] = []
    other = stage.session("worker")
    other.execute("BEGIN")
    assert len(stage.claim(worker=other)) == 1
    thread = threading.Thread(target=lambda: verdicts.append(stage.settle(claimed, worker=late)))
    thread.start()
    eventually_blocking(
        lambda: stage.rows(
            "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", late.info.backend_pid
        ),
        describe="the settlement waiting for the claim",
    )
    other.execute("COMMIT")
    thread.join(20)
    assert verdicts == ["lost"]
    assert json.dumps(stage.events(stage.deployment("lobby")["id"])).count("ReconcileSucceeded") == 0
