-- orchestrator.judge_contest(deployment_id, kind, name, path) -> (policy, held)
-- What would become of a contested path now, whether or not it differs: its policy, and what holds it back (see judge_drift).
CREATE OR REPLACE FUNCTION orchestrator.judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT j.policy, j.held
      FROM orchestrator.deployments d
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
     CROSS JOIN LATERAL orchestrator.judge_drift(
           d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, p_kind, p_name,
           jsonb_build_array(jsonb_build_object('path', p_path))) j
     WHERE d.id = p_id
$$;
COMMENT ON FUNCTION orchestrator.judge_contest IS 'What would become of a contested path now.';
