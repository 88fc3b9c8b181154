"""The hot routines at 100,000 deployments of which all are parked: each finds its rows by an index, none reads a table whole.

The rows are counted by Postgres itself for the transaction that made the call, so what runs inside a routine counts too.
"""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Database
from tests.db.conftest import copied
from tests.db.stage import Row, Session, Stage, applied, lease, manifests, settlement

DEPLOYMENTS = 100_000
BUSY = 300
BIG = (
    "deployments",
    "reconcile_slots",
    "deployment_resources",
    "deployment_observed",
    "deployment_events",
    "deployment_revisions",
)

# With triggers off, and in the order of the ids, so that it takes seconds.
FILL = [
    "SET session_replication_role = replica",
    """INSERT INTO deployments (id, name, cluster_id, template_id, template_version, desired_spec_json, last_applied_generation, status_summary)
       SELECT md5(n::text)::uuid, 'd' || n, 1, t.id, 1, jsonb_build_array(
              jsonb_build_object('apiVersion', 'v1', 'kind', 'Service', 'metadata', jsonb_build_object('name', 'd' || n)),
              jsonb_build_object('apiVersion', 'apps/v1', 'kind', 'Deployment', 'metadata', jsonb_build_object('name', 'd' || n),
                                 'spec', jsonb_build_object('replicas', 1))), 1, 'Healthy'
         FROM generate_series(1, %(count)s) n, templates t WHERE t.name = 'web'""",
    """INSERT INTO reconcile_slots (deployment_id, cluster_id, requested, settled, due_at)
       SELECT id, 1, 1, 1, now() + interval '1 day' * random() + interval '1 hour' FROM deployments""",
    "INSERT INTO deployment_observed (deployment_id) SELECT id FROM deployments",
    """INSERT INTO deployment_revisions (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, keep_data, actor)
       SELECT id, 1, template_id, 1, '{}', 'Active', 'Enforce', true, 'x' FROM deployments""",
    """INSERT INTO deployment_events (deployment_id, generation, source, type, actor) SELECT id, 1, 'user', 'DeploymentCreated', 'x' FROM deployments""",
    """INSERT INTO deployment_resources (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, applied_resource_version,
              applied_fields_hash, fields_hash, rendered_hash, health, last_seen_at, managed)
       SELECT d.id, 1, 'v1', k, 'default', d.name || s, 'uid-' || k || '-' || d.name || s, 10, 10, 'h1', 'h1', 'r1', 'Healthy', now(), k <> 'Pod'
         FROM deployments d, (VALUES ('ConfigMap', '-root'), ('Service', ''), ('Deployment', ''), ('Pod', '-x')) v (k, s)""",
    "VACUUM ANALYZE",
]


@pytest.fixture(scope="module")
def crowd_database(shipped_postgres: Database) -> Iterator[Database]:
    yield from copied(shipped_postgres)


@pytest.fixture(scope="module")
def crowd(crowd_database: Database) -> Iterator[Stage]:
    """A stage with the crowd, and some of it to do: BUSY in the bulk lane."""
    stage = Stage(crowd_database)
    filler = stage.session()
    for statement in FILL:
        filler.execute(statement, {"count": DEPLOYMENTS} if "%(count)s" in statement else None)
    filler.close()
    stage.reachable()
    stage.watcher.execute("SELECT record_stream('default', 'ConfigMap', 'synced', 0, NULL)")
    stage.root.execute(
        "UPDATE deployments SET keep_data = false WHERE id IN (SELECT md5(n::text)::uuid FROM generate_series(1, %s) n)",
        (BUSY,),
    )
    yield stage
    stage.close()


def whole_reads(crowd: Stage, session: Session, call: str, *values: Any) -> tuple[list[Row], list[str]]:
    """Run a call in a transaction that is undone; answers its rows and the big tables it read whole."""
    with session.transaction(force_rollback=True):
        rows = session.execute(call, values).fetchall()
        counts = session.execute("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0").fetchall()
    return rows, [row["relname"] for row in counts if row["relname"] in BIG]


def parked(crowd: Stage) -> str:
    return str(crowd.one("SELECT md5('50000')::uuid"))


