-- orchestrator.nudge(cluster_id) -> void
-- Wakes the cluster's workers at commit, with at most one notifying commit in flight: NOTIFY serialises commits.
-- A skipped nudge can be lost, so a woken worker looks again shortly after.
CREATE OR REPLACE FUNCTION orchestrator.nudge(p_cluster_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtext('orchestrator.nudge'), p_cluster_id) THEN
        PERFORM pg_notify('orchestrator_c' || p_cluster_id, '');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.nudge IS 'Wakes the workers of a cluster.';
