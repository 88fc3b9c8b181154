-- orchestrator.manifest_of(spec, kind, name) -> jsonb
-- One object of a rendered spec; NULL if it is not among them.
CREATE OR REPLACE FUNCTION orchestrator.manifest_of(p_spec jsonb, p_kind text, p_name text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m FROM jsonb_array_elements(p_spec) m WHERE m ->> 'kind' = p_kind AND m #>> '{metadata,name}' = p_name LIMIT 1
$$;
COMMENT ON FUNCTION orchestrator.manifest_of IS 'One object of a rendered spec.';
