-- orchestrator.read_queue(queue, limit, lease_seconds) -> jsonb
-- pgmq.read as one document, or NULL when there was nothing.
CREATE OR REPLACE FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_agg(jsonb_build_object('queue', p_queue, 'msg_id', m.msg_id, 'token', m.read_ct, 'id', m.message ->> 'id'))
      FROM pgmq.read(p_queue, p_lease_seconds, p_limit) m
$$;
COMMENT ON FUNCTION orchestrator.read_queue IS 'Reads one queue.';
