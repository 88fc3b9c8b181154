-- orchestrator.promote(cluster, limit) -> double precision
-- Queues slots that are due and carries out planned restarts that are; answers the seconds until the next of them is (NULL: none
-- waits). Any worker may, at each poll.
CREATE OR REPLACE FUNCTION orchestrator.promote(p_cluster text, p_limit integer DEFAULT 200) RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_ids uuid[];
BEGIN
    SELECT array_agg(due.deployment_id) INTO v_ids
      FROM (SELECT s.deployment_id FROM orchestrator.reconcile_slots s
             WHERE s.cluster_id = v_cluster_id AND s.due_at <= now() ORDER BY s.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) due;
    IF v_ids IS NOT NULL THEN
        PERFORM orchestrator.enqueue(v_cluster_id, v_ids, 'bulk');
    END IF;
    RETURN least(orchestrator.carry_out_restarts(v_cluster_id),
                 (SELECT greatest(extract(epoch FROM s.due_at - now()), 0) FROM orchestrator.reconcile_slots s
                   WHERE s.cluster_id = v_cluster_id AND s.due_at IS NOT NULL ORDER BY s.due_at LIMIT 1));
END
$$;
COMMENT ON FUNCTION orchestrator.promote IS 'Queues deployments whose time has come.';
GRANT EXECUTE ON FUNCTION orchestrator.promote TO orchestrator_worker;
