-- orchestrator.put_away(taken) -> void
-- Of messages just taken, drops those that no slot knows (a restored backup) and quarantines those that were taken too often
-- without an answer: what orchestrator.claim has not handed out.
CREATE OR REPLACE FUNCTION orchestrator.put_away(p_taken jsonb, p_most_reads integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_message record;
BEGIN
    FOR v_message IN
        SELECT t.* FROM jsonb_to_recordset(p_taken) AS t (queue text, msg_id bigint, token integer, id uuid)
          LEFT JOIN orchestrator.reconcile_slots s ON s.deployment_id = t.id AND s.msg_id = t.msg_id AND s.queue = t.queue
         WHERE s.deployment_id IS NULL OR t.token > p_most_reads
    LOOP
        PERFORM orchestrator.quarantine(v_message.queue, v_message.msg_id, v_message.id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.put_away IS 'Takes messages out of the queue that must not be handed out.';
