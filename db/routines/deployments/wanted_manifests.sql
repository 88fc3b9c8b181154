-- orchestrator.wanted_manifests(spec, desired_state) -> jsonb
-- The spec as it should stand now: Stopped asks every workload for no replicas and leaves all else.
CREATE OR REPLACE FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_state <> 'Stopped' THEN p_spec ELSE (
        SELECT jsonb_agg(CASE WHEN m ->> 'kind' IN ('Deployment', 'StatefulSet') THEN jsonb_set(m, '{spec,replicas}', '0') ELSE m END ORDER BY o)
          FROM jsonb_array_elements(p_spec) WITH ORDINALITY t (m, o)) END
$$;
COMMENT ON FUNCTION orchestrator.wanted_manifests IS 'A deployment''s manifests in its desired state.';
GRANT EXECUTE ON FUNCTION orchestrator.wanted_manifests TO orchestrator_viewer;
