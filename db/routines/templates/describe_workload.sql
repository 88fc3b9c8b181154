-- orchestrator.describe_workload(spec) -> text
-- How many of which image with how much memory, as in "1 replica of itzg/minecraft-server:java21, 2Gi of memory".
CREATE OR REPLACE FUNCTION orchestrator.describe_workload(p_spec jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_spec ->> 'replicas' WHEN '1' THEN '1 replica of ' ELSE coalesce(p_spec ->> 'replicas', 'any number of') || ' replicas of ' END || string_agg(
               concat_ws(', ', coalesce(c ->> 'image', 'no image'),
                         coalesce(c #>> '{resources,limits,memory}', c #>> '{resources,requests,memory}') || ' of memory'), ' + ' ORDER BY o)
      FROM jsonb_array_elements(p_spec #> '{template,spec,containers}') WITH ORDINALITY t (c, o)
$$;
COMMENT ON FUNCTION orchestrator.describe_workload IS 'How many of which image with how much memory.';
GRANT EXECUTE ON FUNCTION orchestrator.describe_workload TO orchestrator_viewer;
