-- orchestrator.pause_rollout(id) -> void
-- Starts no further member until it is resumed; those that were started are still watched.
CREATE OR REPLACE FUNCTION orchestrator.pause_rollout(p_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state NOT IN ('running', 'rolling_back') THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'Only what is under way can be paused.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = 'paused', message = format('Paused by %s.', orchestrator.current_actor()) WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutPaused', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;
COMMENT ON FUNCTION orchestrator.pause_rollout IS 'Starts no further member of a rollout until it is resumed.';
GRANT EXECUTE ON FUNCTION orchestrator.pause_rollout TO orchestrator_operator;
