-- orchestrator.describe_change(before, after) -> jsonb
-- What changed between two intents, as {"field": {"from": …, "to": …}}, parameters one by one.
-- Takes revisions, not deployments: those carry the spec, which would be fetched from its toast table for nothing.
-- Nearly every change is one of parameters alone, and is told by looking at those that differ.
CREATE OR REPLACE FUNCTION orchestrator.describe_change(
    p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_changes jsonb;
BEGIN
    IF p_before.parameters <> p_after.parameters THEN
        SELECT jsonb_object_agg('parameters.' || k, jsonb_build_object('from', p_before.parameters -> k, 'to', p_after.parameters -> k)) INTO v_changes
          FROM jsonb_object_keys(p_before.parameters || p_after.parameters) k WHERE p_before.parameters -> k IS DISTINCT FROM p_after.parameters -> k;
    END IF;
    IF (p_before.desired_state, p_before.template_version, p_before.drift_policy, p_before.drift_rules, p_before.keep_data, p_before.restarted_at)
       IS DISTINCT FROM (p_after.desired_state, p_after.template_version, p_after.drift_policy, p_after.drift_rules, p_after.keep_data, p_after.restarted_at) THEN
        SELECT coalesce(v_changes, '{}') || jsonb_object_agg(f, jsonb_build_object('from', v_from, 'to', v_to)) INTO v_changes
          FROM (VALUES ('desired_state', to_jsonb(p_before.desired_state), to_jsonb(p_after.desired_state)),
                       ('template_version', to_jsonb(p_before.template_version), to_jsonb(p_after.template_version)),
                       ('drift_policy', to_jsonb(p_before.drift_policy), to_jsonb(p_after.drift_policy)),
                       ('drift_rules', p_before.drift_rules, p_after.drift_rules),
                       ('keep_data', to_jsonb(p_before.keep_data), to_jsonb(p_after.keep_data)),
                       ('restarted_at', to_jsonb(p_before.restarted_at), to_jsonb(p_after.restarted_at))) fields (f, v_from, v_to)
         WHERE v_from IS DISTINCT FROM v_to;
    END IF;
    RETURN coalesce(v_changes, '{}');
END
$$;
COMMENT ON FUNCTION orchestrator.describe_change IS 'The difference between two intents of a deployment.';
