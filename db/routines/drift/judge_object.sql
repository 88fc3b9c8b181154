-- orchestrator.judge_object(cluster_id, kind, namespace, name) -> setof as judge_drift
-- The same of one object as it is recorded, itself being gone or replaced among it. For where that is rare: it looks everything up.
CREATE OR REPLACE FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text)
RETURNS TABLE (path text, change jsonb, policy text, automatic boolean, maintenance_window text, source text, rule jsonb, held text)
LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
    SELECT j.*
      FROM orchestrator.deployment_resources r
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
     CROSS JOIN LATERAL orchestrator.judge_drift(
           d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name,
           coalesce(r.drift, '[]') || orchestrator.existence(r.missing_since IS NOT NULL, r.applied_generation, r.rendered_hash)) j
     WHERE r.cluster_id = p_cluster_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
$$;
COMMENT ON FUNCTION orchestrator.judge_object IS 'What is recorded of one object, judged.';
GRANT EXECUTE ON FUNCTION orchestrator.judge_object TO orchestrator_viewer;
