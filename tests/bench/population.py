"""Fills a database with deployments that have long been applied, without running anything: one statement a table."""

from __future__ import annotations

import psycopg

from tests.bench.rig import OPERATOR, Database

# What every populated deployment asks for. The image has no tag: pgbench would take ":tag" for one of its variables.
PARAMETERS = '{"eula": "TRUE", "image": "itzg/minecraft-server", "memory": "2Gi", "motd": "Message 0"}'
_ID = "lpad(to_hex(n), 32, '0')::uuid"

_RENDER = """
CREATE TEMP TABLE rendered AS
SELECT t.id AS template_id, t.version, orchestrator.render_program(p, %(parameters)s, 'server-0', 'games',
           '00000000-0000-0000-0000-000000000000')::text AS spec
  FROM orchestrator.templates t
  JOIN orchestrator.template_programs p ON p.template_id = t.id AND p.template_version = t.version
 WHERE t.name = 'paper'
"""
_DEPLOYMENTS = f"""
INSERT INTO orchestrator.deployments
       (id, name, cluster_id, namespace, template_id, template_version, parameters, desired_spec_json, generation,
        last_applied_generation, status_summary, status_message)
SELECT {_ID}, 'server-' || n, c.id, 'games', r.template_id, r.version, %(parameters)s,
       replace(r.spec, 'server-0', 'server-' || n)::jsonb, 1, 1, 'Healthy', 'Everything asked for is running.'
  FROM generate_series(1, %(count)s) n, rendered r, orchestrator.clusters c WHERE c.name = 'default'
"""
_REVISIONS = """
INSERT INTO orchestrator.deployment_revisions
       (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, keep_data,
        actor)
SELECT d.id, 1, d.template_id, d.template_version, d.parameters, 'Active', 'Enforce', true, 'bench'
  FROM orchestrator.deployments d
"""
_EVENTS = """
INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
SELECT d.id, 1, 'user', 'DeploymentCreated', jsonb_build_object('name', d.name, 'parameters', d.parameters), 'bench'
  FROM orchestrator.deployments d
"""
_SLOTS = """
INSERT INTO orchestrator.reconcile_slots (deployment_id, cluster_id, requested, settled)
SELECT d.id, d.cluster_id, 1, 1 FROM orchestrator.deployments d
"""
_RESOURCES = """
INSERT INTO orchestrator.deployment_resources
       (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, fields_hash,
        applied_generation, applied_resource_version, applied_fields_hash, rendered_hash, health, last_seen_at, managed)
SELECT d.id, d.cluster_id, k.api_version, k.kind, d.namespace, d.name || k.suffix, gen_random_uuid()::text, 1, 'hash',
       1, 1, 'hash', 'hash', 'Healthy', now(), k.kind <> 'Pod'
  FROM orchestrator.deployments d,
       (VALUES ('v1', 'ConfigMap', '-root'), ('v1', 'ConfigMap', '-env'), ('v1', 'Secret', '-rcon'),
               ('v1', 'PersistentVolumeClaim', '-data'), ('v1', 'Service', ''), ('apps/v1', 'StatefulSet', ''),
               ('v1', 'Pod', '-0')) k (api_version, kind, suffix)
"""
_OBSERVED = "INSERT INTO orchestrator.deployment_observed (deployment_id) SELECT d.id FROM orchestrator.deployments d"
# What the planner and the benchmarks assume of a system that has been running for a while.
_CALM = """
UPDATE orchestrator.clusters SET unreachable_since = NULL, unreachable_reason = NULL
"""


def populate(database: Database, count: int) -> None:
    """`count` healthy deployments of the `paper` template, settled, numbered from 1 in their ids."""
    with psycopg.connect(database.dsn) as session:
        session.execute("SET session_replication_role = replica")
        session.execute(_RENDER, {"parameters": PARAMETERS})
        session.execute(_DEPLOYMENTS, {"parameters": PARAMETERS, "count": count})
        for statement in (_REVISIONS, _EVENTS, _SLOTS, _RESOURCES, _OBSERVED, _CALM):
            session.execute(statement)
    tidy(database)


def tidy(database: Database) -> None:
    """Vacuum and checkpoint, so that no run pays for the one before."""
    with database.connect() as session:
        session.execute("VACUUM ANALYZE")
        session.execute("CHECKPOINT")


def make_bare_copy(database: Database) -> None:
    """`bare`: the same rows, columns, constraints, storage and indexes as deployments, and no trigger."""
    with database.connect() as session:
        session.execute("CREATE TABLE public.bare (LIKE orchestrator.deployments INCLUDING ALL) WITH (fillfactor = 80)")
        session.execute("INSERT INTO public.bare SELECT * FROM orchestrator.deployments")
        session.execute(f"GRANT SELECT, UPDATE ON public.bare TO {OPERATOR}")
    tidy(database)


def drain(database: Database) -> None:
    """As if workers had settled all there was: the next change of each deployment sends a message again."""
    with database.connect() as session:
        session.execute("SELECT pgmq.purge_queue(queue_name) FROM pgmq.list_queues()")
        session.execute(
            "UPDATE orchestrator.reconcile_slots SET msg_id = NULL, queue = NULL, settled = requested"
            " WHERE msg_id IS NOT NULL"
        )
        session.execute(
            "UPDATE orchestrator.deployments SET last_applied_generation = generation, status_summary = 'Healthy',"
            " status_message = 'Everything asked for is running.' WHERE last_applied_generation < generation"
        )
    tidy(database)
