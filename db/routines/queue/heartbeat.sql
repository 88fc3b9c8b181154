-- orchestrator.heartbeat(leases, lease_seconds) -> setof uuid
-- Extends the leases whose token still matches, and answers whose they are; the caller must stop work on all others at once.
CREATE OR REPLACE FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    v_queue text;
BEGIN
    FOR v_queue IN SELECT DISTINCT l ->> 'queue' FROM jsonb_array_elements(p_leases) l ORDER BY 1 LOOP
        -- A lease that has run out is not renewed: another worker may be reading it this moment.
        RETURN QUERY
        UPDATE orchestrator.messages q SET vt = clock_timestamp() + make_interval(secs => p_lease_seconds)
          FROM (SELECT m.msg_id, l.id FROM jsonb_to_recordset(p_leases) AS l (queue text, msg_id bigint, token integer, id uuid)
                  JOIN orchestrator.messages m ON m.queue = v_queue AND m.msg_id = l.msg_id AND m.read_ct = l.token
                 WHERE l.queue = v_queue AND m.vt > clock_timestamp() ORDER BY m.msg_id FOR UPDATE OF m) held
         WHERE q.queue = v_queue AND q.msg_id = held.msg_id
        RETURNING held.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.heartbeat IS 'Extends leases that are still held.';
GRANT EXECUTE ON FUNCTION orchestrator.heartbeat TO orchestrator_worker;
