-- orchestrator.record_warnings(cluster, batch) -> void
-- Kubernetes' own warnings about our objects, kept in the cache under "warnings": they tell why a workload has no pods.
-- batch: [{kind, namespace, name, reason, message, count, last_at}]. A ReplicaSet stands for its Deployment.
-- Those older than an hour go, or a crash loop would fill the cache with pods long gone.
CREATE OR REPLACE FUNCTION orchestrator.record_warnings(p_cluster text, p_batch jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[];
BEGIN
    WITH named AS (
        SELECT CASE WHEN w.kind = 'ReplicaSet' THEN 'Deployment' ELSE w.kind END AS kind, w.namespace,
               CASE WHEN w.kind = 'ReplicaSet' THEN regexp_replace(w.name, '-[^-]*$', '') ELSE w.name END AS name,
               w.reason, left(w.message, 1000) AS message, w.count, w.last_at
          FROM jsonb_to_recordset(p_batch) AS w (kind text, namespace text, name text, reason text, message text, count integer, last_at timestamptz)
    ), ours AS (
        SELECT r.deployment_id, jsonb_object_agg(n.kind || '/' || n.name, jsonb_build_object(
                   'reason', n.reason, 'message', n.message, 'count', n.count, 'last_at', n.last_at) ORDER BY n.last_at) AS warnings
          FROM named n JOIN orchestrator.deployment_resources r ON r.kind = n.kind AND r.namespace = n.namespace AND r.name = n.name
          JOIN orchestrator.clusters c ON c.id = r.cluster_id AND c.name = p_cluster
         GROUP BY r.deployment_id
    ), held AS (
        SELECT id FROM unnest(orchestrator.lock_deployments(ARRAY(SELECT o.deployment_id FROM ours o))) id
    ), kept AS (
        UPDATE orchestrator.deployment_observed c
           SET observed_json = jsonb_set(c.observed_json, '{warnings}', o.warnings || coalesce((
                   SELECT jsonb_object_agg(w.key, w.value) FROM jsonb_each(c.observed_json -> 'warnings') w
                    WHERE (w.value ->> 'last_at')::timestamptz > now() - interval '1 hour' AND NOT o.warnings ? w.key), '{}'))
          FROM ours o JOIN held h ON h.id = o.deployment_id WHERE c.deployment_id = o.deployment_id
        RETURNING c.deployment_id
    )
    SELECT array_agg(k.deployment_id) INTO v_ids FROM kept k;
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.record_warnings IS 'Keeps Kubernetes'' warnings about our objects.';
GRANT EXECUTE ON FUNCTION orchestrator.record_warnings TO orchestrator_watcher;
