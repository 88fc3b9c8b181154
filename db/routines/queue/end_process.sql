-- orchestrator.end_process(cluster, kind, name) -> void
-- A worker or watcher that stops says so; one that cannot is gone from the views a minute later.
CREATE OR REPLACE FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM orchestrator.processes p USING orchestrator.clusters c
     WHERE c.name = p_cluster AND p.cluster_id = c.id AND p.kind = p_kind AND p.name = p_name
$$;
COMMENT ON FUNCTION orchestrator.end_process IS 'A worker or watcher says that it stops.';
GRANT EXECUTE ON FUNCTION orchestrator.end_process TO orchestrator_worker, orchestrator_watcher;
