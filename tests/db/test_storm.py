"""Everything at once on the same few deployments: no deadlock, no overlap, nothing lost, nothing twice.

People change, workers claim, beat and settle (or vanish), watchers observe, promote and repair run in between. Each
actor ends after a fixed number of turns; afterwards the queue is drained and must be at rest.
"""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.db.stage import Row, Session, Stage, applied, lease, leases, manifests, next_version

DEPLOYMENTS = 16
TURNS = 60
LEASE_SECONDS = 5


class Storm:
    """The actors, what they must not do at once, and what went wrong."""

    def __init__(self, stage: Stage, ids: list[Any]) -> None:
        self.stage, self.ids = stage, ids
        self.errors: list[str] = []
        self.held: dict[str, float] = {}
        self.lock = threading.Lock()
        self.settled = 0

    def start(self, role: str, turn: Callable[[Session, random.Random], None], seed: int) -> threading.Thread:
        session, dice = self.stage.session(role), random.Random(seed)

        def run() -> None:
            try:
                for _ in range(TURNS):
                    turn(session, dice)
            except psycopg.Error as error:
                self.errors.append(f"{role}: {error.sqlstate} {error}")

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    # ------------------------------------------------------------ the actors

    def change_one(self, session: Session, dice: random.Random) -> None:
        session.execute(
            "UPDATE deployments SET parameters = %s WHERE id = %s",
            (json.dumps({"replicas": dice.randrange(9)}), dice.choice(self.ids)),
        )

    def change_some(self, session: Session, dice: random.Random) -> None:
        """Several statements in one transaction, in the order of the ids; sometimes undone."""
        with session.transaction(force_rollback=dice.random() < 0.3):
            for own in sorted(dice.sample(self.ids, 3)):
                session.execute("UPDATE deployments SET keep_data = NOT keep_data WHERE id = %s", (own,))

    def work(self, session: Session, dice: random.Random) -> None:
        started = time.monotonic()
        claimed = self.stage.claim(dice.choice([1, 4, 8]), LEASE_SECONDS, session)
        self.begin(claimed, started)
        if claimed:
            session.execute(
                "SELECT heartbeat(%s, %s)", (json.dumps([lease(c) for c in claimed]), LEASE_SECONDS)
            ).fetchall()
        kept = [c for c in claimed if dice.random() > 0.15]
        self.finish(claimed)
        for one in kept:
            match dice.choice(["succeeded", "succeeded", "failed", "deferred", "released"]):
                case "released":
                    session.execute("SELECT release(%s)", (leases(one),))
                case outcome:
                    resources = [applied(m, "default") for m in manifests(one)] if outcome == "succeeded" else []
                    self.stage.settle(one, outcome, worker=session, resources=resources, error="no", retry_seconds=0.01)
        gone = [
            c for c in claimed if c not in kept
        ]  # a worker that vanished: its leases run out, sooner here than in life
        for one in gone:
            with self.lock:
                self.stage.root.execute(
                    f"UPDATE pgmq.q_{one['queue']} SET vt = clock_timestamp() WHERE msg_id = %s AND read_ct = %s",
                    (one["msg_id"], one["token"]),
                )

    def begin(self, claimed: list[Row], started: float) -> None:
        with self.lock:
            for one in claimed:
                own = str(one["deployment_id"])
                if self.held.get(own, 0) > started:
                    self.errors.append(f"two workers at once on {own}")
                self.held[own] = started + LEASE_SECONDS

    def finish(self, claimed: list[Row]) -> None:
        with self.lock:
            for one in claimed:
                self.held.pop(str(one["deployment_id"]), None)

    def watch(self, session: Session, dice: random.Random) -> None:
        seen: list[Row] = []
        for own in dice.sample(self.ids, 6):
            name = f"web-{self.ids.index(own)}"
            how = dice.choice(
                [{}, {"fields_hash": dice.choice("abc")}, {"change": "gone"}, {"uid": "theirs", "ours": False}]
            )
            seen.append(
                {
                    **BASE,
                    "name": name,
                    "uid": f"uid-Service-{name}",
                    "deployment_id": str(own),
                    "resource_version": next_version(),
                    **how,
                }
            )
        with session.transaction():
            found = self.stage.observe(*seen, session=session)
            rows = [
                {
                    "deployment_id": str(v["deployment_id"]),
                    "kind": v["kind"],
                    "namespace": v["namespace"],
                    "name": v["name"],
                    "drift": [{"path": str(dice.randrange(3))}],
                }
                for v in found
                if v["verdict"] == "suspect"
            ]
            session.execute("SELECT record_drift('default', %s)", (json.dumps(rows),))

    def relist(self, session: Session, dice: random.Random) -> None:
        session.execute("SELECT record_relist('default', 'Service', 1, '[]')").fetchall()
        session.execute("SELECT record_stream('default', 'Service', 'synced', 0, NULL)")

    def keep_house(self, session: Session, dice: random.Random) -> None:
        session.execute("SELECT promote('default', 5)")
        session.execute("SELECT repair('default')")
        session.execute("SELECT mark_stale('default')")
        session.execute("SELECT report_cluster('default', %s, 'storm')", (dice.random() < 0.5,))


