-- orchestrator.repair(cluster) -> integer
-- Asks again for every slot whose message is gone, or that has work and neither a message nor a time: after a purge or a
-- restored backup. Quarantined and permanently failed ones have been answered. Under a lock: one repair at a time is enough.
CREATE OR REPLACE FUNCTION orchestrator.repair(p_cluster text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_lost uuid[];
    v_ids uuid[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.repair'), v_cluster_id) THEN
        RETURN 0;
    END IF;
    WITH lost AS (
        SELECT s.deployment_id FROM orchestrator.reconcile_slots s
         WHERE s.cluster_id = v_cluster_id AND s.msg_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM orchestrator.messages q
                    WHERE q.queue = s.queue AND q.msg_id = s.msg_id AND q.message ->> 'id' = s.deployment_id::text)
         ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED
    ), cleared AS (
        UPDATE orchestrator.reconcile_slots s SET msg_id = NULL, queue = NULL FROM lost WHERE s.deployment_id = lost.deployment_id
        RETURNING s.deployment_id
    )
    SELECT array_agg(c.deployment_id) INTO v_lost FROM cleared c;
    v_ids := ARRAY(SELECT s.deployment_id FROM orchestrator.reconcile_slots s
                    WHERE s.cluster_id = v_cluster_id AND s.msg_id IS NULL AND s.due_at IS NULL AND s.quarantined_at IS NULL
                      AND NOT s.last_error_permanent AND (s.requested > s.settled OR s.deployment_id = ANY (coalesce(v_lost, '{}')))
                    ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED);
    IF v_ids <> '{}' THEN
        PERFORM orchestrator.enqueue(v_cluster_id, v_ids, 'bulk');
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'system', 'DeploymentQueued', '{"reason": "repair"}', 'orchestrator'
          FROM orchestrator.deployments d WHERE d.id = ANY (v_ids);
    END IF;
    RETURN cardinality(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.repair IS 'Queues again what lost its message.';
GRANT EXECUTE ON FUNCTION orchestrator.repair TO orchestrator_worker;
