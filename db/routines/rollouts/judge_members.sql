-- orchestrator.judge_members(rollout) -> boolean whether one has failed
-- Ends the members that were started and are through: well at their new generation, refused by the cluster for good, not well for too
-- long, or changed by others meanwhile, whose newer intent wins. While a member's cluster is away or nobody watches it nothing is
-- known, so nothing is decided and its patience does not run; nor does it while no worker looks.
CREATE OR REPLACE FUNCTION orchestrator.judge_members(p_rollout orchestrator.rollouts) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_longest_gap_seconds CONSTANT double precision := 5;
    v_gap_seconds double precision := extract(epoch FROM now() - p_rollout.looked_at);
    v_member record;
    v_failed boolean := false;
BEGIN
    UPDATE orchestrator.rollout_members m SET waited_seconds = m.waited_seconds + v_gap_seconds
      FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id
     WHERE m.rollout_id = p_rollout.id AND m.state = 'started' AND d.id = m.deployment_id
       AND m.started_at <= p_rollout.looked_at AND v_gap_seconds <= c_longest_gap_seconds AND c.unreachable_since IS NULL AND d.stale_since IS NULL;
    FOR v_member IN
        SELECT m.deployment_id, j.state, j.message
          FROM orchestrator.rollout_members m
          JOIN orchestrator.deployments d ON d.id = m.deployment_id
          JOIN orchestrator.clusters c ON c.id = d.cluster_id
         CROSS JOIN LATERAL (SELECT coalesce(m.back_generation, m.to_generation) AS own, c.unreachable_since IS NOT NULL OR d.stale_since IS NOT NULL AS away) o
         CROSS JOIN LATERAL (SELECT CASE
             WHEN d.generation <> o.own THEN 'skipped'
             WHEN d.desired_state = 'Paused' THEN 'well'
             WHEN o.away OR d.last_applied_generation < o.own AND d.status_summary <> 'Error' THEN NULL
             WHEN d.status_summary = CASE d.desired_state WHEN 'Stopped' THEN 'Stopped' ELSE 'Healthy' END AND NOT (p_rollout.restart AND d.restart_required) THEN 'well'
             WHEN d.status_summary = 'Error' THEN 'failed' END AS found) f
         CROSS JOIN LATERAL (SELECT
             CASE WHEN f.found = 'well' THEN CASE WHEN p_rollout.back THEN 'rolled_back' ELSE 'done' END
                  WHEN f.found IS NULL AND NOT o.away AND m.waited_seconds >= p_rollout.patience_seconds THEN 'failed' ELSE f.found END AS state,
             CASE f.found WHEN 'well' THEN CASE d.desired_state WHEN 'Paused' THEN 'It is held; it takes effect when it is resumed.' ELSE '' END
                          WHEN 'skipped' THEN orchestrator.describe_newer(d.id, d.generation)
                          WHEN 'failed' THEN d.status_message
                          ELSE format('Not well after %s seconds. %s: %s', p_rollout.patience_seconds, d.status_summary, d.status_message) END AS message) j
         WHERE m.rollout_id = p_rollout.id AND m.state = 'started' AND j.state IS NOT NULL
         ORDER BY m.position
    LOOP
        PERFORM orchestrator.end_member(p_rollout.id, v_member.deployment_id, v_member.state, v_member.message);
        v_failed := v_failed OR v_member.state = 'failed';
    END LOOP;
    RETURN v_failed;
END
$$;
COMMENT ON FUNCTION orchestrator.judge_members IS 'Ends the members of a rollout that are through.';
