-- orchestrator.send_messages(queue, ids) -> bigint[]
-- One message for each deployment, in their order; answers the message ids. What pgmq.send_batch does, without its nested
-- functions; and a single one, which is nearly every change of a person, by a statement that is quick to parse and plan,
-- since a queue's name makes it dynamic: that costs more than the row it writes.
CREATE OR REPLACE FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_message bigint;
    v_messages bigint[];
BEGIN
    IF cardinality(p_ids) = 1 THEN
        EXECUTE format('INSERT INTO pgmq.%I (vt, message) VALUES ($1, $2) RETURNING msg_id', 'q_' || p_queue)
           INTO v_message USING clock_timestamp(), jsonb_build_object('id', p_ids[1]);
        RETURN ARRAY[v_message];
    END IF;
    EXECUTE format('WITH sent AS (INSERT INTO pgmq.%I (vt, message) SELECT $1, jsonb_build_object(''id'', i) FROM unnest($2) i RETURNING msg_id)
                    SELECT array_agg(msg_id) FROM sent', 'q_' || p_queue)
       INTO v_messages USING clock_timestamp(), p_ids;
    RETURN v_messages;
END
$$;
COMMENT ON FUNCTION orchestrator.send_messages IS 'Sends one queue message for each deployment.';
