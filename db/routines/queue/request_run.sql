-- orchestrator.request_run(id, cluster_id) -> queued, unreachable
-- Counts a request for one deployment, and queues it unless it has a live message: what request_reconcile does for many.
-- The number of the message is drawn first and the message sent last, so one UPDATE both locks the slot and fills it. A number that
-- is not needed is lost, which harms nobody. Drawn, not sent: a row that is evaluated again would orphan a message.
CREATE OR REPLACE FUNCTION orchestrator.request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_queue text := orchestrator.queue_name(p_cluster_id, 'now');
    v_message bigint := nextval(format('pgmq.%I', 'q_' || v_queue || '_msg_id_seq')::regclass);
BEGIN
    UPDATE orchestrator.reconcile_slots s
       SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false,
           msg_id = coalesce(s.msg_id, v_message), queue = CASE WHEN s.msg_id IS NULL THEN v_queue ELSE s.queue END
     WHERE s.deployment_id = p_id
    RETURNING s.msg_id = v_message, (SELECT c.unreachable_since IS NOT NULL FROM orchestrator.clusters c WHERE c.id = s.cluster_id)
      INTO queued, unreachable;
    IF queued THEN
        INSERT INTO orchestrator.messages (msg_id, vt, message, queue) VALUES (v_message, clock_timestamp(), jsonb_build_object('id', p_id), v_queue);
        PERFORM orchestrator.nudge(p_cluster_id);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.request_run IS 'Requests a reconciliation of one deployment.';
