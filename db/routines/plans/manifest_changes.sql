-- orchestrator.manifest_changes(before, after) -> setof (path, before, after)
-- Where two manifests of one object differ, one row a path; what came or went as a whole is one row. NULL where there is nothing.
CREATE OR REPLACE FUNCTION orchestrator.manifest_changes(p_before jsonb, p_after jsonb) RETURNS TABLE (path text, before jsonb, after jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH b AS MATERIALIZED (SELECT * FROM orchestrator.manifest_paths(p_before)),
         a AS MATERIALIZED (SELECT * FROM orchestrator.manifest_paths(p_after))
    SELECT path, b.value, a.value
      FROM b FULL JOIN a USING (path)
     WHERE b.value IS DISTINCT FROM a.value
       AND CASE WHEN a.value IS NULL THEN EXISTS (SELECT FROM a p WHERE p.path = b.parent AND NOT p.leaf)
                WHEN b.value IS NULL THEN EXISTS (SELECT FROM b p WHERE p.path = a.parent AND NOT p.leaf)
                ELSE a.leaf OR b.leaf END
$$;
COMMENT ON FUNCTION orchestrator.manifest_changes IS 'Where two manifests of one object differ, path by path.';
