-- orchestrator.read_queue(queue, limit, lease_seconds) -> jsonb
-- What pgmq.read does, as one document, or NULL when there was nothing. In two statements, of which an empty queue (one of
-- the two nearly always is) needs the first alone.
-- Index scans only: a plan made while the queue was empty is kept.
CREATE OR REPLACE FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    v_ids bigint[] := ARRAY(SELECT q.msg_id FROM orchestrator.messages q WHERE q.queue = p_queue AND q.vt <= clock_timestamp()
                             ORDER BY q.msg_id LIMIT p_limit FOR UPDATE SKIP LOCKED);
    v_read jsonb;
BEGIN
    IF v_ids = '{}' THEN
        RETURN NULL;
    END IF;
    WITH taken AS (
        UPDATE orchestrator.messages q
           SET last_read_at = clock_timestamp(), vt = clock_timestamp() + make_interval(secs => p_lease_seconds), read_ct = q.read_ct + 1
         WHERE q.queue = p_queue AND q.msg_id = ANY (v_ids) RETURNING q.msg_id, q.read_ct, q.message)
    SELECT jsonb_agg(jsonb_build_object('queue', p_queue, 'msg_id', t.msg_id, 'token', t.read_ct, 'id', t.message ->> 'id')) INTO v_read FROM taken t;
    RETURN v_read;
END
$$;
COMMENT ON FUNCTION orchestrator.read_queue IS 'Reads one queue.';
