-- orchestrator.record_kubernetes_events(cluster, batch) -> void
-- Kubernetes' own events about our objects, kept in the cache: they tell where a pod went, and why a workload has none. Of pods all are
-- kept, of the rest warnings; the latest warning of each object stands under "warnings" too, by which the status is judged.
-- batch: [{type, kind, namespace, name, reason, message, count, last_at}]. A ReplicaSet stands for its Deployment.
-- The newest ten an object and two hundred a deployment, of the last hour, or a crash loop would fill the cache with pods long gone.
-- Nothing of it is history: Kubernetes forgets them too. What is known already writes nothing.
CREATE OR REPLACE FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_told uuid[];
    v_warned uuid[];
BEGIN
    WITH named AS (
        SELECT CASE WHEN w.kind = 'ReplicaSet' THEN 'Deployment' ELSE w.kind END AS kind, w.namespace,
               CASE WHEN w.kind = 'ReplicaSet' THEN regexp_replace(w.name, '-[^-]*$', '') ELSE w.name END AS name,
               w.type, w.reason, left(w.message, 1000) AS message, w.count, w.last_at
          FROM jsonb_to_recordset(p_batch) AS w (type text, kind text, namespace text, name text, reason text, message text, count integer, last_at timestamptz)
         WHERE w.kind = 'Pod' OR w.type = 'Warning'
    ), ours AS (
        SELECT r.deployment_id, n.kind || '/' || n.name AS key, n.type, n.reason, n.message, n.count, n.last_at
          FROM named n JOIN orchestrator.deployment_resources r ON r.kind = n.kind AND r.namespace = n.namespace AND r.name = n.name
          JOIN orchestrator.clusters c ON c.id = r.cluster_id AND c.name = p_cluster
    ), held AS (
        SELECT id FROM unnest(orchestrator.lock_deployments(ARRAY(SELECT DISTINCT o.deployment_id FROM ours o))) id
    ), merged AS (
        SELECT DISTINCT ON (a.deployment_id, a.key, a.type, a.reason, a.message) a.*
          FROM (SELECT o.* FROM ours o JOIN held h ON h.id = o.deployment_id
                UNION ALL
                SELECT h.id, k.key, e.type, e.reason, e.message, e.count, e.last_at
                  FROM held h JOIN orchestrator.deployment_observed c ON c.deployment_id = h.id, jsonb_each(c.events_json) k,
                       jsonb_to_recordset(k.value) AS e (type text, reason text, message text, count integer, last_at timestamptz)) a
         WHERE a.last_at > now() - interval '1 hour'
         ORDER BY a.deployment_id, a.key, a.type, a.reason, a.message, a.last_at DESC, a.count DESC
    ), ranked AS (
        SELECT m.*, row_number() OVER (PARTITION BY m.deployment_id, m.key ORDER BY m.last_at DESC, m.reason) AS of_object,
               row_number() OVER (PARTITION BY m.deployment_id ORDER BY m.last_at DESC, m.reason) AS of_all
          FROM merged m
    ), lists AS (
        SELECT r.deployment_id, r.key, jsonb_agg(jsonb_build_object('type', r.type, 'reason', r.reason, 'message', r.message,
                   'count', r.count, 'last_at', r.last_at) ORDER BY r.last_at DESC, r.reason) AS list
          FROM ranked r WHERE r.of_object <= 10 AND r.of_all <= 200 GROUP BY r.deployment_id, r.key
    ), events AS (
        SELECT h.id, coalesce(jsonb_object_agg(l.key, l.list) FILTER (WHERE l.key IS NOT NULL), '{}') AS events
          FROM held h LEFT JOIN lists l ON l.deployment_id = h.id GROUP BY h.id
    ), warned AS (
        SELECT o.deployment_id, jsonb_object_agg(o.key, jsonb_build_object(
                   'reason', o.reason, 'message', o.message, 'count', o.count, 'last_at', o.last_at) ORDER BY o.last_at) AS warnings
          FROM ours o WHERE o.type = 'Warning' GROUP BY o.deployment_id
    ), cache AS (
        SELECT e.id, e.events, w.warnings IS NOT NULL AS warned,
               CASE WHEN w.warnings IS NULL THEN c.observed_json ELSE jsonb_set(c.observed_json, '{warnings}', w.warnings || coalesce((
                   SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each(c.observed_json -> 'warnings') k
                    WHERE (k.value ->> 'last_at')::timestamptz > now() - interval '1 hour' AND NOT w.warnings ? k.key), '{}')) END AS observed
          FROM events e JOIN orchestrator.deployment_observed c ON c.deployment_id = e.id LEFT JOIN warned w ON w.deployment_id = e.id
    ), kept AS (
        UPDATE orchestrator.deployment_observed c SET observed_json = n.observed, events_json = n.events
          FROM cache n WHERE c.deployment_id = n.id AND (c.observed_json, c.events_json) IS DISTINCT FROM (n.observed, n.events)
        RETURNING c.deployment_id, n.warned
    )
    SELECT array_agg(k.deployment_id), array_agg(k.deployment_id) FILTER (WHERE k.warned) INTO v_told, v_warned FROM kept k;
    PERFORM orchestrator.refresh_status(v_warned);
    IF v_told IS NOT NULL THEN
        -- Open pages show them; they are no history, which would have told.
        PERFORM pg_notify('orchestrator_events', '');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.record_kubernetes_events IS 'Keeps what Kubernetes itself tells about our objects.';
GRANT EXECUTE ON FUNCTION orchestrator.record_kubernetes_events TO orchestrator_watcher;
