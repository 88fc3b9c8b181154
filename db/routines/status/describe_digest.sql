-- orchestrator.describe_digest(kind, digest, health) -> text
-- What was last seen of an object, in a line to stand beside describe_manifest's.
CREATE OR REPLACE FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_health IS NULL THEN 'Applied, not seen yet'
        WHEN p_kind IN ('StatefulSet', 'Deployment') AND p_digest ? 'wantedReplicas'
            THEN format('%s of %s ready', coalesce(p_digest ->> 'readyReplicas', '0'), p_digest ->> 'wantedReplicas')
        WHEN p_kind = 'PersistentVolumeClaim' THEN concat_ws(', ', coalesce(p_digest ->> 'phase', 'There'), p_digest ->> 'capacity')
        WHEN p_kind = 'Service' THEN concat_ws(', ', nullif(p_digest ->> 'clusterIP', 'None'), nullif(btrim(translate(p_digest ->> 'addresses', '[]"', '')), ''),
            (SELECT string_agg(concat_ws(' on node port ', p ->> 'port', p ->> 'nodePort'), ', ') FROM jsonb_array_elements(p_digest -> 'ports') p))
        WHEN p_kind = 'Ingress' THEN coalesce(nullif(btrim(translate(p_digest ->> 'addresses', '[]"', '')), ''), 'no address yet')
        WHEN p_kind = 'CronJob' THEN coalesce('last run ' || (p_digest ->> 'lastRun'), 'no run yet')
        WHEN p_kind = 'HorizontalPodAutoscaler' THEN concat_ws(', ', format('%s to %s replicas', p_digest ->> 'least', p_digest ->> 'most'), (p_digest ->> 'replicas') || ' now')
        WHEN p_kind = 'PodDisruptionBudget' AND p_digest ? 'disruptionsAllowed' THEN format('%s pods may go just now', p_digest ->> 'disruptionsAllowed')
        WHEN p_kind = 'Pod' THEN concat_ws(', ', coalesce(p_digest ->> 'phase', 'There'), 'on ' || (p_digest ->> 'node'),
            CASE WHEN p_digest ? 'restarts' THEN format('%s restarts', p_digest ->> 'restarts') END)
        ELSE 'There' END
$$;
COMMENT ON FUNCTION orchestrator.describe_digest IS 'What was last seen of an object, in a line.';
GRANT EXECUTE ON FUNCTION orchestrator.describe_digest TO orchestrator_viewer;
