-- orchestrator.has_dry_runs(cluster) -> boolean
-- Whether there is a dry run for workers of a cluster to take. Asked at each look, and nearly always answered by an empty index.
CREATE OR REPLACE FUNCTION orchestrator.has_dry_runs(p_cluster text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM orchestrator.dry_runs r JOIN orchestrator.clusters c ON c.id = r.cluster_id
                    WHERE c.name = p_cluster AND r.finished_at IS NULL AND (r.state = 'queued' OR r.leased_until < now()))
$$;
COMMENT ON FUNCTION orchestrator.has_dry_runs IS 'Whether a dry run waits for workers.';
GRANT EXECUTE ON FUNCTION orchestrator.has_dry_runs TO orchestrator_worker;
