-- orchestrator.path_steps(path) -> text[]
-- A path, or a pattern of one, as its steps: spec.containers[name=minecraft].env -> {spec,containers,[name=minecraft],env}.
-- A key in brackets is the same as one behind a dot; only the keys of a list item stay in brackets.
CREATE OR REPLACE FUNCTION orchestrator.path_steps(p_path text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT CASE WHEN m[2] IS NULL THEN m[1] WHEN strpos(m[2], '=') > 0 THEN '[' || m[2] || ']' ELSE m[2] END
                   FROM regexp_matches(p_path, '([^].[]+)|\[([^]]*)\]', 'g') m)
$$;
COMMENT ON FUNCTION orchestrator.path_steps IS 'A path as its steps.';
GRANT EXECUTE ON FUNCTION orchestrator.path_steps TO orchestrator_viewer;
