-- orchestrator.record_stream(cluster, kind, state, restarts, error) -> void
-- The state of one watch: connected, synced or lost, and how often it had to start again.
CREATE OR REPLACE FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO orchestrator.watch_streams AS w (cluster_id, kind, state, restarts, error, synced_at)
    SELECT c.id, p_kind, p_state, p_restarts, p_error, CASE WHEN p_state = 'synced' THEN now() END
      FROM orchestrator.clusters c WHERE c.name = p_cluster
    ON CONFLICT (cluster_id, kind) DO UPDATE
       SET state = excluded.state, restarts = excluded.restarts, error = excluded.error,
           changed_at = CASE WHEN w.state = excluded.state THEN w.changed_at ELSE now() END,
           synced_at = coalesce(excluded.synced_at, w.synced_at)
$$;
COMMENT ON FUNCTION orchestrator.record_stream IS 'Writes the state of a watch.';
GRANT EXECUTE ON FUNCTION orchestrator.record_stream TO orchestrator_watcher;
