-- orchestrator.enqueue(cluster_id, ids, lane) -> void
-- Sends one message for each of these slots, which the caller holds locked and without a live one, and nudges.
CREATE OR REPLACE FUNCTION orchestrator.enqueue(p_cluster_id integer, p_ids uuid[], p_lane text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_queue text := orchestrator.queue_name(p_cluster_id, p_lane);
    v_messages bigint[];
BEGIN
    -- send before UPDATE, never inside it: a re-evaluated row would orphan a message.
    v_messages := orchestrator.send_messages(v_queue, p_ids);
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = sent.msg_id, queue = v_queue, due_at = NULL
      FROM unnest(p_ids, v_messages) sent (id, msg_id)
     WHERE s.deployment_id = sent.id;
    PERFORM orchestrator.nudge(p_cluster_id);
END
$$;
COMMENT ON FUNCTION orchestrator.enqueue IS 'Sends queue messages for deployments.';
-- What told of it too, before only repair did.
DROP FUNCTION IF EXISTS orchestrator.enqueue(integer, uuid[], text, text, text);
