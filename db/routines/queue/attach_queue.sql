-- orchestrator.attach_queue(queue) -> void
-- Makes a queue's table a partition of orchestrator.messages. pgmq's own functions go on working on it: its column msg_id keeps a
-- sequence of the name they know, as a default instead of an identity, which a partition may not have.
CREATE OR REPLACE FUNCTION orchestrator.attach_queue(p_queue text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_table text := 'q_' || p_queue;
    v_sequence text := v_table || '_msg_id_seq';
    v_last bigint;
    v_used boolean;
BEGIN
    EXECUTE format('SELECT last_value, is_called FROM pgmq.%I', v_sequence) INTO v_last, v_used;
    EXECUTE format('ALTER TABLE pgmq.%I ALTER COLUMN msg_id DROP IDENTITY, ADD COLUMN queue text NOT NULL DEFAULT %L', v_table, p_queue);
    EXECUTE format('CREATE SEQUENCE pgmq.%I OWNED BY pgmq.%I.msg_id', v_sequence, v_table);
    PERFORM setval(format('pgmq.%I', v_sequence), v_last, v_used);
    EXECUTE format('ALTER TABLE pgmq.%I ALTER COLUMN msg_id SET DEFAULT nextval(%L)', v_table, format('pgmq.%I', v_sequence));
    EXECUTE format('ALTER TABLE orchestrator.messages ATTACH PARTITION pgmq.%I FOR VALUES IN (%L)', v_table, p_queue);
END
$$;
COMMENT ON FUNCTION orchestrator.attach_queue IS 'Makes a queue a partition of messages.';
-- The queues that were there before messages was.
SELECT orchestrator.attach_queue(q.queue_name) FROM pgmq.list_queues() q
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i
                    WHERE i.inhparent = 'orchestrator.messages'::regclass AND i.inhrelid = format('pgmq.%I', 'q_' || q.queue_name)::regclass);
