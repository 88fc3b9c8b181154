-- orchestrator.end_lease(settlement) -> boolean
-- Locks deployment, slot and queue row, always in this order, and removes the message if the caller still holds the lease.
-- False, and nothing removed, if not. By one statement and not by pgmq.delete, whose row would have to be locked first.
-- Index scans only: a plan made while the queue was empty is kept.
CREATE OR REPLACE FUNCTION orchestrator.end_lease(p_settlement jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    v_id uuid := p_settlement ->> 'deployment_id';
    v_queue text := p_settlement ->> 'queue';
    v_msg_id bigint := p_settlement ->> 'msg_id';
    v_token integer := p_settlement ->> 'token';
BEGIN
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = v_id FOR NO KEY UPDATE;
    PERFORM 1 FROM orchestrator.reconcile_slots s WHERE s.deployment_id = v_id AND s.msg_id = v_msg_id AND s.queue = v_queue FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM orchestrator.messages q WHERE q.queue = v_queue AND q.msg_id = v_msg_id AND q.read_ct = v_token;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION orchestrator.end_lease IS 'Removes the message of a lease that is still held, and locks what its end will write.';
