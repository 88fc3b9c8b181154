-- orchestrator.wake_rollout(rollout_id) -> void
-- Has workers look at a rollout: those of the clusters that its open members are on, at once; any other within its poll.
CREATE OR REPLACE FUNCTION orchestrator.wake_rollout(p_rollout_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.rollouts r SET under_way = true, finished_at = NULL WHERE r.id = p_rollout_id AND (NOT r.under_way OR r.finished_at IS NOT NULL);
    PERFORM orchestrator.nudge(c.cluster_id) FROM (
        SELECT DISTINCT d.cluster_id FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_rollout_id AND m.state IN ('waiting', 'started')) c;
END
$$;
COMMENT ON FUNCTION orchestrator.wake_rollout IS 'Has workers look at a rollout.';
