-- orchestrator.abort_rollout(id) -> void
-- Touches nothing more: what was changed stays changed, what was not stays as it is. It can still be rolled back.
CREATE OR REPLACE FUNCTION orchestrator.abort_rollout(p_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state NOT IN ('running', 'paused', 'rolling_back') THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'What has ended cannot be aborted; it can be rolled back.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = 'aborted', message = format('Aborted by %s.', orchestrator.current_actor()) WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutAborted', '', orchestrator.current_actor());
    UPDATE orchestrator.rollout_members m SET state = 'skipped', message = 'The rollout was aborted before its turn.', ended_at = now()
     WHERE m.rollout_id = p_id AND m.state = 'waiting';
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;
COMMENT ON FUNCTION orchestrator.abort_rollout IS 'Ends a rollout where it stands.';
GRANT EXECUTE ON FUNCTION orchestrator.abort_rollout TO orchestrator_operator;
