-- orchestrator.end_lease(settlement) -> boolean
-- Locks deployment, slot and queue row, always in this order, and removes the message if the caller still holds the lease.
-- False, and nothing removed, if not. By one statement and not by pgmq.delete, whose row would have to be locked first.
CREATE OR REPLACE FUNCTION orchestrator.end_lease(p_settlement jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id uuid := p_settlement ->> 'deployment_id';
    v_held boolean;
BEGIN
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = v_id FOR NO KEY UPDATE;
    PERFORM 1 FROM orchestrator.reconcile_slots s
      WHERE s.deployment_id = v_id AND s.msg_id = (p_settlement ->> 'msg_id')::bigint AND s.queue = p_settlement ->> 'queue' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DELETE FROM pgmq.%I q WHERE q.msg_id = $1 AND q.read_ct = $2 RETURNING true', 'q_' || (p_settlement ->> 'queue'))
       INTO v_held USING (p_settlement ->> 'msg_id')::bigint, (p_settlement ->> 'token')::integer;
    RETURN coalesce(v_held, false);
END
$$;
COMMENT ON FUNCTION orchestrator.end_lease IS 'Removes the message of a lease that is still held, and locks what its end will write.';
