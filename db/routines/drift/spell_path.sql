-- orchestrator.spell_path(kind, object, path) -> text
-- A path of one object among those of a deployment: "StatefulSet/lobby:spec.replicas".
CREATE OR REPLACE FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('%s/%s:%s', p_kind, p_object, p_path)
$$;
COMMENT ON FUNCTION orchestrator.spell_path IS 'A path of one object among those of a deployment.';
GRANT EXECUTE ON FUNCTION orchestrator.spell_path TO orchestrator_viewer;
