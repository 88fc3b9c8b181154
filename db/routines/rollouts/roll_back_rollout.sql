-- orchestrator.roll_back_rollout(id, force) -> void
-- Puts the members that were changed back to what they were, batch by batch by the same rules, each by rollback() to its generation of
-- before. Members that were changed by others since keep what those wanted. What rollback() would refuse, as it does to lower a
-- Minecraft version, is listed as refused and stays.
CREATE OR REPLACE FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
    v_member record;
    v_refused text;
BEGIN
    IF v_rollout.back THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is on its way back, or was', p_id), 'state',
            'Resume it if it is paused; a single deployment goes back with rollback(id, generation).');
    END IF;
    UPDATE orchestrator.rollout_members m SET state = 'skipped', message = 'It was not reached before the rollout was turned back.', ended_at = now()
     WHERE m.rollout_id = p_id AND m.state = 'waiting';
    FOR v_member IN
        SELECT m.deployment_id, m.from_generation, m.to_generation, d.name, d.generation, d.rollout_id, d.desired_state
          FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_id AND m.state IN ('started', 'done', 'failed') AND m.to_generation > m.from_generation ORDER BY d.id FOR NO KEY UPDATE OF d
    LOOP
        v_refused := CASE
            WHEN v_member.rollout_id <> p_id THEN format('It is a member of rollout %s by now.', v_member.rollout_id)
            WHEN v_member.generation = v_member.to_generation AND v_member.desired_state <> 'Deleted' THEN orchestrator.rollback_refusal(v_member.deployment_id, v_member.from_generation, p_force) END;
        UPDATE orchestrator.rollout_members m
           SET state = CASE WHEN v_refused IS NULL THEN 'waiting' ELSE 'refused' END, message = coalesce(v_refused, ''), waited_seconds = 0,
               ended_at = CASE WHEN v_refused IS NOT NULL THEN now() END
         WHERE m.rollout_id = p_id AND m.deployment_id = v_member.deployment_id;
        UPDATE orchestrator.deployments d SET rollout_id = p_id WHERE d.id = v_member.deployment_id AND v_refused IS NULL;
    END LOOP;
    UPDATE orchestrator.rollouts r SET state = 'rolling_back', back = true, force = coalesce(p_force, false), message = '', run_by = orchestrator.current_actor()
     WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutTurnedBack', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;
COMMENT ON FUNCTION orchestrator.roll_back_rollout IS 'Puts the members that a rollout changed back to what they were.';
GRANT EXECUTE ON FUNCTION orchestrator.roll_back_rollout TO orchestrator_operator;
