-- orchestrator.report_cluster(cluster, reachable, reason, worker) -> void
-- A worker says whether it reaches the API server. An outage is recorded once for each deployment that waits; its end queues
-- them at once. What is due later does not wait yet: its own run will tell. Deployments that somebody holds are passed over,
-- so workers repeat their report now and then. A worker that alone does not reach what another reached a moment ago is cut off itself:
-- its word changes nothing, and what waits is the other's to do.
-- Dropped first, since the name alone would mean both: workers of the release before call it without their own name.
DROP FUNCTION IF EXISTS orchestrator.report_cluster(text, boolean, text);
CREATE OR REPLACE FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Longer than workers let pass between two reports (UPKEEP_SECONDS in workers/upkeep.py).
    c_lately CONSTANT interval := '20 seconds';
    v_id integer;
    v_ids uuid[];
    v_was_reachable boolean;
BEGIN
    SELECT c.id, c.unreachable_since IS NULL INTO v_id, v_was_reachable FROM orchestrator.clusters c WHERE c.name = p_cluster;
    UPDATE orchestrator.processes p SET reached_at = CASE WHEN p_reachable THEN now() END
     WHERE p.cluster_id = v_id AND p.kind = 'worker' AND p.name = p_worker AND (p_reachable OR p.reached_at IS NOT NULL);
    IF NOT p_reachable AND EXISTS (
        SELECT FROM orchestrator.processes p
         WHERE p.cluster_id = v_id AND p.kind = 'worker' AND p.name IS DISTINCT FROM p_worker AND p.reached_at > now() - c_lately) THEN
        RETURN;
    END IF;
    UPDATE orchestrator.clusters c
       SET reachable_since = CASE WHEN p_reachable THEN now() END,
           unreachable_since = CASE WHEN NOT p_reachable THEN coalesce(c.unreachable_since, now()) END,
           unreachable_reason = CASE WHEN NOT p_reachable THEN p_reason END
     WHERE c.id = v_id AND ((c.unreachable_since IS NULL) <> p_reachable OR (NOT p_reachable AND c.unreachable_reason IS DISTINCT FROM p_reason));
    v_ids := orchestrator.lock_deployments(ARRAY(
        SELECT s.deployment_id FROM orchestrator.reconcile_slots s
         WHERE s.cluster_id = v_id
           AND CASE WHEN p_reachable THEN s.deferred_since IS NOT NULL
                    -- Whose own run was deferred has its event, and learns why from the first report.
                    WHEN s.deferred_since IS NOT NULL THEN v_was_reachable
                    ELSE s.msg_id IS NOT NULL OR s.due_at <= now() END));
    IF v_ids = '{}' THEN
        RETURN;
    END IF;
    IF p_reachable THEN
        UPDATE orchestrator.reconcile_slots s SET deferred_since = NULL, due_at = CASE WHEN s.due_at IS NOT NULL THEN now() END
         WHERE s.deployment_id = ANY (v_ids);
        PERFORM orchestrator.nudge(v_id);
    ELSE
        PERFORM orchestrator.defer(v_id, v_ids);
    END IF;
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.report_cluster IS 'Records whether a cluster is reachable.';
GRANT EXECUTE ON FUNCTION orchestrator.report_cluster TO orchestrator_worker;
