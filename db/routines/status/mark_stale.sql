-- orchestrator.mark_stale(cluster) -> integer
-- Marks deployments that the watcher has not seen for two resyncs, and clears the mark of those seen again. One worker at a time is enough.
-- Each deployment has a ConfigMap, its root: while those were all listed lately nothing can be stale; and while no kind was, nothing
-- can have been seen again. So there is something to look through only when the watcher has just gone or come back.
CREATE OR REPLACE FUNCTION orchestrator.mark_stale(p_cluster text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_most CONSTANT integer := 10000;
    v_cluster orchestrator.clusters;
    v_since timestamptz;
    v_kinds text[];
    v_ids uuid[] := '{}';
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.mark_stale'), v_cluster.id) THEN
        RETURN 0;
    END IF;
    v_since := now() - make_interval(secs => 2 * v_cluster.resync_seconds);
    v_kinds := ARRAY(SELECT w.kind FROM orchestrator.watch_streams w WHERE w.cluster_id = v_cluster.id AND w.synced_at >= v_since);
    IF v_kinds <> '{}' THEN
        v_ids := ARRAY(
            SELECT d.id FROM orchestrator.deployments d
             WHERE d.cluster_id = v_cluster.id AND d.finalised_at IS NULL AND d.stale_since IS NOT NULL
               AND (SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) >= v_since
             LIMIT c_most);
    END IF;
    IF 'ConfigMap' <> ALL (v_kinds) THEN
        v_ids := v_ids || ARRAY(
            SELECT d.id FROM orchestrator.deployments d
             WHERE d.cluster_id = v_cluster.id AND d.finalised_at IS NULL AND d.stale_since IS NULL
               AND (SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) < v_since
             LIMIT c_most);
    END IF;
    v_ids := orchestrator.lock_deployments(v_ids);
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
