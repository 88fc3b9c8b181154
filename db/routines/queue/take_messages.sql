-- orchestrator.take_messages(cluster_id, limit, lease_seconds) -> jsonb
-- Reads the interactive queue before the bulk one, which always keeps a quarter of the places. NULL when there was nothing.
CREATE OR REPLACE FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now text := orchestrator.queue_name(p_cluster_id, 'now');
    v_bulk text := orchestrator.queue_name(p_cluster_id, 'bulk');
    v_share integer := greatest(p_limit / 4, CASE WHEN random() < 0.25 THEN 1 ELSE 0 END);
    v_read jsonb;
    v_more boolean;
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
    RETURN nullif(v_read, '[]');
END
$$;
COMMENT ON FUNCTION orchestrator.take_messages IS 'Reads both queues of a cluster.';
