-- orchestrator.queue_name(cluster_id, lane) -> text
-- The pgmq queue of a cluster for small interactive work ('now') or for bulk ('bulk').
CREATE OR REPLACE FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('c%s_%s', p_cluster_id, p_lane);
END
$$;
COMMENT ON FUNCTION orchestrator.queue_name IS 'Name of a cluster''s queue.';
