-- orchestrator.heartbeat(leases, lease_seconds) -> setof uuid
-- Extends the leases whose token still matches, and answers whose they are; the caller must stop work on all others at once.
CREATE OR REPLACE FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_queue text;
BEGIN
    FOR v_queue IN SELECT DISTINCT l ->> 'queue' FROM jsonb_array_elements(p_leases) l ORDER BY 1 LOOP
        -- A lease that has run out is not renewed: another worker may be reading it this moment.
        RETURN QUERY EXECUTE format(
            'UPDATE pgmq.%1$I q SET vt = clock_timestamp() + make_interval(secs => $2)
               FROM (SELECT m.msg_id, l.id FROM jsonb_to_recordset($1) AS l (queue text, msg_id bigint, token integer, id uuid)
                       JOIN pgmq.%1$I m ON m.msg_id = l.msg_id AND m.read_ct = l.token
                      WHERE l.queue = $3 AND m.vt > clock_timestamp() ORDER BY m.msg_id FOR UPDATE OF m) held
              WHERE q.msg_id = held.msg_id
             RETURNING held.id', 'q_' || v_queue) USING p_leases, p_lease_seconds, v_queue;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.heartbeat IS 'Extends leases that are still held.';
GRANT EXECUTE ON FUNCTION orchestrator.heartbeat TO orchestrator_worker;
