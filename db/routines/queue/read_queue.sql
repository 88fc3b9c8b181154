-- orchestrator.read_queue(queue, limit, lease_seconds) -> jsonb
-- What pgmq.read does, as one document, or NULL when there was nothing. In two statements, of which an empty queue (one of
-- the two nearly always is) needs the first alone: a queue's name makes them dynamic, so each is planned anew, and that
-- costs more than the row it finds.
CREATE OR REPLACE FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids bigint[];
    v_read jsonb;
BEGIN
    EXECUTE format('SELECT array_agg(free.msg_id) FROM (SELECT q.msg_id FROM pgmq.%I q WHERE q.vt <= clock_timestamp()
                     ORDER BY q.msg_id LIMIT $1 FOR UPDATE SKIP LOCKED) free', 'q_' || p_queue)
       INTO v_ids USING p_limit;
    IF v_ids IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('WITH taken AS (
                        UPDATE pgmq.%I q SET last_read_at = clock_timestamp(), vt = clock_timestamp() + $2, read_ct = q.read_ct + 1
                         WHERE q.msg_id = ANY ($1) RETURNING q.msg_id, q.read_ct, q.message)
                    SELECT jsonb_agg(jsonb_build_object(''queue'', $3, ''msg_id'', t.msg_id, ''token'', t.read_ct, ''id'', t.message ->> ''id'')) FROM taken t',
                   'q_' || p_queue)
       INTO v_read USING v_ids, make_interval(secs => p_lease_seconds), p_queue;
    RETURN v_read;
END
$$;
COMMENT ON FUNCTION orchestrator.read_queue IS 'Reads one queue.';
