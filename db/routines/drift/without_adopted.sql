-- orchestrator.without_adopted(rows) -> jsonb
-- Reports for record_drift, less paths that others own and that stand as they are wanted, where an apply is still to come that takes
-- them over: of a newer generation, by adopting for one, which waits while it is Paused. Otherwise such a path is drift like any
-- other, and taken back: a field that we do not own would not go when a template drops it. Until that apply nothing can be said of
-- what is ours and reads otherwise than is wanted now (overwritten).
CREATE OR REPLACE FUNCTION orchestrator.without_adopted(p_rows jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(CASE WHEN d.last_applied_generation < d.generation
                                   THEN j || jsonb_build_object('drift', (
                                        SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(j -> 'drift') c
                                         WHERE c ->> 'reason' IS DISTINCT FROM 'overwritten' AND (c -> 'wanted' IS DISTINCT FROM c -> 'live' OR c -> 'cut' = 'true' OR j ->> 'kind' = 'Secret')))
                                   ELSE j END), '[]')
      FROM jsonb_array_elements(p_rows) j LEFT JOIN orchestrator.deployments d ON d.id = (j ->> 'deployment_id')::uuid
$$;
COMMENT ON FUNCTION orchestrator.without_adopted IS 'Reports of drift, less what stands as it is wanted and an apply will take over.';
