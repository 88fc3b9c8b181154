-- orchestrator.withhold_found(deployment_id, kind, namespace, name, drift) -> jsonb
-- The same for a worker that found others' changes (drift) on an object before any watcher told of them.
CREATE OR REPLACE FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT orchestrator.withhold(d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy,
                                 orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
                                 r.kind, r.name, orchestrator.lost_before(p_drift, r.drift), r.applied_generation, r.enforce_once)
      FROM orchestrator.deployments d
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
      JOIN orchestrator.deployment_resources r ON r.cluster_id = d.cluster_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
     WHERE d.id = p_deployment_id AND r.deployment_id = d.id
$$;
COMMENT ON FUNCTION orchestrator.withhold_found IS 'What an apply must leave to others, by changes a worker found itself.';
GRANT EXECUTE ON FUNCTION orchestrator.withhold_found TO orchestrator_worker;
