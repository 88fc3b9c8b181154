-- orchestrator.claim_dry_run(cluster, worker, lease_seconds) -> setof (dry_run_id, token, …)
-- Takes the oldest dry run that is due under a lease by database time, with what a worker needs; none, or one. One whose worker died
-- is taken again when its lease ends; the token tells the two apart. What is left to others is what claim() would say of the
-- proposal once it is written: a newer generation waits for no fight over an older one (contested_until).
CREATE OR REPLACE FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer)
RETURNS TABLE (
    dry_run_id bigint, token integer, deployment_id uuid, name text, namespace text, generation bigint, desired_state text,
    template_version integer, manifests jsonb, inventory jsonb
)
LANGUAGE sql SECURITY DEFINER ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM orchestrator.dry_runs r JOIN orchestrator.clusters c ON c.id = r.cluster_id
         WHERE c.name = p_cluster AND r.finished_at IS NULL AND r.expires_at > now() AND (r.state = 'queued' OR r.leased_until < now())
         ORDER BY r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
    ), taken AS (
        UPDATE orchestrator.dry_runs r
           SET state = 'running', worker = p_worker, attempts = r.attempts + 1, leased_until = now() + make_interval(secs => p_lease_seconds)
          FROM due WHERE r.id = due.id
        RETURNING r.*
    )
    SELECT t.id, t.attempts, (t.proposal ->> 'id')::uuid, t.name, t.namespace, t.generation, t.proposal ->> 'desired_state',
           (t.proposal ->> 'template_version')::integer, t.proposal -> 'manifests',
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'api_version', r.api_version, 'kind', r.kind, 'namespace', r.namespace, 'name', r.name, 'uid', r.uid,
                         'resource_version', r.resource_version, 'rendered_hash', r.rendered_hash, 'applied_generation', r.applied_generation,
                         'managed', r.managed, 'missing', r.missing_since IS NOT NULL, 'yielded', r.withheld)
                         || orchestrator.withhold(t.deployment_id, t.name, t.proposal ->> 'desired_state', m.drift_rules_json, t.proposal -> 'drift_rules',
                                t.proposal ->> 'drift_policy', t.proposal -> 'manifests', r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once || f.fought))
                       FROM orchestrator.deployment_resources r
                       JOIN orchestrator.deployments d ON d.id = r.deployment_id
                      CROSS JOIN LATERAL (
                           SELECT array_agg(j.path) AS fought
                             FROM orchestrator.judge_drift(t.deployment_id, t.name, t.proposal ->> 'desired_state', m.drift_rules_json, t.proposal -> 'drift_rules',
                                      t.proposal ->> 'drift_policy', r.kind, r.name, coalesce(r.drift, '[]') || '[{"path": ""}]') j
                            WHERE j.held = 'contested' AND t.generation > d.generation) f
                      WHERE r.deployment_id = t.deployment_id AND r.kind <> 'Pod'), '[]')
      FROM taken t
      JOIN orchestrator.templates m ON m.id = (t.proposal ->> 'template_id')::bigint AND m.version = (t.proposal ->> 'template_version')::integer
$$;
COMMENT ON FUNCTION orchestrator.claim_dry_run IS 'Takes a dry run under a lease.';
GRANT EXECUTE ON FUNCTION orchestrator.claim_dry_run TO orchestrator_worker;
