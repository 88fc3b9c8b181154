-- orchestrator.advance_rollout(rollout) -> void
-- One look at a rollout, whose row the caller holds: ends the members that are through, pauses if one failed, starts those whose turn it
-- is, and finishes. What it decides, it decides from what stands there now, so it may be called at any time and again.
CREATE OR REPLACE FUNCTION orchestrator.advance_rollout(p_rollout orchestrator.rollouts) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_failed boolean := orchestrator.judge_members(p_rollout);
    v_open record;
BEGIN
    UPDATE orchestrator.rollouts r SET looked_at = now() WHERE r.id = p_rollout.id;
    IF p_rollout.state IN ('running', 'rolling_back') THEN
        IF v_failed AND p_rollout.pause_on_failure AND EXISTS (
               SELECT FROM orchestrator.rollout_members m WHERE m.rollout_id = p_rollout.id AND m.state = 'waiting') THEN
            PERFORM orchestrator.hold_rollout(p_rollout.id, 'A member has failed. Look why, then resume, abort or roll back.');
        ELSE
            PERFORM orchestrator.start_members(p_rollout);
        END IF;
    END IF;
    SELECT count(*) FILTER (WHERE m.state = 'waiting') AS waiting, count(*) FILTER (WHERE m.state = 'started') AS started INTO v_open FROM orchestrator.rollout_members m WHERE m.rollout_id = p_rollout.id;
    IF v_open.started > 0 OR (v_open.waiting > 0 AND (SELECT r.state <> 'paused' FROM orchestrator.rollouts r WHERE r.id = p_rollout.id)) THEN
        RETURN;
    ELSIF v_open.waiting > 0 THEN
        UPDATE orchestrator.rollouts r SET under_way = false WHERE r.id = p_rollout.id;
    ELSE
        PERFORM orchestrator.finish_rollout(p_rollout.id);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.advance_rollout IS 'One look at a rollout.';
