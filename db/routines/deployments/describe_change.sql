-- orchestrator.describe_change(before, after) -> jsonb
-- What changed between two intents, as {"field": {"from": …, "to": …}}, parameters one by one.
-- Takes revisions, not deployments: those carry the spec, which would be fetched from its toast table for nothing.
CREATE OR REPLACE FUNCTION orchestrator.describe_change(
    p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions
) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(f, jsonb_build_object('from', v_from, 'to', v_to)), '{}') FROM (
        SELECT 'parameters.' || k, p_before.parameters -> k, p_after.parameters -> k
          FROM jsonb_object_keys(p_before.parameters || p_after.parameters) k WHERE p_before.parameters <> p_after.parameters
        UNION ALL SELECT 'desired_state', to_jsonb(p_before.desired_state), to_jsonb(p_after.desired_state)
        UNION ALL SELECT 'template_version', to_jsonb(p_before.template_version), to_jsonb(p_after.template_version)
        UNION ALL SELECT 'drift_policy', to_jsonb(p_before.drift_policy), to_jsonb(p_after.drift_policy)
        UNION ALL SELECT 'drift_rules', p_before.drift_rules, p_after.drift_rules
        UNION ALL SELECT 'keep_data', to_jsonb(p_before.keep_data), to_jsonb(p_after.keep_data)
        UNION ALL SELECT 'restarted_at', to_jsonb(p_before.restarted_at), to_jsonb(p_after.restarted_at)
    ) fields (f, v_from, v_to) WHERE v_from IS DISTINCT FROM v_to
$$;
COMMENT ON FUNCTION orchestrator.describe_change IS 'The difference between two intents of a deployment.';
