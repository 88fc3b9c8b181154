-- orchestrator.resume_rollout(id) -> void
-- Goes on where it was paused, from now on in the name of whoever resumes it.
CREATE OR REPLACE FUNCTION orchestrator.resume_rollout(p_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state <> 'paused' THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'Only what is paused can be resumed.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = CASE WHEN r.back THEN 'rolling_back' ELSE 'running' END, message = '', run_by = orchestrator.current_actor()
     WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutResumed', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;
COMMENT ON FUNCTION orchestrator.resume_rollout IS 'Goes on with a rollout that was paused.';
GRANT EXECUTE ON FUNCTION orchestrator.resume_rollout TO orchestrator_operator;
