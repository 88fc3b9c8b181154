"""(g) Claim and settle: at 100,000 deployments against 1,000, and against Procrastinate with a lock for each job.

All through pgbench, so that no Python of either side counts: what is compared is the work inside Postgres.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from tests.bench import population
from tests.bench.figures import Figure
from tests.bench.rig import OPERATOR, Database, durable_postgres, make_database

MANY, FEW = 100_000, 1_000
CLIENTS = (1, 4)
# Taken in each run, and waiting at its start: a few, and a tenth of all, as after one bulk change.
TAKEN = 800
SHALLOW, DEEP = 900, 10_000
SIZE_TARGET = 1.5
PROCRASTINATE_TARGET = 1.3

_CLAIM = """
SELECT deployment_id AS d, queue AS q, msg_id AS m, token AS t, seen AS s, generation AS g, name AS n
  FROM orchestrator.claim('default', 'bench', 1, 30) \\gset
"""
# One object applied, as after a change of memory: what the API server's answer leaves in the inventory, and two events.
_SETTLE = """
SELECT orchestrator.settle(jsonb_build_object(
    'deployment_id', :d::text, 'queue', :q::text, 'msg_id', :m::bigint, 'token', :t::int, 'seen', :s::bigint,
    'generation', :g::bigint, 'outcome', 'succeeded', 'permanent', false, 'pruned', '[]'::jsonb,
    'resources', jsonb_build_array(jsonb_build_object(
        'api_version', 'apps/v1', 'kind', 'StatefulSet', 'namespace', 'games', 'name', :n::text, 'uid', :d::text,
        'resource_version', 5, 'fields', '{fields}'::jsonb, 'fields_hash', 'hash', 'rendered_hash', :d::text)),
    'events', jsonb_build_array(
        jsonb_build_object('type', 'ResourceApplied', 'data', jsonb_build_object(
            'kind', 'StatefulSet', 'namespace', 'games', 'name', :n::text, 'uid', :d::text, 'reason', 'changed')),
        jsonb_build_object('type', 'ReconcileSucceeded', 'data', jsonb_build_object(
            'milliseconds', 12, 'applied', 1, 'pruned', 0)))));
"""
_FIELDS = """
SELECT jsonb_build_object('spec', m -> 'spec')::text
  FROM orchestrator.deployments d, jsonb_array_elements(d.desired_spec_json) m
 WHERE m ->> 'kind' = 'StatefulSet' LIMIT 1
"""
_PARK = """
UPDATE orchestrator.reconcile_slots SET due_at = now() + interval '1 day' * (0.5 + random())
 WHERE msg_id IS NULL AND due_at IS NULL
"""
# Spread over the table: neighbours would share pages.
_REQUEST = """
SELECT orchestrator.request_reconcile(ARRAY(
    SELECT lpad(to_hex(1 + (n * %(step)s) %% %(rows)s), 32, '0')::uuid FROM generate_series(1, %(waiting)s) n),
    'changed', 'bench')
"""
_DEFER = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args)
SELECT 'bench', 'reconcile', 'lock-' || n, jsonb_build_object('id', n) FROM generate_series(1, %(waiting)s) n
"""
# What an earlier run left waiting. Finished jobs stay, which is the default, so each run meets those before it.
_FINISH_ALL = "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status <> 'succeeded'"
# As Procrastinate's own worker asks (its sql/queries.sql).
_FETCH_AND_FINISH = """
SELECT id AS j, lock AS l, args AS a FROM procrastinate_fetch_job_v2(ARRAY['bench']::varchar[], NULL) \\gset
SELECT procrastinate_finish_job_v1(:j::bigint, 'succeeded', false);
"""


class Sides(msgspec.Struct, frozen=True):
    """The three databases of this comparison, on one server."""

    few: Database
    many: Database
    procrastinate: Database


