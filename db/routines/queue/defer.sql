-- orchestrator.defer(cluster_id, ids, reason) -> void
-- Records once an outage that a waiting deployment waits for its cluster.
CREATE OR REPLACE FUNCTION orchestrator.defer(p_cluster_id integer, p_ids uuid[], p_reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH waiting AS (
        UPDATE orchestrator.reconcile_slots s SET deferred_since = now()
         WHERE s.deployment_id = ANY (p_ids) AND s.cluster_id = p_cluster_id AND s.deferred_since IS NULL
        RETURNING s.deployment_id
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'reconciler', 'ReconcileDeferred',
           jsonb_build_object('reason', coalesce(c.unreachable_reason, p_reason), 'unreachable_since', c.unreachable_since), 'orchestrator'
      FROM waiting w JOIN orchestrator.deployments d ON d.id = w.deployment_id JOIN orchestrator.clusters c ON c.id = p_cluster_id;
END
$$;
COMMENT ON FUNCTION orchestrator.defer IS 'Records that deployments wait for their cluster.';