def observation(number: int, **changes: Any) -> Row:
    return {
        "change": "seen", "api_version": "v1", "kind": "Service", "namespace": "default", "name": f"d{number}", "uid": f"uid-Service-d{number}",
        "resource_version": 11, "ours": True, "fields_hash": "h1", "deleting": False, "health": "Healthy", **changes,
    }  # fmt: skip


def test_the_crowd_is_parked(crowd: Stage) -> None:
    assert crowd.one("SELECT count(*) FROM reconcile_slots WHERE due_at > now()") == DEPLOYMENTS - BUSY
    assert len(crowd.messages("c1_bulk")) == BUSY


CALLS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "claim": ("worker", "SELECT * FROM claim('default', 'w', 16, 30)", ()),
    "promote when nothing is due": ("worker", "SELECT promote('default')", ()),
    "report that the cluster answers": ("worker", "SELECT report_cluster('default', true, NULL)", ()),
    "mark what is stale, while the watcher lists": ("worker", "SELECT mark_stale('default')", ()),
    "who works": ("viewer", "SELECT * FROM workers", ()),
    "retention": ("admin", "SELECT drop_old_events('30 days')", ()),
    "deploy": ("operator", "SELECT deploy('new', 'web')", ()),
    "change": (
        "operator",
        "UPDATE deployments SET desired_state = 'Stopped' WHERE id = md5('50000')::uuid RETURNING id",
        (),
    ),
    "find by name": (
        "operator",
        "SELECT * FROM deployments WHERE cluster_id = 1 AND namespace = 'default' AND name = 'd5' AND finalised_at IS NULL",
        (),
    ),
    "reconcile_now": ("operator", "SELECT reconcile_now(md5('50000')::uuid)", ()),
    "events_after": ("viewer", "SELECT * FROM events_after('0', 0, 100)", ()),
    "events of one": ("viewer", "SELECT * FROM events_after(p_deployment_id => md5('50000')::uuid)", ()),
    "events since": ("viewer", "SELECT * FROM events_since(now() + interval '1 hour')", ()),
    "preview": ("operator", "SELECT preview('new', 'web')", ()),
    "preview a change": ("operator", "SELECT preview_change(md5('50000')::uuid, p_desired_state => 'Stopped')", ()),
    "timeline": ("viewer", "SELECT * FROM timeline(md5('50000')::uuid)", ()),
    "objects of one": ("viewer", "SELECT * FROM list_objects(md5('50000')::uuid)", ()),
    "drift of one": ("viewer", "SELECT * FROM drift WHERE deployment_id = md5('50000')::uuid", ()),
    "all drift": (
        "viewer",
        "SELECT * FROM drift ORDER BY cluster_id, deployment_id, kind, namespace, object, path LIMIT 100",
        (),
    ),
    "compare revisions": ("viewer", "SELECT * FROM diff(md5('50000')::uuid, 0, 1)", ()),
    "observe fifty": (
        "watcher",
        "SELECT * FROM record_observations('default', %s)",
        (json.dumps([observation(n) for n in range(500, 550)]),),
    ),
    "observe a deletion": (
        "watcher",
        "SELECT * FROM record_observations('default', %s)",
        (json.dumps([observation(600, change="gone")]),),
    ),
    "observe drift": (
        "watcher",
        "SELECT * FROM record_observations('default', %s)",
        (json.dumps([observation(601, fields_hash="x")]),),
    ),
    "observe a re-creation": (
        "watcher",
        "SELECT * FROM record_observations('default', %s)",
        (json.dumps([observation(602, uid="y", ours=False)]),),
    ),
    "record drift": (
        "watcher",
        "SELECT record_drift('default', %s)",
        (json.dumps([{"kind": "Service", "namespace": "default", "name": "d603", "drift": [{"path": "p"}]}]),),
    ),
    "catch up": (
        "watcher",
        "SELECT * FROM catch_up('default', %s, ARRAY[md5('605')::uuid])",
        (json.dumps([observation(n) for n in range(605, 655)]),),
    ),
    "record a warning": (
        "watcher",
        "SELECT record_kubernetes_events('default', %s)",
        (
            json.dumps(
                [
                    {
                        "type": "Warning",
                        "kind": "Pod",
                        "namespace": "default",
                        "name": "d604-x",
                        "reason": "r",
                        "message": "m",
                        "count": 1,
                        "last_at": "2026-01-01",
                    }
                ]
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reads_no_big_table_whole(crowd: Stage, name: str) -> None:
    """Six times on one session: from the sixth on Postgres may keep a plan that fits any value."""
    role, call, values = CALLS[name]
    session = getattr(crowd, role)
    for _ in range(6):
        _, whole = whole_reads(crowd, session, call, *values)
        assert whole == []


def test_the_history_of_one_is_found_without_that_of_the_others(crowd: Stage) -> None:
    fetched = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'deployment_events'"
    with crowd.session("viewer") as viewer, viewer.transaction():
        for _ in range(8):  # however often: also by a plan that is made for any deployment
            rows = viewer.execute("SELECT * FROM events_after(p_deployment_id => md5('50000')::uuid)").fetchall()
            assert len(rows) == 1
        read = viewer.execute(fetched).fetchone()
    assert read is not None
    assert read["idx_tup_fetch"] < 20


def test_claims_heartbeats_and_settlements_read_no_big_table_whole(crowd: Stage) -> None:
    claimed = crowd.claim(12)
    assert len(claimed) == 12
    held, whole = whole_reads(crowd, crowd.worker, "SELECT heartbeat(%s, 30)", json.dumps([lease(c) for c in claimed]))
    assert (len(held), whole) == (12, [])
    outcomes = ["succeeded", "failed", "deferred", "succeeded", "failed", "succeeded"]
    for number, outcome in enumerate(outcomes):
        one = claimed[number]
        resources = [applied(m, "default") for m in manifests(one)]
        more = {
            "resources": resources,
            "error": "no",
            "pruned": [{"kind": "Secret", "namespace": "default", "name": "x"}],
        }
        verdict, whole = whole_reads(
            crowd, crowd.worker, "SELECT settle(%s) AS verdict", settlement(one, outcome, **more)
        )
        assert (verdict, whole) == ([{"verdict": "settled"}], [])
    released, whole = whole_reads(
        crowd, crowd.worker, "SELECT release(%s) AS n", json.dumps([lease(c) for c in claimed])
    )
    assert (released, whole) == ([{"n": 12}], [])


def test_promotion_of_what_is_due_reads_the_index(crowd: Stage) -> None:
    crowd.root.execute(
        "UPDATE reconcile_slots SET due_at = now() - interval '1 second' WHERE deployment_id IN (SELECT md5(n::text)::uuid FROM generate_series(90001, 90100) n)"
    )
    for _ in range(6):
        _, whole = whole_reads(crowd, crowd.worker, "SELECT promote('default', 50)")
        assert whole == []
    crowd.root.execute("UPDATE reconcile_slots SET due_at = now() + interval '1 hour' WHERE due_at < now()")


def test_what_must_look_at_everything_takes_seconds_at_most(crowd: Stage) -> None:
    """Run now and then: repair, staleness, a full relist of one kind. The bound is wide; it catches what grows with the square."""
    present = crowd.rows("SELECT namespace, name, uid FROM deployment_resources WHERE kind = 'Pod'")
    calls: list[tuple[str, str, tuple[Any, ...]]] = [
        ("worker", "SELECT repair('default')", ()),
        ("root", "UPDATE watch_streams SET synced_at = now() - interval '1 hour'", ()),
        ("worker", "SELECT mark_stale('default')", ()),
        ("watcher", "SELECT * FROM record_relist('default', 'Pod', 1000, %s)", (json.dumps(present),)),
        ("worker", "SELECT report_cluster('default', false, 'gone')", ()),
        ("viewer", "SELECT * FROM waiting", ()),
    ]
    for role, call, values in calls:
        session = getattr(crowd, role)
        with session.transaction(force_rollback=True):
            started = time.monotonic()
            session.execute(call, values)
            assert time.monotonic() - started < 10, call