def measure(folder: Path, runs: int, many: int = MANY) -> list[Figure]:
    """All of (g), on a server of its own."""
    with durable_postgres(folder) as (server, _):
        sides = Sides(
            populated(make_database(server, "few"), FEW),
            populated(make_database(server, "many"), many),
            with_procrastinate(make_database(server, "jobs")),
        )
        return [figure for clients in CLIENTS for figure in compared(sides, clients, runs, many)]


def populated(database: Database, rows: int) -> Database:
    """Settled deployments, each parked for a later look: the worst case for finding what is due now."""
    population.populate(database, rows)
    with database.connect() as session:
        session.execute(f"GRANT orchestrator_worker TO {OPERATOR}")
        session.execute(_PARK)
    return database


def with_procrastinate(database: Database) -> Database:
    """Procrastinate's own schema beside ours, and jobs that the first run will find finished."""
    schema = resources.files("procrastinate").joinpath("sql", "schema.sql").read_text()
    with database.connect() as session:
        session.execute(schema.encode())
        session.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {OPERATOR}")
        session.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {OPERATOR}")
        session.execute(_DEFER, {"waiting": DEEP})
    return database


def compared(sides: Sides, clients: int, runs: int, many: int) -> list[Figure]:
    """Both comparisons at so many clients, run by run."""
    deep = min(DEEP, many // 2)
    few, crowd, crowd_deep, jobs, jobs_deep = [], [], [], [], []
    for _ in range(runs):
        few.append(reconciled(sides.few, FEW, clients, SHALLOW))
        crowd.append(reconciled(sides.many, many, clients, SHALLOW))
        jobs.append(worked_off(sides.procrastinate, clients, SHALLOW))
        crowd_deep.append(reconciled(sides.many, many, clients, deep))
        jobs_deep.append(worked_off(sides.procrastinate, clients, deep))
    who = f"{clients} client{'s' if clients > 1 else ''}"
    what = f"claim + settle at {many:,} deployments"
    rival = "Procrastinate, a lock per job"
    return [
        Figure(
            group="g",
            name=f"{what}, {who}",
            unit="/s",
            ours=crowd,
            baseline=few,
            baseline_name=f"at {FEW:,}",
            inverse=True,
            bound="at most",
            target=SIZE_TARGET,
        ),
        Figure(
            group="g",
            name=f"{what}, {deep:,} of them waiting, {who}",
            unit="/s",
            ours=crowd_deep,
            baseline=jobs_deep,
            baseline_name=rival,
            bound="at least",
            target=PROCRASTINATE_TARGET,
            note="Procrastinate looks through all waiting jobs for one of the same lock, so it slows as they grow",
        ),
        Figure(
            group="g",
            name=f"{what}, {SHALLOW} of them waiting, {who}",
            unit="/s",
            ours=crowd,
            baseline=jobs,
            baseline_name=rival,
            note="for information: with few jobs waiting. Ours also writes inventory, status and three events",
        ),
    ]


def reconciled(database: Database, rows: int, clients: int, waiting: int) -> float:
    """Claims and settlements a second."""
    population.drain(database)
    with database.connect() as session:
        session.execute(_PARK)
        session.execute(_REQUEST, {"step": max(1, rows // waiting), "rows": rows, "waiting": waiting})
        fields = session.execute(_FIELDS).fetchone()
        session.execute("CHECKPOINT")
    settle = _SETTLE.replace("{fields}", str(fields[0]).replace("'", "''"))
    return database.pgbench(_CLAIM + settle, clients=clients, transactions=TAKEN // clients).per_second


def worked_off(database: Database, clients: int, waiting: int) -> float:
    """Procrastinate's jobs taken and finished a second; vacuumed before they are queued, as on our side."""
    with database.connect() as session:
        session.execute(_FINISH_ALL)
    population.tidy(database)
    with database.connect() as session:
        session.execute(_DEFER, {"waiting": waiting})
        session.execute("CHECKPOINT")
    return database.pgbench(_FETCH_AND_FINISH, clients=clients, transactions=TAKEN // clients).per_second
