-- orchestrator.report_process(cluster, kind, name, age_seconds, active) -> void
-- A worker or watcher says that it is there, every few seconds, and clears away those that have not for a minute. Only one watcher
-- of a cluster is active: whoever is says that the one before is no more.
CREATE OR REPLACE FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO orchestrator.processes AS p (cluster_id, kind, name, active, started_at)
    SELECT c.id, p_kind, p_name, p_active, now() - make_interval(secs => p_age_seconds) FROM orchestrator.clusters c WHERE c.name = p_cluster
    ON CONFLICT (cluster_id, kind, name) DO UPDATE SET active = excluded.active, started_at = excluded.started_at, last_seen_at = now();
    -- Never waiting: several clear away at once, each holding its own row.
    DELETE FROM orchestrator.processes p USING (
        SELECT o.cluster_id, o.kind, o.name FROM orchestrator.processes o
         WHERE o.last_seen_at < now() - interval '1 minute'
            OR (o.active AND p_active AND o.kind = 'watcher' AND p_kind = 'watcher' AND o.name <> p_name
                AND o.cluster_id = (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster))
           FOR UPDATE SKIP LOCKED) old
     WHERE (p.cluster_id, p.kind, p.name) = (old.cluster_id, old.kind, old.name);
$$;
COMMENT ON FUNCTION orchestrator.report_process IS 'A worker or watcher says that it is there.';
GRANT EXECUTE ON FUNCTION orchestrator.report_process TO orchestrator_worker, orchestrator_watcher;
