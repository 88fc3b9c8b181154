-- orchestrator.preview(name, template, parameters, namespace, cluster, version, state, keep_data, drift_policy, drift_rules) -> jsonb
-- What deploy() would make of the same arguments, or its refusal. Nothing is written: the same statement is tried and undone.
-- {generation, parameters (with the template's defaults), objects: [{kind, name, purpose, change, restart, manifest}]}
CREATE OR REPLACE FUNCTION orchestrator.preview(
    name text, template text, parameters jsonb DEFAULT '{}', namespace text DEFAULT 'default',
    cluster text DEFAULT NULL, template_version integer DEFAULT NULL, desired_state text DEFAULT 'Active',
    keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce', drift_rules jsonb DEFAULT '[]'
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.deploy(preview.name, preview.template, preview.parameters, preview.namespace, preview.cluster,
                                preview.template_version, preview.desired_state, preview.keep_data, preview.drift_policy, preview.drift_rules);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;
COMMENT ON FUNCTION orchestrator.preview IS 'What deploy() would make of the same arguments; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview TO orchestrator_operator;
