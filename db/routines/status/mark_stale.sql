-- orchestrator.mark_stale(cluster) -> integer
-- Marks deployments that the watcher has not seen for two resyncs, and clears the mark of those seen again.
CREATE OR REPLACE FUNCTION orchestrator.mark_stale(p_cluster text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster orchestrator.clusters;
    v_ids uuid[];
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    v_ids := orchestrator.lock_deployments(ARRAY(
        SELECT d.id FROM orchestrator.deployments d
          CROSS JOIN LATERAL (SELECT max(r.last_seen_at) AS at FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) seen
         WHERE d.cluster_id = v_cluster.id AND d.finalised_at IS NULL
           AND (d.stale_since IS NULL) = (seen.at < now() - make_interval(secs => 2 * v_cluster.resync_seconds))
         LIMIT 10000));
    IF v_ids = '{}' THEN
        RETURN 0;
    END IF;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, actor)
    SELECT d.id, d.generation, 'system', CASE WHEN d.stale_since IS NULL THEN 'DeploymentStale' ELSE 'DeploymentSeenAgain' END, 'orchestrator'
      FROM orchestrator.deployments d WHERE d.id = ANY (v_ids);
    UPDATE orchestrator.deployments d SET stale_since = CASE WHEN d.stale_since IS NULL THEN (
               SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) END
     WHERE d.id = ANY (v_ids);
    PERFORM orchestrator.refresh_status(v_ids);
    RETURN cardinality(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.mark_stale IS 'Marks deployments the watcher no longer sees.';
GRANT EXECUTE ON FUNCTION orchestrator.mark_stale TO orchestrator_worker;
