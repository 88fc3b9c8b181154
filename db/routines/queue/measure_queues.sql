-- orchestrator.measure_queues() -> setof (cluster, lane, depth, leased, oldest_seconds)
-- How much each queue holds and since when, for metrics. Counted: pgmq.metrics takes the queue's length from statistics and
-- its messages' total from a sequence, neither of which tells what waits now.
CREATE OR REPLACE FUNCTION orchestrator.measure_queues()
RETURNS TABLE (cluster text, lane text, depth bigint, leased bigint, oldest_seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster_id integer;
BEGIN
    FOR v_cluster_id, cluster, lane IN
        SELECT c.id, c.name, l.lane FROM orchestrator.clusters c CROSS JOIN (VALUES ('now'), ('bulk')) l (lane) ORDER BY c.id, l.lane
    LOOP
        EXECUTE format('SELECT count(*), count(*) FILTER (WHERE q.vt > clock_timestamp()),
                               coalesce(extract(epoch FROM clock_timestamp() - min(q.enqueued_at)), 0) FROM pgmq.%I q',
                       'q_' || orchestrator.queue_name(v_cluster_id, lane))
           INTO depth, leased, oldest_seconds;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.measure_queues IS 'Depth and age of every queue.';
GRANT EXECUTE ON FUNCTION orchestrator.measure_queues TO orchestrator_viewer;
