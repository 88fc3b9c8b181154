-- orchestrator.effective_parameters(template_id, version, parameters) -> jsonb
-- What a deployment runs with: its parameters, and the template's default for each one that is left out.
CREATE OR REPLACE FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT jsonb_object_agg(p.key, p.value -> 'default')
                       FROM orchestrator.templates t, jsonb_each(t.allowed_mutations_json -> 'properties') p
                      WHERE t.id = p_template_id AND t.version = p_version AND p.value ? 'default'), '{}') || p_parameters
$$;
COMMENT ON FUNCTION orchestrator.effective_parameters IS 'Parameters with the defaults of their template version.';
GRANT EXECUTE ON FUNCTION orchestrator.effective_parameters TO orchestrator_viewer;
