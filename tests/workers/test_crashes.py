"""Real worker processes, killed, stopped and drained in mid-work: nothing is lost, nothing done twice at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ControlPlane, Database
from tests.intent import Intent
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.rooms import Room
from tests.waiting import eventually

LEASE_SECONDS = 6
StartWorker = Callable[..., Room]


@pytest.fixture
async def start_worker(database: Database, control_plane: ControlPlane) -> AsyncIterator[StartWorker]:
    """Start workers that end with the test."""
    with ExitStack() as stack:

        def start(*arguments: str, kubeconfig: Path | None = None, **environment: str) -> Room:
            environment = {"ORCHESTRATOR_LEASE_SECONDS": str(LEASE_SECONDS), **environment}
            room = Room("worker", database, kubeconfig or control_plane.kubeconfig, *arguments, **environment)
            return stack.enter_context(room)

        yield start


def lease_ends(intent: Intent) -> None:
    """Time passes: whoever holds a lease holds it no longer."""
    for lane in ("now", "bulk"):
        queue = intent.value("SELECT orchestrator.queue_name(1, %s)", lane)
        intent.superuser.execute(f"UPDATE pgmq.q_{queue} SET vt = clock_timestamp()".encode())


async def applied(intent: Intent, *deployments: str, timeout_seconds: float = 30) -> None:
    await eventually(lambda: all(intent.is_applied(one) for one in deployments), timeout_seconds, intent.story)


def runs_overlap(events: list[dict[str, Any]]) -> bool:
    """Whether a run began before the one before it had ended, in the history of one deployment."""
    running = False
    for event in events:
        if event["type"] == "ReconcileStarted":
            if running:
                return True
            running = True
        elif event["type"] in ("ReconcileSucceeded", "ReconcileFailed", "ReconcileHeld"):
            running = False
    return False


@pytest.mark.parametrize("answered", [False, True], ids=["before the server acts", "before it is settled"])
@pytest.mark.parametrize("at", ["lobby-root", "lobby-env", "services/lobby"])
async def test_after_a_kill_in_the_middle_of_an_apply_another_worker_finishes(
    intent: Intent, start_worker: StartWorker, proxy: Proxy, outsider: Outsider, namespace: str, answered: bool, at: str
) -> None:
    held = proxy.hold("PATCH", at, answered=answered)
    lobby = intent.deploy("lobby")
    first = start_worker(kubeconfig=proxy.kubeconfig())
    await asyncio.wait_for(held.arrived.wait(), 30)
    first.kill()
    held.release()
    lease_ends(intent)
    start_worker()
    await applied(intent, lobby)
    assert intent.events(lobby, "ResourceConflict", "ReconcileFailed", "ResourceModifiedExternally") == []
    for kind, name in [("ConfigMap", "lobby-root"), ("ConfigMap", "lobby-env"), ("Service", "lobby")]:
        live = outsider.get(kind, namespace, name)
        assert intent.inventory(lobby)[f"{kind}/{name}"]["uid"] == live["metadata"]["uid"]
    assert [event["data_json"]["attempt"] for event in intent.events(lobby, "ReconcileStarted")] == [1, 2]


async def test_a_worker_stopped_past_its_lease_overwrites_nothing_and_works_on_afterwards(
    intent: Intent, start_worker: StartWorker, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    held = proxy.hold("PATCH", "lobby-root", answered=True)
    lobby = intent.deploy("lobby", greeting="first")
    frozen = start_worker(kubeconfig=proxy.kubeconfig())
    await asyncio.wait_for(held.arrived.wait(), 30)
    frozen.freeze()
    held.release()
    intent.change(lobby, greeting="second")
    other = start_worker()
    # Not until its lease has ended by itself.
    await eventually(lambda: intent.deployment(lobby)["last_applied_generation"] == 2, 40, intent.story)
    other.kill()
    before = outsider.list("ConfigMap", namespace) + outsider.list("Service", namespace)
    proxy.seen.clear()
    frozen.thaw()
    await asyncio.to_thread(frozen.says, "lease lost")
    assert proxy.writes() == []
    assert outsider.list("ConfigMap", namespace) + outsider.list("Service", namespace) == before
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "second"}
    assert len(intent.events(lobby, "ReconcileSucceeded")) == 1
    arena = intent.deploy("arena")
    await applied(intent, arena)


async def test_work_longer_than_its_lease_is_not_taken_by_another(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    held = proxy.hold("PATCH", "services/lobby", answered=True)
    lobby = intent.deploy("lobby")
    start_worker(kubeconfig=proxy.kubeconfig())
    await asyncio.wait_for(held.arrived.wait(), 30)
    start_worker()
    started = intent.events(lobby, "ReconcileStarted")[0]["created_at"]

    def outlived() -> bool:
        return intent.value("SELECT clock_timestamp() > %s + make_interval(secs => %s)", started, LEASE_SECONDS * 1.3)

    await eventually(outlived, 20, "the first lease to be over")
    held.release()
    await applied(intent, lobby)
    assert len(intent.events(lobby, "ReconcileStarted")) == 1


async def test_three_workers_share_the_load_and_never_work_on_one_deployment_at_once(
    intent: Intent, start_worker: StartWorker, outsider: Outsider, namespace: str
) -> None:
    deployments = [intent.deploy(f"s{number}") for number in range(24)]
    rooms = [
        start_worker(ORCHESTRATOR_WORKER=name, ORCHESTRATOR_DEPLOYMENTS_AT_ONCE="4") for name in ("one", "two", "three")
    ]
    for room in rooms:
        await asyncio.to_thread(room.says, "cluster reachable")
    for greeting in ("a", "b", "c", "d"):
        seen = intent.value("SELECT count(*) FROM orchestrator.deployment_events WHERE type = 'ReconcileSucceeded'")
        intent.operator.execute(
            "UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('greeting', %s::text)",
            (greeting,),
        )
        # The next change falls into the middle of this one.
        await eventually(
            lambda seen=seen: (
                intent.value("SELECT count(*) FROM orchestrator.deployment_events WHERE type = 'ReconcileSucceeded'")
                >= seen + 8
            ),
            30,
            intent.story,
        )
    await applied(intent, *deployments, timeout_seconds=60)
    workers: set[str] = set()
    for deployment in deployments:
        assert not runs_overlap(intent.events(deployment))
        workers |= {event["data_json"]["worker"] for event in intent.events(deployment, "ReconcileStarted")}
        assert intent.events(deployment, "ReconcileFailed", "ResourceConflict") == []
    assert workers == {"one", "two", "three"}
    greetings = {
        o["data"]["GREETING"] for o in outsider.list("ConfigMap", namespace) if o["metadata"]["name"][-4:] == "-env"
    }
    assert greetings == {"d"}


async def test_a_worker_asked_to_stop_finishes_what_it_holds(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    held = proxy.hold("PATCH", "services/lobby")
    lobby = intent.deploy("lobby")
    worker = start_worker(kubeconfig=proxy.kubeconfig())
    await asyncio.wait_for(held.arrived.wait(), 30)
    worker.signal(signal.SIGTERM)
    arena = intent.deploy("arena")
    held.release()
    assert await asyncio.to_thread(worker.wait) == 0
    assert intent.is_applied(lobby)
    assert intent.events(arena, "ReconcileStarted") == [], "it takes nothing new"


async def test_a_worker_that_cannot_finish_in_its_grace_hands_back_what_it_holds(
    intent: Intent, start_worker: StartWorker, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    held = proxy.hold("PATCH", "services/lobby")
    lobby = intent.deploy("lobby")
    worker = start_worker(
        kubeconfig=proxy.kubeconfig(), ORCHESTRATOR_GRACE_SECONDS="0.3", ORCHESTRATOR_LEASE_SECONDS="600"
    )
    await asyncio.wait_for(held.arrived.wait(), 30)
    worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    held.release()
    # At once, not after the ten minutes of the lease; and it does not count towards quarantine.
    start_worker()
    await applied(intent, lobby)
    assert outsider.get("Service", namespace, "lobby")
    assert [event["data_json"]["attempt"] for event in intent.events(lobby, "ReconcileStarted")] == [1, 1]


async def test_until_empty_does_what_is_due_and_ends(intent: Intent, start_worker: StartWorker) -> None:
    nothing = start_worker("--until-empty")
    assert await asyncio.to_thread(nothing.wait) == 0
    lobby, arena = intent.deploy("lobby"), intent.deploy("arena")
    absent = intent.deploy("absent", namespace="no-such-namespace")
    some = start_worker("--until-empty")
    assert await asyncio.to_thread(some.wait) == 0
    assert intent.is_applied(lobby)
    assert intent.is_applied(arena)
    assert intent.slot(absent)["due_at"] is not None, "what is due later is left for later"


async def test_until_empty_carries_out_what_had_become_due_and_was_not_queued_yet(
    intent: Intent, start_worker: StartWorker
) -> None:
    lobby, arena = intent.deploy("lobby"), intent.deploy("arena")
    assert await asyncio.to_thread(start_worker("--until-empty").wait) == 0
    # A retry whose time has come, and a restart: the queue itself is empty.
    intent.superuser.execute(
        "UPDATE orchestrator.reconcile_slots SET due_at = now() - interval '1 s' WHERE deployment_id = %s", (lobby,)
    )
    intent.rows(
        "SELECT orchestrator.plan_restart(%s, at => now() + interval '1 hour', only_if_required => false)", arena
    )
    intent.superuser.execute("UPDATE orchestrator.planned_restarts SET opens = now(), due = now() - interval '1 s'")
    assert intent.value("SELECT count(*) FROM orchestrator.reconcile_slots WHERE msg_id IS NOT NULL") == 0
    assert await asyncio.to_thread(start_worker("--until-empty").wait) == 0
    assert len(intent.events(lobby, "ReconcileSucceeded")) == 2, intent.story()
    assert intent.is_applied(lobby)
    assert intent.deployment(arena)["restarted_at"] is not None
    assert intent.is_applied(arena), intent.story()


async def test_until_empty_answers_the_dry_run_that_it_has_taken(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    lobby = intent.deploy("lobby")
    assert await asyncio.to_thread(start_worker("--until-empty").wait) == 0
    # A change, so that the API server is asked.
    asked = intent.operator.execute(
        """SELECT orchestrator.request_dry_run(%s, '{"greeting": "tried"}') AS id""", (lobby,)
    ).fetchone()
    assert asked is not None
    held = proxy.hold("dryRun=All")
    worker = start_worker("--until-empty", kubeconfig=proxy.kubeconfig())
    await asyncio.wait_for(held.arrived.wait(), 30)
    arrived, polled = intent.value("SELECT clock_timestamp()"), "SELECT clock_timestamp() - %s > interval '3 s'"
    await eventually(lambda: intent.value(polled, arrived), 30, "several polls")
    held.release()
    assert await asyncio.to_thread(worker.wait) == 0
    assert intent.value("SELECT state FROM orchestrator.dry_runs WHERE id = %s", asked["id"]) == "done", worker.tail


async def test_until_empty_ends_with_a_word_when_the_cluster_stays_away(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    lobby = intent.deploy("lobby")
    kubeconfig = proxy.kubeconfig()
    await proxy.close()
    worker = start_worker("--until-empty", kubeconfig=kubeconfig)
    assert await asyncio.to_thread(worker.wait) == 1
    assert "cluster default has not answered" in worker.output
    assert "Traceback" not in worker.output
    assert intent.slot(lobby)["msg_id"] is not None, "it waits for another"


async def test_a_deployment_that_kills_its_workers_is_put_away_and_others_are_not_harmed(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    held = proxy.hold("PATCH", "poison-root")
    poison = intent.deploy("poison")
    # Only lease_ends ends one, however slow the machine is.
    worker = start_worker(kubeconfig=proxy.kubeconfig(), ORCHESTRATOR_LEASE_SECONDS="600")
    sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ^@ 'worker'"
    )
    for attempt in range(1, 6):
        await eventually(
            lambda attempt=attempt: len(intent.events(poison, "ReconcileStarted")) == attempt, 30, intent.story
        )
        await eventually(lambda attempt=attempt: held.count == attempt, 30, intent.story)
        other = intent.deploy(f"other{attempt}")
        await applied(intent, other)
        worker.kill()
        await eventually(lambda: intent.value(sessions) == 0, 30, "what it was saying is said")
        lease_ends(intent)
        worker.restart()
    await eventually(lambda: intent.status(poison) == "Error", 30, intent.story)
    assert "quarantined" in intent.message(poison)
    assert len(intent.events(poison, "ReconcileQuarantined")) == 1
    assert len(intent.events(poison, "ReconcileStarted")) == 5
    after = intent.deploy("after")
    await applied(intent, after)
    held.release()
    intent.reconcile_now(poison)
    await applied(intent, poison)
    assert intent.status(poison) != "Error"


async def test_a_killed_listen_connection_is_made_anew_and_nothing_waits_for_it(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    start_worker(kubeconfig=proxy.kubeconfig())
    held = proxy.hold("PATCH", "first-env")
    first = intent.deploy("first")
    await asyncio.wait_for(held.arrived.wait(), 30)
    listeners = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'worker listen'"
    [before] = [row["pid"] for row in intent.rows(f"SELECT pid {listeners}")]
    intent.rows("SELECT pg_terminate_backend(%s)", before)
    second = intent.deploy("second")
    await applied(intent, second)
    await eventually(
        lambda: [row for row in intent.rows(f"SELECT pid {listeners}") if row["pid"] != before], 20, "a new listener"
    )
    held.release()
    await applied(intent, first)
    assert len(intent.events(first, "ReconcileStarted")) == 1, "what was in work went on"


async def test_a_nudge_that_never_comes_is_made_up_for_by_polling(
    intent: Intent, database: Database, start_worker: StartWorker
) -> None:
    import psycopg

    start_worker()
    await applied(intent, intent.deploy("first"))
    with psycopg.connect(database.dsn) as holder:
        # Whoever holds this lock in an open transaction is taken to be about to notify.
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('orchestrator.nudge'), 1)")
        second = intent.deploy("second")
        await applied(intent, second, timeout_seconds=10)


async def test_a_worker_uses_no_more_than_it_may_of_memory(intent: Intent, start_worker: StartWorker) -> None:
    import psutil

    worker = start_worker()
    await applied(intent, intent.deploy("lobby"))
    resident = psutil.Process(worker.process.pid).memory_info().rss
    assert resident < 90 * 1024 * 1024
    assert os.getpid() != worker.process.pid
