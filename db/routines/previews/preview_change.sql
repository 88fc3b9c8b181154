-- orchestrator.preview_change(id, parameters, state, version, keep_data, drift_policy, drift_rules) -> jsonb
-- What a change of a deployment would do, or its refusal; as orchestrator.preview, nothing is written. NULL leaves a field alone;
-- parameters are merged, and null among them takes the template's default again.
CREATE OR REPLACE FUNCTION orchestrator.preview_change(
    p_id uuid, p_parameters jsonb DEFAULT '{}', p_desired_state text DEFAULT NULL, p_template_version integer DEFAULT NULL,
    p_keep_data boolean DEFAULT NULL, p_drift_policy text DEFAULT NULL, p_drift_rules jsonb DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    UPDATE orchestrator.deployments d
       SET parameters = (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(d.parameters || p_parameters) WHERE value <> 'null'),
           desired_state = coalesce(p_desired_state, d.desired_state),
           template_version = coalesce(p_template_version, d.template_version),
           keep_data = coalesce(p_keep_data, d.keep_data),
           drift_policy = coalesce(p_drift_policy, d.drift_policy),
           drift_rules = coalesce(p_drift_rules, d.drift_rules)
     WHERE d.id = p_id;
    PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_id), 'id', 'SELECT id, name FROM deployments lists them.');
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;
COMMENT ON FUNCTION orchestrator.preview_change IS 'What a change of a deployment would do; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview_change TO orchestrator_operator;
