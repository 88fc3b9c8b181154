-- orchestrator.finish_rollout(id) -> void
-- Nothing is left to do: says so once, and lets its members go. One that somebody holds is let go by the next look, for which the
-- rollout stays under way: waiting here, with its row locked, would hold up those who decide about it.
CREATE OR REPLACE FUNCTION orchestrator.finish_rollout(p_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts;
    v_counted text := (SELECT string_agg(format('%s %s', c.count, c.state), ', ' ORDER BY c.state)
                         FROM (SELECT replace(m.state, '_', ' ') AS state, count(*) FROM orchestrator.rollout_members m WHERE m.rollout_id = p_id GROUP BY 1) c);
BEGIN
    UPDATE orchestrator.rollouts r
       SET state = CASE r.state WHEN 'aborted' THEN 'aborted' ELSE CASE WHEN r.back THEN 'rolled_back' ELSE 'done' END END,
           message = CASE r.state WHEN 'aborted' THEN r.message ELSE format('Ended: %s.', v_counted) END, finished_at = now()
     WHERE r.id = p_id AND r.finished_at IS NULL RETURNING r.* INTO v_rollout;
    IF FOUND AND v_rollout.state <> 'aborted' THEN
        PERFORM orchestrator.tell_rollout(p_id, CASE v_rollout.state WHEN 'done' THEN 'RolloutFinished' ELSE 'RolledBack' END, v_counted, 'orchestrator');
    END IF;
    UPDATE orchestrator.deployments d SET rollout_id = NULL
      FROM (SELECT f.id FROM orchestrator.deployments f WHERE f.rollout_id = p_id ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED) free WHERE d.id = free.id;
    UPDATE orchestrator.rollouts r SET under_way = EXISTS (SELECT FROM orchestrator.deployments d WHERE d.rollout_id = p_id) WHERE r.id = p_id;
END
$$;
COMMENT ON FUNCTION orchestrator.finish_rollout IS 'Ends a rollout of which nothing is left to do.';
