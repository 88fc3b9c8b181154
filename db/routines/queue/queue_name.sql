-- orchestrator.queue_name(cluster_id, lane) -> text
-- The pgmq queue of a cluster for small interactive work ('now') or for bulk ('bulk').
CREATE OR REPLACE FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('c%s_%s', p_cluster_id, p_lane)
$$;
COMMENT ON FUNCTION orchestrator.queue_name IS 'Name of a cluster''s queue.';