BASE = {
    "change": "seen", "api_version": "v1", "kind": "Service", "namespace": "default", "ours": True, "fields_hash": "h1", "deleting": False,
    "health": "Healthy",
}  # fmt: skip


def drain(stage: Stage) -> None:
    """Let everything run until nothing is asked for; bounded, so that a loop in the queue is found too."""
    stage.reachable()
    # Workers that vanish often enough quarantine what they held, as they should.
    stage.operator.execute("SELECT reconcile_now(deployment_id) FROM reconcile_slots WHERE quarantined_at IS NOT NULL")
    for _ in range(60):
        stage.root.execute("UPDATE reconcile_slots SET due_at = now() WHERE due_at IS NOT NULL")
        for queue in ("c1_now", "c1_bulk"):
            stage.root.execute(f"UPDATE pgmq.q_{queue} SET vt = clock_timestamp()")
        stage.worker.execute("SELECT promote('default')")
        claimed = stage.claim(50)
        for one in claimed:
            stage.converge(one, fields_hash="h1")
        if not claimed and not stage.messages():
            return
    raise AssertionError(f"the queue does not come to rest: {stage.messages()}")


def test_a_storm_on_the_same_deployments_has_no_deadlock_and_loses_nothing(stage: Stage) -> None:
    ids = [stage.deploy(f"web-{n}") for n in range(DEPLOYMENTS)]
    storm = Storm(stage, ids)
    actors: list[tuple[str, Any]] = [
        ("operator", storm.change_one), ("operator", storm.change_one), ("operator", storm.change_some), ("operator", storm.change_some),
        ("worker", storm.work), ("worker", storm.work), ("worker", storm.work), ("worker", storm.keep_house),
        ("watcher", storm.watch), ("watcher", storm.watch), ("watcher", storm.relist),
    ]  # fmt: skip
    threads = [storm.start(role, turn, seed) for seed, (role, turn) in enumerate(actors)]
    for thread in threads:
        thread.join(90)
    assert not any(thread.is_alive() for thread in threads), "an actor hangs"
    assert storm.errors == []
    assert stage.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
    doubled = stage.one(
        "SELECT count(*) - count(DISTINCT message ->> 'id') FROM (SELECT message FROM pgmq.q_c1_now UNION ALL SELECT message FROM pgmq.q_c1_bulk) m"
    )
    assert doubled == 0, "one live message a deployment"
    orphans = stage.one(
        "SELECT count(*) FROM reconcile_slots WHERE msg_id IS NULL AND due_at IS NULL AND requested > settled AND NOT last_error_permanent"
    )
    assert orphans == 0, "work without a message or a time"

    drain(stage)
    for row in stage.rows(
        "SELECT d.name, d.generation, d.last_applied_generation, s.* FROM deployments d JOIN reconcile_slots s ON s.deployment_id = d.id"
    ):
        assert row["last_applied_generation"] == row["generation"], row["name"]
        assert (row["msg_id"], row["due_at"], row["settled"]) == (None, None, row["requested"]), row["name"]
    generations = stage.rows(
        "SELECT deployment_id, max(generation) = count(*) AS whole FROM deployment_revisions GROUP BY 1"
    )
    assert all(row["whole"] for row in generations), "each generation has its revision"


def test_bulk_changes_and_settlements_do_not_deadlock(stage: Stage) -> None:
    """One statement over all rows, again and again, while workers settle them one by one."""
    stage.operator.execute(
        "INSERT INTO deployments (name, template_id) SELECT 'web-' || n, t.id FROM templates t, generate_series(0, 199) n WHERE t.name = 'web'"
    )
    ids = [row["id"] for row in stage.rows("SELECT id FROM deployments ORDER BY name")]
    storm = Storm(stage, ids)

    def change_all(session: Session, dice: random.Random) -> None:
        if dice.random() < 0.2:
            session.execute("UPDATE deployments SET keep_data = NOT keep_data")

    threads = [
        storm.start("operator", change_all, 1),
        *[storm.start("worker", storm.work, 2 + n) for n in range(3)],
        storm.start("watcher", storm.watch, 9),
    ]
    for thread in threads:
        thread.join(90)
    assert not any(thread.is_alive() for thread in threads), "an actor hangs"
    assert storm.errors == []
    drain(stage)
    late = stage.rows(
        "SELECT s.*, generation, last_applied_generation FROM deployments JOIN reconcile_slots s ON deployment_id = id WHERE last_applied_generation <> generation"
    )
    assert late == []
