-- orchestrator.request_reconcile(ids, reason, actor) -> void
-- Counts a request for each deployment and queues those that have no live message. In id order, so bulk requests cannot deadlock.
-- A request is a fresh start: back-off, quarantine and the error of the last run are forgotten.
-- Many at once go to the bulk queue, where they do not hold up a person's single change.
-- Each id is looked up by its index, whatever the caller joins by: a plan made while the tables were small is kept, and would
-- read them whole for each of ten thousand ids.
CREATE OR REPLACE FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = on SET enable_seqscan = off
AS $$
DECLARE
    c_bulk_above CONSTANT integer := 50;
    v_lane text := CASE WHEN cardinality(p_ids) > c_bulk_above THEN 'bulk' ELSE 'now' END;
    v_queue text;
    v_messages bigint[];
    v_cluster record;
BEGIN
    FOR v_cluster IN
        SELECT locked.cluster_id,
               array_agg(locked.deployment_id) FILTER (WHERE locked.msg_id IS NULL) AS resting,
               array_agg(locked.deployment_id) FILTER (WHERE locked.msg_id IS NOT NULL) AS queued,
               (SELECT c.unreachable_since IS NOT NULL FROM orchestrator.clusters c WHERE c.id = locked.cluster_id) AS unreachable
          FROM (SELECT s.cluster_id, s.deployment_id, s.msg_id FROM orchestrator.reconcile_slots s
                 WHERE s.deployment_id = ANY (p_ids) ORDER BY s.deployment_id FOR UPDATE) locked
         GROUP BY locked.cluster_id
    LOOP
        IF v_cluster.queued IS NOT NULL THEN
            UPDATE orchestrator.reconcile_slots s
               SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false
             WHERE s.deployment_id = ANY (v_cluster.queued);
        END IF;
        IF v_cluster.resting IS NOT NULL THEN
            -- As orchestrator.enqueue, but the slot is written once: each statement costs more than the rows it changes.
            v_queue := orchestrator.queue_name(v_cluster.cluster_id, v_lane);
            v_messages := orchestrator.send_messages(v_queue, v_cluster.resting);
            UPDATE orchestrator.reconcile_slots s
               SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false,
                   msg_id = sent.msg_id, queue = v_queue
              FROM unnest(v_cluster.resting, v_messages) sent (id, msg_id)
             WHERE s.deployment_id = sent.id;
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            SELECT d.id, d.generation, CASE WHEN p_reason IN ('created', 'changed', 'reconcile_now') THEN 'user' ELSE 'system' END,
                   'DeploymentQueued', jsonb_build_object('reason', p_reason), p_actor
              FROM orchestrator.deployments d WHERE d.id = ANY (v_cluster.resting);
            PERFORM orchestrator.nudge(v_cluster.cluster_id);
        END IF;
        IF v_cluster.unreachable THEN
            PERFORM orchestrator.defer(v_cluster.cluster_id, p_ids);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.request_reconcile IS 'Requests a reconciliation of deployments.';
