-- orchestrator.record_drift(cluster, rows) -> void
-- What a closer look at suspects found: the lost paths of an object, or none. New drift is an event and, by policy, a request.
-- rows: [{deployment_id, kind, namespace, name, drift: [{path, wanted, live, manager, since, …}]}]. Same transaction as record_observations.
-- Nested loops only: Postgres takes a JSON document for a hundred rows and a function for a thousand, and would read whole
-- tables to look up the one there is.
CREATE OR REPLACE FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_ids uuid[];
    v_drifted uuid[];
BEGIN
    p_rows := orchestrator.without_adopted(p_rows);
    WITH judged AS (
        UPDATE orchestrator.deployment_resources r
           SET drift = CASE WHEN jsonb_array_length(j.drift) > 0 THEN j.drift END,
               drifted_at = CASE WHEN jsonb_array_length(j.drift) > 0 THEN coalesce(r.drifted_at, now()) END
          FROM jsonb_to_recordset(p_rows) AS j (deployment_id uuid, kind text, namespace text, name text, drift jsonb)
         WHERE r.cluster_id = v_cluster_id AND r.kind = j.kind AND r.namespace = j.namespace AND r.name = j.name
           AND r.drift IS DISTINCT FROM CASE WHEN jsonb_array_length(j.drift) > 0 THEN j.drift END
        RETURNING r.deployment_id, r.kind, r.namespace, r.name, r.drift
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'k8s_watch', 'ResourceModifiedExternally',
               jsonb_build_object('kind', j.kind, 'namespace', j.namespace, 'name', j.name, 'changes', j.drift),
               coalesce(j.drift -> 0 ->> 'manager', 'kubernetes')
          FROM judged j JOIN orchestrator.deployments d ON d.id = j.deployment_id WHERE j.drift IS NOT NULL
    )
    SELECT array_agg(DISTINCT j.deployment_id), array_agg(DISTINCT j.deployment_id) FILTER (WHERE j.drift IS NOT NULL)
      INTO v_ids, v_drifted FROM judged j;
    PERFORM orchestrator.request_unless_paused(v_drifted, 'drift');
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.record_drift IS 'Writes what changed behind our back.';
GRANT EXECUTE ON FUNCTION orchestrator.record_drift TO orchestrator_watcher;
