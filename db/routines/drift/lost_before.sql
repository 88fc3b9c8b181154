-- orchestrator.lost_before(drift, before) -> jsonb
-- A drift as it was found; where the record of who owns what was wiped, with what had been lost before: it is lost still.
CREATE OR REPLACE FUNCTION orchestrator.lost_before(p_drift jsonb, p_before jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_drift @> '[{"path": "metadata.managedFields"}]' AND p_before IS NOT NULL
                THEN p_drift || (SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(p_before) c WHERE c ->> 'path' <> 'metadata.managedFields')
                ELSE p_drift END
$$;
COMMENT ON FUNCTION orchestrator.lost_before IS 'A drift with what is still lost from before.';
