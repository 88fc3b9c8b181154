-- orchestrator.measure_snapshots() -> double precision
-- The age in seconds of the oldest transaction of another client here that holds a snapshot or has written: dead rows of the queues
-- stay while it lasts, and each read of a queue wades through them. 0 without any; NULL where the owner may not read statistics.
CREATE OR REPLACE FUNCTION orchestrator.measure_snapshots() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                THEN coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)::double precision END
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
       AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
$$;
COMMENT ON FUNCTION orchestrator.measure_snapshots IS 'Age of the oldest open snapshot in seconds.';
GRANT EXECUTE ON FUNCTION orchestrator.measure_snapshots TO orchestrator_viewer;
