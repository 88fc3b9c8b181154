-- orchestrator.describe_preview(tried) -> jsonb
-- What a tried write would mean, object by object in the order of the template, those that would go last.
-- tried: {generation, template_id, template_version, parameters, before[] or null, after[], plan[], target}, of orchestrator.end_preview.
CREATE OR REPLACE FUNCTION orchestrator.describe_preview(p_tried jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH before AS (
        SELECT m, o, m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name
          FROM jsonb_array_elements(nullif(p_tried -> 'before', 'null')) WITH ORDINALITY b (m, o)
    ), after AS (
        SELECT m, o, m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name
          FROM jsonb_array_elements(p_tried -> 'after') WITH ORDINALITY a (m, o)
    )
    SELECT jsonb_build_object(
        'generation', p_tried -> 'generation',
        'parameters', orchestrator.effective_parameters((p_tried ->> 'template_id')::bigint, (p_tried ->> 'template_version')::integer, p_tried -> 'parameters'),
        'objects', coalesce(jsonb_agg(jsonb_build_object(
            'kind', kind, 'name', name, 'manifest', coalesce(a.m, b.m), 'purpose', orchestrator.describe_manifest(coalesce(a.m, b.m)),
            'change', CASE WHEN b.m IS NULL THEN 'created' WHEN a.m IS NULL THEN 'removed' WHEN a.m = b.m THEN 'unchanged' ELSE 'changed' END,
            -- Its running pods keep the old settings until they are restarted.
            'restart', coalesce(a.m #>> '{spec,updateStrategy,type}' = 'OnDelete' AND a.m #> '{spec,template}' <> b.m #> '{spec,template}', false))
            ORDER BY a.o, b.o), '[]'),
        'plan', coalesce(p_tried -> 'plan', '[]'),
        'target', p_tried -> 'target')
      FROM after a FULL JOIN before b USING (kind, name)
$$;
COMMENT ON FUNCTION orchestrator.describe_preview IS 'What a tried write would mean, object by object.';
GRANT EXECUTE ON FUNCTION orchestrator.describe_preview TO orchestrator_operator;
