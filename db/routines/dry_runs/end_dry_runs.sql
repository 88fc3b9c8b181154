-- orchestrator.end_dry_runs(cluster) -> void
-- Ends those that nobody answered in time, with what they waited for, and drops some of those that are older than a day.
CREATE OR REPLACE FUNCTION orchestrator.end_dry_runs(p_cluster text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
BEGIN
    UPDATE orchestrator.dry_runs r
       SET state = 'failed', finished_at = now(),
           message = 'nobody answered in time: ' || coalesce(nullif(r.message, ''),
               CASE WHEN EXISTS (SELECT FROM orchestrator.processes p WHERE p.cluster_id = v_cluster_id AND p.kind = 'worker' AND p.last_seen_at > now() - interval '1 minute')
                    THEN 'the workers were busy' ELSE 'no worker runs for this cluster' END)
     WHERE r.cluster_id = v_cluster_id AND r.finished_at IS NULL AND r.expires_at < now()
       AND (r.state = 'queued' OR r.leased_until < now());
    DELETE FROM orchestrator.dry_runs r WHERE r.id = ANY (ARRAY(
        SELECT o.id FROM orchestrator.dry_runs o WHERE o.created_at < now() - interval '1 day' ORDER BY o.created_at LIMIT 20));
END
$$;
COMMENT ON FUNCTION orchestrator.end_dry_runs IS 'Ends dry runs that nobody answered in time, and drops old ones.';
GRANT EXECUTE ON FUNCTION orchestrator.end_dry_runs TO orchestrator_worker;
