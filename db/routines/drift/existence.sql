-- orchestrator.existence(missing, applied_generation, rendered_hash) -> jsonb
-- The change of an object itself, as a list like deployment_resources.drift: gone, replaced by another of its name, or none.
CREATE OR REPLACE FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_missing THEN '[{"path": "", "wanted": "present", "live": "missing"}]'::jsonb
                WHEN p_applied_generation IS NOT NULL AND p_rendered_hash IS NULL THEN '[{"path": "", "wanted": "present", "live": "replaced"}]'
                ELSE '[]' END
$$;
COMMENT ON FUNCTION orchestrator.existence IS 'The change of an object itself: gone, replaced, or none.';
GRANT EXECUTE ON FUNCTION orchestrator.existence TO orchestrator_viewer;
