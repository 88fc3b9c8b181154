-- orchestrator.manifest_paths(manifest) -> setof (path, parent, value, leaf, steps)
-- Every place of a manifest, spelled as in the view drift: spec.template.spec.containers[name=minecraft].env[name=MEMORY].value.
-- A list whose items the API server tells apart by keys has a path for each; any other list is one value, as it is to the server.
-- steps are the same for a worker: a text is a key, an object the keys of an item.
CREATE OR REPLACE FUNCTION orchestrator.manifest_paths(p_manifest jsonb) RETURNS TABLE (path text, parent text, value jsonb, leaf boolean, steps jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE nodes (path, parent, field, value, steps) AS (
        SELECT '', NULL::text, '', p_manifest, '[]'::jsonb
        UNION ALL
        SELECT n.path || c.step, n.path, c.field, c.value, n.steps || jsonb_build_array(c.key)
          FROM nodes n CROSS JOIN LATERAL (
              SELECT CASE WHEN f.key ~ '[./]' THEN '[' || f.key || ']' WHEN n.path = '' THEN f.key ELSE '.' || f.key END AS step, f.key AS field, f.value, to_jsonb(f.key) AS key
                FROM jsonb_each(CASE WHEN jsonb_typeof(n.value) = 'object' THEN n.value ELSE '{}' END) f
              UNION ALL
              SELECT '[' || (SELECT string_agg(format('%s=%s', k, coalesce(i.value ->> k, CASE k WHEN 'protocol' THEN 'TCP' END)), ',' ORDER BY o)
                               FROM unnest(l.keys) WITH ORDINALITY t (k, o)) || ']', '', i.value,
                     (SELECT jsonb_object_agg(k, coalesce(i.value -> k, CASE k WHEN 'protocol' THEN '"TCP"'::jsonb END)) FROM unnest(l.keys) k)
                FROM (SELECT orchestrator.list_keys(n.field, n.value) AS keys) l,
                     jsonb_array_elements(CASE WHEN l.keys IS NOT NULL THEN n.value ELSE '[]' END) i
          ) c
    )
    SELECT n.path, n.parent, n.value, jsonb_typeof(n.value) <> 'object' AND orchestrator.list_keys(n.field, n.value) IS NULL, n.steps FROM nodes n
$$;
COMMENT ON FUNCTION orchestrator.manifest_paths IS 'Every place of a manifest, with the keys of lists.';
