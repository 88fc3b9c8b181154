-- orchestrator.start_members(rollout) -> void
-- Changes the members whose turn it is: of the first batch that has not ended, as long as fewer than max_unavailable of all members are
-- not well, whether by the rollout or for another reason. One that is not well anyway may always be started: that makes no more of them.
-- What is stopped or paused is missed by nobody and does not count. One that somebody holds, or whose cluster is away, waits.
CREATE OR REPLACE FUNCTION orchestrator.start_members(p_rollout orchestrator.rollouts) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Each is a few milliseconds; the rest is left to the next look.
    c_most CONSTANT integer := 50;
    v_unavailable bigint;
    v_count integer := 0;
    v_member record;
    v_now record;
BEGIN
    SELECT count(*) FILTER (WHERE d.desired_state = 'Active' AND (m.state = 'started' OR d.status_summary <> 'Healthy'))
      INTO v_unavailable
      FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
     WHERE m.rollout_id = p_rollout.id AND d.rollout_id = p_rollout.id;
    FOR v_member IN
        SELECT m.deployment_id, CASE WHEN p_rollout.back THEN m.to_generation ELSE m.from_generation END AS generation, m.from_generation,
               d.desired_state = 'Active' AND d.status_summary = 'Healthy' AS well
          FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_rollout.id AND m.state = 'waiting' AND m.batch = (
               SELECT min(b.batch) FROM orchestrator.rollout_members b WHERE b.rollout_id = p_rollout.id AND b.state IN ('waiting', 'started'))
         ORDER BY m.position
    LOOP
        EXIT WHEN v_count >= c_most;
        CONTINUE WHEN v_member.well AND v_unavailable >= p_rollout.max_unavailable;
        -- Again, locked: what was read above may be old by now.
        SELECT d.generation, d.namespace, d.desired_state = 'Active' AND d.status_summary = 'Healthy' AS well INTO v_now
          FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id
         WHERE d.id = v_member.deployment_id AND c.unreachable_since IS NULL FOR NO KEY UPDATE OF d SKIP LOCKED;
        CONTINUE WHEN NOT FOUND OR (v_now.well AND v_unavailable >= p_rollout.max_unavailable);
        v_count := v_count + 1;
        IF v_now.generation <> v_member.generation THEN
            PERFORM orchestrator.end_member(p_rollout.id, v_member.deployment_id, 'skipped', orchestrator.describe_newer(v_member.deployment_id, v_now.generation));
        ELSIF NOT orchestrator.may_run_rollout(p_rollout.run_by, v_now.namespace) THEN
            PERFORM orchestrator.hold_rollout(p_rollout.id, format('%s, in whose name it runs, may not change all of its members any more. '
                'Whoever may, resumes it in their own name.', p_rollout.run_by));
            RETURN;
        ELSIF orchestrator.change_member(p_rollout, v_member.deployment_id, v_member.from_generation) AND v_now.well THEN
            v_unavailable := v_unavailable + 1;
        END IF;
    END LOOP;
    -- What came to its end at once makes room, perhaps for the next batch: look again.
    IF v_count > 0 THEN
        PERFORM orchestrator.wake_rollout(p_rollout.id);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.start_members IS 'Changes the members of a rollout whose turn it is.';
