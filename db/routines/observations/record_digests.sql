-- orchestrator.record_digests(gone, seen) -> void
-- The cache of selected live status, one key an object.
CREATE OR REPLACE FUNCTION orchestrator.record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH news AS (
        SELECT o.deployment_id, array_agg(o.kind || '/' || o.name) FILTER (WHERE o.change = 'gone') AS gone,
               jsonb_object_agg(o.kind || '/' || o.name, o.digest) FILTER (WHERE o.change = 'seen' AND o.digest IS NOT NULL) AS seen
          FROM (SELECT * FROM unnest(p_gone) UNION ALL SELECT * FROM unnest(p_seen)) o GROUP BY o.deployment_id
    ), merged AS (
        SELECT c.deployment_id, (c.observed_json - coalesce(n.gone, '{}')) || coalesce(n.seen, '{}') AS observed_json
          FROM news n JOIN orchestrator.deployment_observed c USING (deployment_id)
    )
    UPDATE orchestrator.deployment_observed c SET observed_json = m.observed_json, observed_at = now()
      FROM merged m WHERE c.deployment_id = m.deployment_id AND c.observed_json <> m.observed_json
$$;
COMMENT ON FUNCTION orchestrator.record_digests IS 'Updates the cache of live status.';
