-- orchestrator.measure_queues() -> setof (cluster, lane, depth, leased, oldest_seconds)
-- How much each queue holds and since when, for metrics. Counted: pgmq.metrics takes the queue's length from statistics and
-- its messages' total from a sequence, neither of which tells what waits now.
CREATE OR REPLACE FUNCTION orchestrator.measure_queues()
RETURNS TABLE (cluster text, lane text, depth bigint, leased bigint, oldest_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.name, l.lane, count(q.msg_id), count(q.msg_id) FILTER (WHERE q.vt > clock_timestamp()),
           coalesce(extract(epoch FROM clock_timestamp() - min(q.enqueued_at)), 0)
      FROM orchestrator.clusters c
     CROSS JOIN (VALUES ('now'), ('bulk')) l (lane)
      LEFT JOIN orchestrator.messages q ON q.queue = orchestrator.queue_name(c.id, l.lane)
     GROUP BY c.id, c.name, l.lane ORDER BY c.id, l.lane
$$;
COMMENT ON FUNCTION orchestrator.measure_queues IS 'Depth and age of every queue.';
GRANT EXECUTE ON FUNCTION orchestrator.measure_queues TO orchestrator_viewer;
