-- orchestrator.take_messages(cluster_id, limit, lease_seconds) -> jsonb
-- Reads the interactive queue before the bulk one, which always keeps a quarter of the places; drops messages that no slot
-- knows (a restored backup), and quarantines those that were taken too often without an answer.
CREATE OR REPLACE FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_most_reads CONSTANT integer := 5;
    v_now text := orchestrator.queue_name(p_cluster_id, 'now');
    v_bulk text := orchestrator.queue_name(p_cluster_id, 'bulk');
    v_share integer := greatest(p_limit / 4, CASE WHEN random() < 0.25 THEN 1 ELSE 0 END);
    v_read jsonb;
    v_more boolean;
    v_bad jsonb;
    v_message record;
BEGIN
    v_read := coalesce(orchestrator.read_queue(v_now, p_limit - v_share, p_lease_seconds), '[]');
    v_more := jsonb_array_length(v_read) = p_limit - v_share;
    IF jsonb_array_length(v_read) < p_limit THEN
        v_read := v_read || coalesce(orchestrator.read_queue(v_bulk, p_limit - jsonb_array_length(v_read), p_lease_seconds), '[]');
    END IF;
    -- What the bulk queue leaves of its share goes to the interactive one after all: a free place never hides waiting work.
    IF v_more AND jsonb_array_length(v_read) < p_limit THEN
        v_read := v_read || coalesce(orchestrator.read_queue(v_now, p_limit - jsonb_array_length(v_read), p_lease_seconds), '[]');
    END IF;
    IF v_read = '[]' THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_agg(m) INTO v_bad FROM jsonb_array_elements(v_read) m
      LEFT JOIN orchestrator.reconcile_slots s
             ON s.deployment_id = (m ->> 'id')::uuid AND s.msg_id = (m ->> 'msg_id')::bigint AND s.queue = m ->> 'queue'
     WHERE s.deployment_id IS NULL OR (m ->> 'token')::integer > c_most_reads;
    IF v_bad IS NULL THEN
        RETURN v_read;
    END IF;
    FOR v_message IN SELECT * FROM jsonb_to_recordset(v_bad) AS t (queue text, msg_id bigint, token integer, id uuid) LOOP
        PERFORM orchestrator.quarantine(v_message.queue, v_message.msg_id, v_message.id);
    END LOOP;
    RETURN (SELECT jsonb_agg(m) FROM jsonb_array_elements(v_read) m WHERE NOT v_bad @> jsonb_build_array(m));
END
$$;
COMMENT ON FUNCTION orchestrator.take_messages IS 'Reads both queues of a cluster.';
