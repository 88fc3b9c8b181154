-- orchestrator.send_messages(queue, ids) -> bigint[]
-- One message for each deployment, in their order; answers the message ids. What pgmq.send_batch does, without its nested functions.
CREATE OR REPLACE FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sequence regclass := format('pgmq.%I', 'q_' || p_queue || '_msg_id_seq');
    v_messages bigint[];
BEGIN
    WITH sent AS (
        INSERT INTO orchestrator.messages (msg_id, vt, message, queue)
        SELECT nextval(v_sequence), clock_timestamp(), jsonb_build_object('id', i), p_queue FROM unnest(p_ids) i RETURNING msg_id)
    SELECT array_agg(s.msg_id) INTO v_messages FROM sent s;
    RETURN v_messages;
END
$$;
COMMENT ON FUNCTION orchestrator.send_messages IS 'Sends one queue message for each deployment.';
